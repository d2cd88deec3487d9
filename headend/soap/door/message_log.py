"""The log of messages: a line for each that came to a CIM door, whatever was answered.

A door notes a line without waiting for it; lines are written together, at the latest `EVERY_S`
after they came and when the process ends.  A process that is killed loses those of the last
moment: what took effect is kept by the inbox all the same, with its octets and its answer.  While
nothing can be written, `WAITING_MAX` lines wait; the number of those lost beyond is logged.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from headend import trouble
from headend.access import lines
from headend.domain.audit import AuditLine
from headend.domain.message_log import DoorMessage
from headend.ports import Clock
from headend.soap.door.server import SoapAnswer
from headend.soap.door.told import Told

EVERY_S: Final = 0.2
BATCH: Final = 500
WAITING_MAX: Final = 50_000  # some 30 MB
REST_S: Final = 5.0  # after trouble, the database's among it
TEXT_MAX: Final = 200  # characters of a field: a stranger must not fill the log

# Of codes other than family 7, what looks like an attack and not like a mistake.
SUSPICIOUS: Final = frozenset(
    {"DTD_NO_ADMITIDA", "ENTIDAD_NO_ADMITIDA", "SOBRE_INVALIDO", "XML_FUERA_DE_LIMITES",
     "CABECERA_DISTINTA"}
)  # fmt: skip

_log = structlog.get_logger("messages")
_UNREAD: Final = Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message at a door, as far as HTTP tells; `body` None where it was not read to its end."""

    took_s: float  # until its answer
    address: str
    certificate: str | None
    body: bytes | None


class Note(Protocol):
    """Where a door says what came and what was answered."""

    def __call__(self, posted: Posted, answer: SoapAnswer) -> None: ...


def nobody(posted: Posted, answer: SoapAnswer) -> None:
    """For doors without a log."""


def line_of(door: str, posted: Posted, answer: SoapAnswer, now: datetime) -> DoorMessage:
    """The line that is kept of a message that was answered now."""
    told, body = answer.told or _UNREAD, posted.body
    return DoorMessage(
        at=now - timedelta(seconds=posted.took_s),
        door=door,
        address=posted.address,
        certificate=posted.certificate,
        username=_cut(told.user),
        source=_cut(told.source),
        verb=_cut(told.verb) or "",
        noun=_cut(told.noun) or "",
        message_id=_cut(told.message_id),
        correlation_id=_cut(told.correlation_id),
        octets=0 if body is None else len(body),
        digest="" if body is None else hashlib.sha256(body).hexdigest(),
        status=answer.status,
        result=told.result,
        code=told.code,
        key=told.key,
        took_ms=round(posted.took_s * 1000),
    )


def alarming(line: DoorMessage) -> AuditLine | None:
    """What the CERT is told of a message; None of one that concerns it not."""
    if not line.code.startswith("7.") and line.key not in SUSPICIOUS:
        return None
    who = line.username or line.certificate or line.source or ""
    what = " ".join(filter(None, (line.code, line.key)))
    return lines.refused(
        line.at,
        who,
        "cim.refused",
        f"the {line.door} door: {what}",
        f"{line.verb} {line.noun}, MessageID {line.message_id or 'none'}".strip(),
        source=line.address,
    )


@dataclass(slots=True)
class MessageLog:
    """The log of one door."""

    door: str
    clock: Clock
    keep: Callable[[Sequence[DoorMessage]], Awaitable[None]]
    saw: Callable[[AuditLine], None]
    errors: list[Exception] = field(default_factory=list)
    lost: int = 0
    _waiting: deque[DoorMessage] = field(default_factory=deque)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, posted: Posted, answer: SoapAnswer) -> None:
        """Note a message (`Note`)."""
        line = line_of(self.door, posted, answer, self.clock.now())
        if len(self._waiting) >= WAITING_MAX:
            self.lost += 1
            return
        self._waiting.append(line)
        self._bell.set()
        alarm = alarming(line)
        if alarm is not None:
            self.saw(alarm)

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            await self._bell.wait()
            await asyncio.sleep(EVERY_S)
            try:
                await self.write()
            except Exception as error:
                trouble.note(self.errors, _log, "the log of messages waits", error)
                await asyncio.sleep(REST_S)

    async def write(self) -> None:
        """Write all that waits."""
        self._bell.clear()
        if self.lost:
            _log.error("messages are missing in the log", door=self.door, lost=self.lost)
            self.lost = 0
        while self._waiting:
            batch = [self._waiting[n] for n in range(min(BATCH, len(self._waiting)))]
            try:
                await self.keep(batch)
            except BaseException:
                self._bell.set()
                raise
            for _ in batch:
                self._waiting.popleft()


def _cut(text: str | None) -> str | None:
    return None if text is None else lines.clean(text)[:TEXT_MAX]
