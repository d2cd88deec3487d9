"""What a fleet's head-end says to a concentrator, and what it is told: every upload with its time.

It answers as the head-end does: a task table for who has an older one, a receipt for each message.
The uploads themselves are taken in afterwards, by the process that writes, with the head-end's own
code (`headend.app.fleet`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from protocols.concentrator.collecting import Kind, SetTasks, Task, Upload
from protocols.concentrator.direction import ObjectWanted
from protocols.concentrator.messages import (
    LinkChanged,
    Online,
    ReceiptFromConcentrator,
    ReceiptToConcentrator,
    decode_upward,
    encode,
)

LOAD_PROFILE = ObjectWanted(7, "1.0.99.1.0.255")
COLLECTED_AFTER_S = 15 * 60
"""After midnight UTC, when the last interval of the day has been captured."""

DAILY = Task(
    name="load-profile",
    kind=Kind.PROFILE,
    objects=(LOAD_PROFILE,),
    every_s=86_400,
    after_s=COLLECTED_AFTER_S,
    whole_days=True,
)
TASKS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Arrived:
    """An upload as it came over the line."""

    at: float  # world's time
    payload: bytes


@dataclass(slots=True)
class Receiving:
    """The head-end's end of one concentrator's line: `wan_line.HeadEnd`."""

    now: Callable[[], float]
    uploads: list[Arrived] = field(default_factory=list)
    dropped: int = 0
    """Blocks that the concentrator's memory lost, as it told."""
    messages: int = 0
    _sent: int = 0

    def __call__(self, topic: str, payload: bytes) -> list[bytes]:
        self.messages += 1
        message = decode_upward(payload)
        match message:
            case Online(tasks=tasks):
                return [self._tasks()] if tasks < TASKS_VERSION else []
            case ReceiptFromConcentrator() | LinkChanged():
                return []
            case Upload():
                self.uploads.append(Arrived(self.now(), payload))
                self.dropped += message.dropped
        return [self._encoded(partial(ReceiptToConcentrator, of=message.id))]

    def _tasks(self) -> bytes:
        return self._encoded(partial(SetTasks, version=TASKS_VERSION, tasks=(DAILY,)))

    def _encoded(self, make: Callable[..., ReceiptToConcentrator | SetTasks]) -> bytes:
        self._sent += 1
        return encode(make(id=f"fleet-{self._sent}", at=datetime.fromtimestamp(self.now(), UTC)))
