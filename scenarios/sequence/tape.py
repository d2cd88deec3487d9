"""What travels in a run, kept for drawing: a recorder that writes no capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocols.capture.recorder import Recorder

WRAPPER_OCTETS = 8


@dataclass(frozen=True, slots=True)
class Pdu:
    """One DLMS APDU that arrived, between a client (concentrator or head-end) and a meter."""

    at_us: int
    client: str
    meter: str
    up: bool
    apdu: bytes


@dataclass(frozen=True, slots=True)
class Carried:
    """One message between head-end and a concentrator, as the concentrator sent or got it."""

    at_us: int
    topic: str
    payload: bytes
    up: bool


class Tape(Recorder):
    """Keeps PDUs and messages; frames are counted by the world's own log."""

    def __init__(self) -> None:
        super().__init__(lambda octets: None)
        self.pdus: list[Pdu] = []
        self.messages: list[Carried] = []

    def frame(self, *told: Any, **more: Any) -> None:
        """None is drawn."""

    radio = frame

    def wrapper(
        self, now_us: int, client: str, meter: str, frame: bytes, *, up: bool, port: int = 0
    ) -> None:
        self.pdus.append(Pdu(now_us, client, meter, up, frame[WRAPPER_OCTETS:]))

    def message(self, now_us: int, topic: str, payload: bytes, *, up: bool) -> None:
        self.messages.append(Carried(now_us, topic, payload, up))
