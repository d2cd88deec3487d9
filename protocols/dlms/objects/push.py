"""Push setup, class 40 (Blue Book 4.4.8): what is pushed, where to, when and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from protocols.dlms.date_time import DateTime
from protocols.dlms.objects import shape
from protocols.dlms.objects.capture import CaptureObject
from protocols.dlms.values import Array, Enum, OctetString, Structure, Value

PUSH_SETUP_CLASS = 40
TRANSPORTS = {
    0: "TCP", 1: "UDP", 2: "FTP", 3: "SMTP", 4: "SMS", 5: "HDLC", 6: "M-Bus", 7: "ZigBee",
    8: "DLMS gateway", 9: "CoAP",
}  # fmt: skip
MESSAGES = {0: "A-XDR", 1: "XML", 2: "BER"}  # 128 and above: of the manufacturer


@dataclass(frozen=True, slots=True)
class Destination:
    """send_destination_and_method: codes of TRANSPORTS and MESSAGES, and an address."""

    transport: int
    address: bytes  # of TCP and UDP: text as 192.0.2.1:4059
    message: int = 0

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        what = "send_destination_and_method"
        transport, address, message = shape.members(value, what, 3)[:3]
        return cls(
            shape.integer(transport, what),
            shape.octets(address, what),
            shape.integer(message, what),
        )

    def to_value(self) -> Structure:
        return Structure((Enum(self.transport), OctetString(self.address), Enum(self.message)))


@dataclass(frozen=True, slots=True)
class Window:
    """One element of communication_window."""

    start: DateTime
    end: DateTime

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Raises `shape.Misshapen`."""
        start, end = shape.members(value, "communication_window", 2)[:2]
        return cls(shape.moment(start, "start of a window"), shape.moment(end, "end of a window"))

    def to_value(self) -> Structure:
        return Structure((OctetString(self.start.octets), OctetString(self.end.octets)))


@dataclass(frozen=True, slots=True)
class PushSetup:
    """Attributes 2 to 5 and 6, 7 of versions 0 and 1; None for what the meter did not tell."""

    objects: tuple[CaptureObject, ...]
    destination: Destination
    windows: tuple[Window, ...] = ()
    randomisation_s: int | None = None
    retries: int | None = None
    repetition_delay_s: int | None = None


def read_push_objects(value: Value) -> tuple[CaptureObject, ...]:
    """Attribute push_object_list.  Raises `shape.Misshapen`."""
    return tuple(map(CaptureObject.from_value, shape.elements(value, "push_object_list")))


def write_push_objects(objects: tuple[CaptureObject, ...]) -> Array:
    """Inverse of `read_push_objects`."""
    return Array(found.to_value() for found in objects)


def read_windows(value: Value) -> tuple[Window, ...]:
    """Attribute communication_window.  Raises `shape.Misshapen`."""
    return tuple(map(Window.from_value, shape.elements(value, "communication_window")))


def write_windows(windows: tuple[Window, ...]) -> Array:
    """Inverse of `read_windows`."""
    return Array(window.to_value() for window in windows)
