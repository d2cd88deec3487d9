"""What has changed, as it comes, for any number of listeners of one process.

One reader follows the database while anybody listens, and keeps the last changes.  A listener is
no more than a position: one that is slow, or comes back, reads older changes from the database in
pages, so that what all listeners hold together is bounded.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import structlog

from headend import trouble
from headend.domain.change import Change
from headend.store import change_queries as queries

KEPT_MAX = 2000
PAGE = 200
LISTENERS_MAX = 500
POLL_S = 1.0
STAY_MAX_S = 3600.0
REST_S = 5.0

_log = structlog.get_logger("stream")


class Reading(Protocol):
    """Carries out a query on what is committed."""

    async def __call__(self, query: Any) -> Any: ...


@dataclass(slots=True)
class Feed:
    """Changes by position.  `stay_max_s`: how long one listens at most, before it comes back."""

    read: Reading
    poll_s: float = POLL_S
    stay_max_s: float = STAY_MAX_S
    closed: bool = False
    listeners: int = 0
    errors: list[Exception] = field(default_factory=list)
    _kept: deque[Change] = field(default_factory=lambda: deque(maxlen=KEPT_MAX))
    _head: int = 0
    _following: asyncio.Task[None] | None = None
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Positions were given: look now."""
        self._wanted.set()

    def close(self) -> None:
        """Let all listeners end."""
        self.closed = True
        self._tell()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """The database is followed as long as somebody listens."""
        self.listeners += 1
        try:
            if self._following is None:
                self._kept.clear()
                self._head = await self.read(queries.head)
                self._following = asyncio.create_task(self._follow(), name="stream")
            yield
        finally:
            self.listeners -= 1
            if not self.listeners and self._following is not None:
                following, self._following = self._following, None
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def after(self, position: int) -> list[Change]:
        """The next changes behind a position, a page at most."""
        if self._kept and self._kept[0].position <= position + 1:
            start = bisect_right(self._kept, position, key=lambda change: change.position)
            return list(islice(self._kept, start, start + PAGE))
        if position >= self._head and self._following is not None:
            return []
        found: list[Change] = await self.read(
            lambda connection: queries.changes(connection, position, PAGE)
        )
        return found

    async def wait(self, timeout_s: float) -> None:
        """Until something has changed, or the time is over."""
        news = self._news
        try:
            async with asyncio.timeout(timeout_s):
                await news.wait()
        except TimeoutError:
            pass

    async def _follow(self) -> None:
        while True:
            self._wanted.clear()
            try:
                found: list[Change] = await self.read(
                    lambda connection: queries.changes(connection, self._head, KEPT_MAX // 4)
                )
            except Exception as error:
                trouble.note(self.errors, _log, "changes cannot be read", error)
                await asyncio.sleep(REST_S)
                continue
            if found:
                self._kept.extend(found)
                self._head = found[-1].position
                self._tell()
                continue
            try:
                async with asyncio.timeout(self.poll_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
