"""What is observed by the way, at doors where anybody may knock: each kind once at once, and then
how often within the minute, so that nobody can fill the audit log from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from headend import trouble
from headend.domain.audit import AuditLine
from headend.ports import Clock

WITHIN = timedelta(seconds=60)
KINDS_MAX = 1000  # of lines told apart within a minute; more are one kind
REST_S = 5.0  # after trouble, the database's among it

_log = structlog.get_logger("watch")


@dataclass(slots=True)
class _Seen:
    line: AuditLine
    more: int = 0


@dataclass(slots=True)
class Watch:
    """Takes observations without waiting, and `run` writes them down."""

    note: Callable[[AuditLine], Awaitable[None]]
    clock: Clock
    errors: list[Exception] = field(default_factory=list)
    _now: list[AuditLine] = field(default_factory=list)
    _seen: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, line: AuditLine) -> None:
        """Something was observed: it is written down soon, or counted."""
        kind = (line.action, line.subject)
        if kind not in self._seen and len(self._seen) >= KINDS_MAX:
            kind = (line.action, "")
            line = replace(line, subject="many others")
        known = self._seen.get(kind)
        if known is not None and line.at < known.line.at + WITHIN:
            known.more += 1
            return
        if known is not None:
            self._count(known)
        self._seen[kind] = _Seen(line)
        self._now.append(line)
        self._bell.set()

    async def run(self) -> None:
        """Write down what comes, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(WITHIN.total_seconds() if self._seen else None):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()
            try:
                await self.write()
            except Exception as error:
                trouble.note(self.errors, _log, "observations wait", error)
                await asyncio.sleep(REST_S)

    async def write(self) -> None:
        """Write what waits, and the counts of minutes that are over."""
        now = self.clock.now()
        for kind, seen in list(self._seen.items()):
            if now >= seen.line.at + WITHIN:
                self._count(seen)
                del self._seen[kind]
        while self._now:
            await self.note(self._now[0])
            del self._now[0]

    def _count(self, seen: _Seen) -> None:
        if seen.more:
            told = f"{seen.more} more within a minute; {seen.line.detail}"
            self._now.append(replace(seen.line, detail=told))
