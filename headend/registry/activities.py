"""Carries out what concentrators are asked to do, once each, also over restarts.

What is asked stays in the store until it has ended.  A concentrator that is away is asked when it
comes on line, if that is before the deadline; one that has the question and does not answer is
asked again.  All that is asked may be asked twice without harm: it only reads, or, as a table of
tasks, names what it wants by a number of its own, or, as a restart, is met
once for a message's id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog

from headend import trouble
from headend.domain.activity import Activity, ActivityKind, ActivityState, Told
from headend.domain.upkeep import ClockMeasured
from headend.ports import Chance, Clock, Store, Transaction
from headend.registry.activity_ends import answer_to, met, over
from headend.registry.upkeep import Courier, Upkeep
from protocols.concentrator.messages import (
    Discover,
    DiscoveryEnded,
    Online,
    ReadFaultLog,
    Restart,
    Restarted,
    State,
)

AGAIN_S = 120.0  # without an answer it is asked again
LIVE_LOOK_S = 2.0  # how soon is noticed what another process has asked
SIMULATED_LOOK_S = 60.0  # there is no other process: how often tasks under way are looked after
FAULTS_BACK = timedelta(days=7)

_log = structlog.get_logger("activities")


@dataclass(slots=True)
class Activities:
    """See the module.  `present` names who is on line; `renew` has a concentrator's table of tasks
    made anew; without `idle_s` nobody outside this process asks."""

    store: Store
    clock: Clock
    chance: Chance
    courier: Courier
    upkeep: Upkeep
    present: Callable[[], Iterable[tuple[str, Online]]]
    renew: Callable[[str], Awaitable[None]]
    idle_s: float | None = LIVE_LOOK_S
    errors: list[Exception] = field(default_factory=list)
    _rest: dict[int, float] = field(default_factory=dict)  # loop's time until it is asked again
    _sent: dict[str, int] = field(default_factory=dict)  # activity, by the message
    _demanding: set[int] = field(default_factory=set)  # whose message is on its way
    _errands: set[asyncio.Task[None]] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.upkeep.answered.append(self._answered)

    def wake(self) -> None:
        """Look now: something was asked."""
        self._news.set()

    async def online(self, concentrator: str, word: Online) -> bool:
        """One has come on line: what waits for it, or was lost with its session, goes to it."""
        self._rest.clear()
        self._news.set()
        return False

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._news.clear()
                rest_s = await self._look_safely()
                try:
                    async with asyncio.timeout(rest_s):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            for errand in self._errands:
                errand.cancel()

    async def _look_safely(self) -> float | None:
        try:
            return await self.look()
        except Exception as error:
            trouble.note(self.errors, _log, "no look for activities", error)
            return AGAIN_S

    async def look(self) -> float | None:
        """Take each a step further; after how long to look again, None: when there is news."""
        waiting = await self.store.run(lambda tx: tx.open_activities())
        there = {name for name, _ in self.present()}
        await asyncio.gather(*(self._safely(each, each.concentrator in there) for each in waiting))
        self._rest = {each.number: self._rest.get(each.number, 0.0) for each in waiting}
        if self.idle_s is not None:
            return self.idle_s
        if not waiting:
            return None
        now = self.clock.now()
        until_s = min((each.deadline - now).total_seconds() for each in waiting)
        return min(max(until_s, 0.0), SIMULATED_LOOK_S)

    async def _safely(self, activity: Activity, there: bool) -> None:
        try:
            await self._step(activity, there)
        except Exception as error:
            trouble.note(self.errors, _log, "an activity rests", error, activity=activity.number)

    async def _step(self, activity: Activity, there: bool) -> None:
        now, loop = self.clock.now(), asyncio.get_running_loop()
        if activity.kind is ActivityKind.TASK:
            activity = await self._counted(activity)
        if not activity.open:
            return
        if now >= activity.deadline:
            await self._close(activity)
        elif there and self._rest.get(activity.number, 0.0) <= loop.time():
            self._rest[activity.number] = loop.time() + AGAIN_S
            await self._send(activity)

    async def _send(self, activity: Activity) -> None:
        """Send it, or send it again."""
        match activity.kind:
            case ActivityKind.TASK:
                if activity.state is ActivityState.ASKED:
                    await self._mark_sent(activity)
                    await self.renew(activity.concentrator)
            case ActivityKind.FAULTS:
                await self._mark_sent(activity)
                self._run_beside(self._fetch_faults(activity), "fault log")
            case ActivityKind.DISCOVER | ActivityKind.REBOOT:
                await self._mark_sent(activity)
                if activity.number not in self._demanding:
                    self._demanding.add(activity.number)
                    self._run_beside(self._demand(activity), str(activity.kind))
            case _:
                await self._mark_sent(activity)
                message_id = self.chance.uuid()
                self._sent[message_id] = activity.number
                if not await self.upkeep.inquire(activity.concentrator, message_id):
                    del self._sent[message_id]

    def _run_beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        errand = asyncio.create_task(work, name=name)
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _demand(self, activity: Activity) -> None:
        """Its receipt says that it is stored; what came of it is told later, by `_met`."""
        ask = Restart if activity.kind is ActivityKind.REBOOT else Discover
        message = ask(id=activity.message_id, at=self.clock.now(), not_after=activity.deadline)
        try:
            await self.courier.deliver(activity.concentrator, message)
        except Exception as error:
            trouble.note(self.errors, _log, "an activity rests", error, activity=activity.number)
        finally:
            self._demanding.discard(activity.number)

    async def restarted(self, concentrator: str, word: Restarted) -> bool:
        """A concentrator has started anew, because it was asked."""
        return await self._met(concentrator, word.of, {"boot": word.boot})

    async def discovered(self, concentrator: str, word: DiscoveryEnded) -> bool:
        """It has looked at all there is; what it found is the affair of `discovery`."""
        return await self._met(concentrator, word.of, {"modules": word.modules, "told": word.found})

    async def _met(self, concentrator: str, of: str, told: Told) -> bool:
        """A demand was met, perhaps after its time was over: it was done all the same."""
        now = self.clock.now()
        await self.store.run(lambda tx: met(tx, concentrator, of, told, now))
        return True

    async def _fetch_faults(self, activity: Activity) -> None:
        """Its receipt says that it tells them; the lines come as evidence of their own."""
        since = self.clock.now() - FAULTS_BACK
        message = ReadFaultLog(id=self.chance.uuid(), since=since)
        try:
            if await self.courier.deliver(activity.concentrator, message):
                await self._end(activity.number, {"since": since.isoformat(timespec="seconds")})
        except Exception as error:
            trouble.note(self.errors, _log, "an activity rests", error, activity=activity.number)

    async def _mark_sent(self, activity: Activity) -> None:
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            known = tx.activity(activity.number)
            if known is not None and known.open:
                tries = known.tries + 1
                tx.save_activity(replace(known, state=ActivityState.SENT, sent_at=now, tries=tries))

        await self.store.run(work)

    # --- how they end ----------------------------------------------------------------------------

    async def _answered(self, state: State, measured: ClockMeasured) -> None:
        """A concentrator has told how it fares; perhaps because it was asked here."""
        number = self._sent.pop(state.of, None)
        if number is None:
            return
        activity = await self.store.run(lambda tx: tx.activity(number))
        if activity is not None:
            await self._end(number, answer_to(activity.kind, state, measured))

    async def _end(self, number: int, told: Told) -> None:
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            known = tx.activity(number)
            if known is not None and known.open:
                tx.save_activity(
                    replace(known, state=ActivityState.ANSWERED, ended_at=now, told=told)
                )

        await self.store.run(work)

    async def _close(self, activity: Activity) -> None:
        """Its time is over."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            known = tx.activity(activity.number)
            if known is not None and known.open:
                tx.save_activity(over(known, now))

        await self.store.run(work)
        for message_id in [each for each, of in self._sent.items() if of == activity.number]:
            del self._sent[message_id]
        if activity.kind is ActivityKind.TASK:
            await self.renew(activity.concentrator)

    async def _counted(self, activity: Activity) -> Activity:
        """How many of its meters are read by now; ended once all are."""
        task, now = activity.own_task, self.clock.now()

        def work(tx: Transaction) -> Activity:
            known = tx.activity(activity.number)
            if known is None or not known.open:
                return known or activity
            read = sum(bool(tx.blocks_of_task(meter, task.name)) for meter in task.meters)
            told: Told = {"meters": len(task.meters), "read": read}
            if told != known.told:
                known = replace(known, told=told)
                if read == len(task.meters):
                    known = replace(known, state=ActivityState.ANSWERED, ended_at=now)
                tx.save_activity(known)
            return known

        counted = await self.store.run(work)
        if not counted.open:
            await self.renew(activity.concentrator)
        return counted
