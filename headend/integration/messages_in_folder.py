"""The log of messages of doors behind which there is no database: the bus's, the adapters'."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import structlog

from headend.domain.message_log import DoorMessage
from headend.integration.lines_in_folder import LinesInFolder
from headend.ports import Clock
from headend.soap.door.message_log import Note, Posted, alarming, line_of
from headend.soap.door.server import SoapAnswer

OCTETS_MAX: Final = 256 * 1024 * 1024  # some 500,000 messages

_log = structlog.get_logger("messages")


class MessagesInFolder:
    """A line of JSON for each message of the doors of one process.  One that cannot be written is
    logged and lost."""

    def __init__(self, folder: Path, clock: Clock, *, octets_max: int = OCTETS_MAX) -> None:
        self._lines = LinesInFolder(folder, "messages", octets_max)
        self._clock = clock

    def of_door(self, door: str) -> Note:
        """Where this door notes what came."""

        def note(posted: Posted, answer: SoapAnswer) -> None:
            line = line_of(door, posted, answer, self._clock.now())
            try:
                self._lines.add(msgspec.json.encode(line))
            except OSError as error:
                _log.error("a message was not logged", door=door, why=str(error))
            alarm = alarming(line)
            if alarm is not None:
                _log.warning("a message was refused", who=alarm.actor, source=alarm.source,
                             what=alarm.subject, detail=alarm.detail)  # fmt: skip

        return note

    def logged(self, id: str) -> list[DoorMessage]:
        """What came under a MessageID or CorrelationID, in the order in which it came."""
        wanted = msgspec.json.encode(id)
        found = (_read(line) for line in self._lines.all() if wanted in line)
        return [each for each in found if each and id in (each.message_id, each.correlation_id)]


def _read(line: bytes) -> DoorMessage | None:
    """A message; None where a process died while it wrote the line."""
    try:
        return msgspec.json.decode(line, type=DoorMessage)
    except msgspec.DecodeError:
        return None
