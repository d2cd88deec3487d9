"""Looking after concentrators: how they fare is asked every hour, and their clocks are kept right.

The answer's own time against ours, halfway between question and answer, is how the clock stands,
known to half the round trip.  A clock that is further off than that and the tolerance is shifted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog

from headend import trouble
from headend.config import UpkeepPolicy
from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState, SessionChange
from headend.ports import Chance, Clock, Store, Transaction
from protocols.concentrator.messages import Downward, Offline, Online, ReadState, ShiftClock, State

FIRST_S = 60.0  # after a concentrator has come on line: what it owes comes first
BACK = timedelta(days=1)  # what is asked for of one that is asked for the first time
AGAIN = timedelta(hours=2)  # hours that were under way when it was asked last
ANSWER_WITHIN_S = 120.0
EVENTS_KEPT = 200  # of its own log, here

_log = structlog.get_logger("upkeep")

Answered = Callable[[State, ClockMeasured], Awaitable[None]]
"""Hears an answer once it is stored, with how the clock stood."""


class Courier(Protocol):
    """The way to a concentrator."""

    async def deliver(self, concentrator: str, message: Downward) -> bool: ...

    async def tell(self, concentrator: str, message: Downward) -> bool: ...


@dataclass(slots=True)
class Upkeep:
    """See the module.  `errors` is what went wrong inside."""

    store: Store
    clock: Clock
    chance: Chance
    courier: Courier
    policy: UpkeepPolicy
    errors: list[Exception] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    _due: dict[str, float] = field(default_factory=dict)  # loop's time
    _asked: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # by message
    _shifts: dict[str, float] = field(default_factory=dict)  # by how much, each concentrator
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    # --- what concentrators say ------------------------------------------------------------------

    async def online(self, concentrator: str, word: Online) -> bool:
        """One has come on line: it is asked before long."""
        change = SessionChange(concentrator, self.clock.now(), True, word.boot, word.firmware)
        await self.store.run(lambda tx: tx.add_session(change))
        self._due[concentrator] = asyncio.get_running_loop().time() + FIRST_S
        self._news.set()
        return False

    async def offline(self, concentrator: str, word: Offline) -> bool:
        """One has gone: there is nobody to ask."""
        change = SessionChange(concentrator, self.clock.now(), False, word.boot)
        await self.store.run(lambda tx: tx.add_session(change))
        self._due.pop(concentrator, None)
        return False

    async def told(self, concentrator: str, word: State) -> bool:
        """It has answered.  Nothing is receipted: it is asked again in an hour."""
        now = self.clock.now()
        asked, sent_at = self._asked.pop(word.of, ("", now))
        if asked != concentrator:
            return False  # an answer that nobody waits for any more; its time tells nothing
        half = (now - sent_at) / 2
        offset_s = (word.at - (sent_at + half)).total_seconds()
        error_s = half.total_seconds()
        off = abs(offset_s) > self.policy.clock_tolerance_s + error_s
        measured = ClockMeasured(concentrator, now, offset_s, error_s, -offset_s if off else 0.0)

        def work(tx: Transaction) -> None:
            tx.put_state(_with_history(tx.state_of(concentrator), concentrator, word, now))
            tx.add_clock(measured)
            tx.put_hours(_hours(concentrator, word))

        await self.store.run(work)
        if off:
            _log.info("clock off", concentrator=concentrator, offset_s=round(offset_s, 3))
            self._shifts[concentrator] = -offset_s
            self._news.set()
        for hearer in self.answered:
            await hearer(word, measured)
        return False

    # --- what is asked ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            shifts, self._shifts = self._shifts, {}
            due = [name for name, at in self._due.items() if at <= loop.time()]
            for name in due:
                self._due[name] = loop.time() + self.policy.state_every_s
            await asyncio.gather(
                *(self._safely(self._inquire(name), name) for name in due),
                *(self._safely(self._shift(name, by), name) for name, by in shifts.items()),
            )
            until = min(self._due.values(), default=None)
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _safely(self, work: Coroutine[Any, Any, None], concentrator: str) -> None:
        try:
            await work
        except Exception as error:
            trouble.note(self.errors, _log, "no upkeep", error, concentrator=concentrator)

    async def _inquire(self, concentrator: str) -> None:
        await self.inquire(concentrator, self.chance.uuid())

    async def inquire(self, concentrator: str, message_id: str) -> bool:
        """Ask one how it fares, by a message of this id; False where nothing was sent."""

        def known(tx: Transaction) -> tuple[bool, KnownState | None]:
            return tx.concentrator(concentrator) is not None, tx.state_of(concentrator)

        registered, last = await self.store.run(known)
        if not registered:
            return False
        now = self.clock.now()
        since = now - BACK if last is None else last.received_at - AGAIN
        message = ReadState(id=message_id, since=since)
        for old, (_, sent_at) in list(self._asked.items()):
            if (now - sent_at).total_seconds() > ANSWER_WITHIN_S:
                del self._asked[old]
        self._asked[message.id] = (concentrator, now)
        sent = await self.courier.tell(concentrator, message)
        if not sent:
            self._asked.pop(message.id, None)
        return sent

    async def _shift(self, concentrator: str, by_s: float) -> None:
        message = ShiftClock(id=self.chance.uuid(), by_s=by_s)
        if not await self.courier.deliver(concentrator, message):
            _log.warning("clock not shifted", concentrator=concentrator)


def _with_history(
    before: KnownState | None, concentrator: str, word: State, now: datetime
) -> KnownState:
    """The word, and of its event log also what was told before."""
    events = () if before is None else before.state.events
    fresh = tuple(entry for entry in word.events if entry not in events)
    told = msgspec.structs.replace(word, events=(*events, *fresh)[-EVENTS_KEPT:])
    return KnownState(concentrator, now, told)


def _hours(concentrator: str, state: State) -> Iterator[HourHeard]:
    for each in state.hours:
        for meter, heard in each.heard.items():
            yield HourHeard(concentrator, meter, each.hour, heard, each.asked)
