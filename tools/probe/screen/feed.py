"""The screen's one talk with the meter: looks at live values, and does what it is asked between.

Everything passes one queue, so that the line carries one question at a time.  What the meter tells
goes to `Told`; the screen is one, and tests have others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol

from headend.app.probe import Failure, Progress
from protocols.dlms.objects.association import ListedObject, ObjectList
from protocols.dlms.procedures import LOAD_PROFILE, Identity, identify, read_attributes
from protocols.dlms.services import AttributeDescriptor
from tools.probe.desk import Desk, Purpose
from tools.probe.events import COLUMNS as EVENT_COLUMNS
from tools.probe.events import logs_of, read_logs
from tools.probe.profile import Read, pieces_of_time, read_pieces, report_of, wall_clock
from tools.probe.progress import Bar
from tools.probe.reading import readable
from tools.probe.report import Report, Table
from tools.probe.screen.live import Live, Snapshot
from tools.probe.screen.state import State, read_state
from tools.probe.talk import Stopped, Talk
from tools.probe.values import text_of

REST_S = 1.0  # between one look and the next
LOOKS_PER_STATE = 15
"""Supply, alarms and clock change seldom, and take as long to read as the live values."""


class Told(Protocol):
    """Who hears what the meter told."""

    def connected(self, identity: Identity, talk: Talk) -> None: ...
    def stood(self, state: State) -> None: ...
    def looked(self, snapshot: Snapshot) -> None: ...
    def progressed(self, what: str, done: int, total: int, travelled: Progress) -> None: ...
    def profile_read(self, report: Report, days: int) -> None: ...
    def objects_read(self, objects: ObjectList) -> None: ...
    def object_read(self, listed: ListedObject, lines: list[tuple[int, str]]) -> None: ...
    def events_read(self, table: Table, notes: list[str]) -> None: ...
    def failed(self, failure: Failure) -> None: ...
    def ended(self, failure: Failure) -> None: ...


Errand = Callable[[Talk], Awaitable[None]]


@dataclass(slots=True)
class Feed:
    """See the module."""

    desk: Desk
    told: Told
    paused: bool = False
    _errands: asyncio.Queue[Errand] = field(default_factory=asyncio.Queue)

    async def run(self) -> None:
        """Talk until it is cancelled, or until the line ends it; that is told, not raised."""
        try:
            async with self.desk.talk(Purpose.READ) as talk:
                identity = await talk.do(identify())
                self.told.connected(identity, talk)
                live = await Live.of(talk, self._bar("objects").travelled)
                looks = 0
                while True:
                    if not self.paused:
                        self.told.looked(await live.look())
                        if looks % LOOKS_PER_STATE == 0:
                            self.told.stood(await read_state(talk))
                        looks += 1
                    await self._next_errand(talk)
        except Stopped as stopped:
            self.told.ended(stopped.failure)

    async def _next_errand(self, talk: Talk) -> None:
        try:
            async with asyncio.timeout(REST_S):
                errand = await self._errands.get()
        except TimeoutError:
            return
        try:
            await errand(talk)
        except Stopped as stopped:
            if not str(stopped.failure.reason).startswith("refused"):
                raise
            self.told.failed(stopped.failure)

    # --- what may be asked -----------------------------------------------------------------------

    def ask_state(self) -> None:
        """Read how the meter stands."""

        async def errand(talk: Talk) -> None:
            self.told.stood(await read_state(talk))

        self._errands.put_nowait(errand)

    def ask_profile(self, days: int) -> None:
        """Read so many days of the load profile."""

        async def errand(talk: Talk) -> None:
            now = await wall_clock(talk)
            first = now - timedelta(days=days)
            known = talk.model.objects.get("load-profile")
            name = LOAD_PROFILE if known is None else known.logical_name
            parts = await pieces_of_time(talk, name, first, now)
            read: Read = await read_pieces(talk, name, parts, self._bar("profile"))
            self.told.profile_read(report_of(self.desk, name, f"{days} d", read), days)

        self._errands.put_nowait(errand)

    def ask_objects(self) -> None:
        """Read the object list."""

        async def errand(talk: Talk) -> None:
            self.told.objects_read(await talk.objects(self._bar("objects").travelled))

        self._errands.put_nowait(errand)

    def ask_object(self, listed: ListedObject) -> None:
        """Read what may be read of one object."""

        async def errand(talk: Talk) -> None:
            numbers = readable(listed)
            asked = [AttributeDescriptor(listed.class_id, listed.instance, n) for n in numbers]
            results = await talk.do(read_attributes(asked), self._bar("objects").travelled)
            lines = [(n, text_of(result)) for n, result in zip(numbers, results, strict=True)]
            self.told.object_read(listed, lines)

        self._errands.put_nowait(errand)

    def ask_events(self) -> None:
        """Read every event log."""

        async def errand(talk: Talk) -> None:
            names = logs_of(await talk.objects())
            rows, notes = await read_logs(talk, names, None, self._bar("events").step)
            self.told.events_read(Table("events", "", EVENT_COLUMNS, rows), notes)

        self._errands.put_nowait(errand)

    def _bar(self, what: str) -> Bar:
        return Bar(partial(self.told.progressed, what))
