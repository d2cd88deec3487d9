"""What concentrators are asked is carried out once, over absences and restarts, and by schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import ConcentratorPolicy, ScheduledActivity, UpkeepPolicy
from headend.domain.activity import SCHEDULED_KINDS, Activity, ActivityKind, ActivityState
from headend.domain.interval import CollectedBlock
from headend.domain.meter import Concentrator
from headend.domain.reason import ReasonCode
from headend.registry.activities import AGAIN_S, Activities
from headend.registry.activity_schedule import ActivitySchedule, following, turns
from headend.registry.upkeep import Upkeep
from headend.store import activity_queries as queries
from headend.store.store import SqlStore
from protocols.concentrator.collecting import Kind, Task
from protocols.concentrator.messages import (
    Discover,
    DiscoveryEnded,
    Downward,
    ObjectWanted,
    Online,
    ReadFaultLog,
    ReadState,
    Restart,
    Restarted,
    ShiftClock,
    State,
)
from protocols.concentrator.upkeep import EventCode, EventEntry, MemoryTold, MeterPlace
from tests import databases
from tests.conftest import SIMULATED_START

K, S = ActivityKind, ActivityState
NAME = "C-1"
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("America/Santiago")


@dataclass(slots=True)
class Field:
    """The ways to concentrators; those in `silent` are on line and say nothing."""

    clock: LoopClock
    there: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    sent: list[tuple[str, Downward]] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    upkeep: Upkeep | None = None

    async def tell(self, concentrator: str, message: Downward) -> bool:
        self.sent.append((concentrator, message))
        if concentrator in self.silent or not isinstance(message, ReadState):
            return True
        asyncio.get_running_loop().create_task(self._answer(concentrator, message.id))
        return True

    async def deliver(self, concentrator: str, message: Downward) -> bool:
        self.sent.append((concentrator, message))
        return concentrator not in self.silent

    async def renew(self, concentrator: str) -> None:
        self.renewed.append(concentrator)

    def present(self) -> list[tuple[str, Online]]:
        return [(name, word(self.clock, name)) for name in sorted(self.there)]

    async def _answer(self, concentrator: str, of: str) -> None:
        await asyncio.sleep(1)
        at = self.clock.now() + timedelta(seconds=30)  # so much its clock is ahead
        state = State(
            id="s", at=at, of=of, boot=4, up_since=at, firmware="f-1",
            memory=MemoryTold(7, 0, 1, 0),
            meters=(MeterPlace("11", True, "plc", 2), MeterPlace("12", False)),
            events=(EventEntry(at, EventCode.RESTARTED, "start 4"),),
        )  # fmt: skip
        assert self.upkeep is not None
        await self.upkeep.told(concentrator, state)


def word(clock: LoopClock, name: str) -> Online:
    return Online(id="o", at=clock.now(), concentrator=name, boot=1, firmware="f")


@dataclass(slots=True)
class Bench:
    """A head-end's part for activities; `start` begins a life of it, `kill` ends one."""

    store: SqlStore
    field: Field
    policy: ConcentratorPolicy = ConcentratorPolicy()
    activities: Activities | None = None
    _lives: list[Activities] = field(default_factory=list)
    _works: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        clock, chance = self.field.clock, SeededChance(1, len(self._lives))
        upkeep = Upkeep(self.store, clock, chance, self.field, UpkeepPolicy())
        self.field.upkeep = upkeep
        self.activities = Activities(
            self.store,
            clock,
            chance,
            self.field,
            upkeep,
            self.field.present,
            self.field.renew,
            None,
        )
        schedule = ActivitySchedule(self.store, clock, self.policy, ZONE, self.activities.wake)
        self._lives.append(self.activities)
        works = (self.activities.run(), schedule.run())
        self._works += [asyncio.create_task(work) for work in works]

    async def kill(self) -> None:
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        self._works.clear()
        assert all(life.errors == [] for life in self._lives)

    async def comes(self, name: str = NAME) -> None:
        self.field.there.add(name)
        assert self.activities is not None
        await self.activities.online(name, word(self.field.clock, name))

    async def ask(
        self, kind: ActivityKind, within: timedelta = HOUR, task: Task | None = None
    ) -> int:
        now = self.field.clock.now()
        asked = Activity(0, NAME, kind, "os:ana", now, now + within, task=task)
        number = await self.store.run(lambda tx: tx.add_activity(asked))
        assert number is not None and self.activities is not None
        self.activities.wake()
        return number

    def found(self, number: int) -> Activity:
        activity = self.store.read(lambda connection: queries.activity(connection, number))
        assert activity is not None
        return activity


@asynccontextmanager
async def bench(policy: ConcentratorPolicy | None = None) -> AsyncIterator[Bench]:
    store = SqlStore(databases.memory(), live=False)
    names = [Concentrator(f"C-{number}") for number in range(1, 4)]
    await store.run(lambda tx: tx.put_concentrators(names))
    here = Bench(store, Field(LoopClock(SIMULATED_START)), policy or ConcentratorPolicy())
    here.start()
    yield here
    await here.kill()
    await store.close()


CLOCK = {"offset_s": 30.0, "error_s": 0.5, "shifted_s": -29.5}
PLACES = {"meters": 2, "registered": 1, "levels": 2}
ANSWERS = {
    # half of the second that the answer takes counts for the clock
    K.CLOCK: {**CLOCK, "offset_s": 30.5, "shifted_s": -30.5},
    K.TOPOLOGY: PLACES,
    K.EVENTS: {"events": 1, "last": "restarted"},
    K.STATE: {
        "firmware": "f-1", "boot": 4, **PLACES, "behind": 0, "blocks": 7, **CLOCK,
        "offset_s": 30.5, "shifted_s": -30.5,
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS, ids=str)
async def test_what_is_asked_is_answered_with_what_was_asked_for(kind: ActivityKind) -> None:
    async with bench() as here:
        await here.comes()
        number = await here.ask(kind)
        await asyncio.sleep(5)
        found = here.found(number)
        assert (found.state, found.tries, found.told) == (S.ANSWERED, 1, ANSWERS[kind])
        assert found.ended_at == found.asked_at + timedelta(seconds=1)
        await asyncio.sleep(3600)
        asked = [type(message) for _, message in here.field.sent]
        assert asked.count(ReadState) == 1 and ShiftClock not in asked  # which is upkeep's work


async def test_a_fault_log_is_asked_for_until_its_receipt() -> None:
    async with bench() as here:
        await here.comes()
        here.field.silent.add(NAME)
        number = await here.ask(K.FAULTS)
        await asyncio.sleep(5)
        assert here.found(number).state is S.SENT
        here.field.silent.clear()
        await asyncio.sleep(2 * AGAIN_S)
        found = here.found(number)
        assert (found.state, found.tries) == (S.ANSWERED, 2)
        assert [type(message) for _, message in here.field.sent] == [ReadFaultLog, ReadFaultLog]


async def test_one_that_is_away_is_asked_when_it_comes_back_in_time() -> None:
    async with bench() as here:
        number = await here.ask(K.STATE)
        await asyncio.sleep(1800)
        assert here.found(number).state is S.ASKED and here.field.sent == []
        await here.comes()
        await asyncio.sleep(5)
        assert here.found(number).state is S.ANSWERED


async def test_a_time_that_is_over_says_whether_anybody_was_asked() -> None:
    async with bench() as here:
        away = await here.ask(K.STATE)
        await asyncio.sleep(3700)
        found = here.found(away)
        assert (found.state, found.reason) == (S.EXPIRED, ReasonCode.CONCENTRATOR_UNREACHABLE)
        here.field.silent.add(NAME)
        await here.comes()
        mute = await here.ask(K.STATE)
        await asyncio.sleep(3700)
        found = here.found(mute)
        assert (found.state, found.told) == (S.FAILED, None)
        assert found.reason is ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN
        assert 2 <= found.tries <= 3600 / AGAIN_S
        await here.comes()
        assert here.found(away).state is S.EXPIRED  # what is over is not asked after all


async def test_a_head_end_that_restarts_goes_on_and_ends_each_once() -> None:
    async with bench() as here:
        away = await here.ask(K.CLOCK)
        await here.kill()
        here.start()
        here.field.silent.add(NAME)
        await here.comes()
        await asyncio.sleep(5)
        assert here.found(away).state is S.SENT
        await here.kill()  # after it was sent, before the answer
        here.field.silent.clear()
        here.start()
        await asyncio.sleep(5)
        found = here.found(away)
        assert (found.state, found.tries) == (S.ANSWERED, 2)
        await here.kill()
        here.start()
        await asyncio.sleep(5)
        assert here.found(away) == found


TASK = Task(
    name="once", kind=Kind.REGISTERS, objects=(ObjectWanted(3, "1.0.1.8.0.255", 2),),
    every_s=86_400, meters=("11", "12"),
)  # fmt: skip


async def test_a_task_is_done_once_every_meter_of_it_is_read() -> None:
    async with bench() as here:
        number = await here.ask(K.TASK, task=TASK)
        await here.comes()
        await asyncio.sleep(5)
        assert here.field.renewed == [NAME]
        name = here.found(number).own_task.name
        for meter, read in (("11", 1), ("12", 2)):
            now = here.field.clock.now()
            block = CollectedBlock(NAME, meter, name, 1, now, now)
            await here.store.run(lambda tx, block=block: tx.add_block(block))  # type: ignore[misc]
            await asyncio.sleep(130)
            assert here.found(number).told == {"meters": 2, "read": read}
        assert here.found(number).state is S.ANSWERED
        assert here.field.renewed == [NAME, NAME]  # with it, and without it again


async def test_a_task_that_is_half_done_has_failed_at_its_end() -> None:
    async with bench() as here:
        await here.comes()
        number = await here.ask(K.TASK, task=TASK)
        await asyncio.sleep(5)
        now = here.field.clock.now()
        block = CollectedBlock(NAME, "11", here.found(number).own_task.name, 1, now, now)
        await here.store.run(lambda tx: tx.add_block(block))
        await asyncio.sleep(3700)
        found = here.found(number)
        assert (found.state, found.told) == (S.FAILED, {"meters": 2, "read": 1})
        assert found.reason is ReasonCode.NO_ANSWER_UNKNOWN
        assert here.field.renewed == [NAME, NAME]


# --- what it is to do ---------------------------------------------------------------------------

DEMANDS = {
    # asked by, told by, and what comes of it
    K.REBOOT: (Restart, Restarted, {"boot": 5}, {"boot": 5}),
    K.DISCOVER: (Discover, DiscoveryEnded, {"modules": 3, "found": 2}, {"modules": 3, "told": 2}),
}


async def told_by(here: Bench, kind: ActivityKind, of: str, concentrator: str = NAME) -> bool:
    """Its word that a demand is met, as it may come twice."""
    assert here.activities is not None
    _, word, values, _ = DEMANDS[kind]
    message = word(id="w-1", at=here.field.clock.now(), of=of, **values)
    hearer = here.activities.restarted if kind is K.REBOOT else here.activities.discovered
    return await hearer(concentrator, message)


@pytest.mark.parametrize("kind", DEMANDS, ids=str)
async def test_a_demand_is_met_by_its_own_word_and_asked_for_under_one_id(
    kind: ActivityKind,
) -> None:
    asked_by, _, _, told = DEMANDS[kind]
    async with bench() as here:
        number = await here.ask(kind)
        await here.comes()
        await asyncio.sleep(AGAIN_S + 5)
        assert here.found(number).state is S.SENT  # a receipt says that it is stored, no more
        await here.kill()
        here.start()
        await asyncio.sleep(5)
        messages = [message for _, message in here.field.sent]
        assert {type(message) for message in messages} == {asked_by} and len(messages) >= 3
        (of,) = {message.id for message in messages}
        assert messages[0].not_after == here.found(number).deadline  # type: ignore[union-attr]
        assert await told_by(here, kind, of)
        found = here.found(number)
        assert (found.state, found.told) == (S.ANSWERED, told)
        assert await told_by(here, kind, of)  # nobody had its receipt
        assert here.found(number) == found


async def test_a_demand_that_was_met_and_told_too_late_was_met() -> None:
    async with bench() as here:
        await here.comes()
        number = await here.ask(K.REBOOT)
        await asyncio.sleep(3700)
        assert here.found(number).state is S.FAILED
        assert await told_by(here, K.REBOOT, here.found(number).message_id)
        found = here.found(number)
        assert (found.state, found.reason) == (S.ANSWERED, None)


@pytest.mark.parametrize("of", ("", "activity", "activity-1-20200101T000000.000000", "activity-x-"))
async def test_a_word_that_nobody_asked_for_changes_nothing(of: str) -> None:
    async with bench() as here:
        number = await here.ask(K.REBOOT)
        before = here.found(number)
        assert await told_by(here, K.REBOOT, of)  # told once more it would be no better
        assert await told_by(here, K.REBOOT, before.message_id, "C-2")  # another's
        assert here.found(number) == before


# --- by schedule ---------------------------------------------------------------------------------


def test_each_kind_but_a_task_and_a_restart_can_be_scheduled() -> None:
    every = [ScheduledActivity(name=kind, kind=kind.value) for kind in SCHEDULED_KINDS]  # type: ignore[arg-type]
    assert {each.kind for each in every} == {*ActivityKind} - {"task", "reboot"}


async def test_a_schedule_asks_each_once_a_period_also_over_restarts() -> None:
    hourly = ScheduledActivity(
        name="topo", kind="topology", every="1h", concentrators=("C-1", "C-3")
    )
    async with bench(ConcentratorPolicy(activity=(hourly,))) as here:
        await here.comes("C-1")
        for _ in range(5):
            await asyncio.sleep(3600)
            await here.kill()
            here.start()
        await asyncio.sleep(1)
        found = here.store.read(lambda connection: queries.activities(connection, limit=1000))
        by_period = {(each.concentrator, each.key) for each in found}
        assert len(by_period) == len(found)
        periods = [
            sum(each.concentrator == name for each in found) for name in ("C-1", "C-2", "C-3")
        ]
        assert periods[0] == periods[2] >= 5 and periods[1] == 0
        assert {each.asked_by for each in found} == {"schedule:topo"}
        states = {(each.concentrator, each.state) for each in found if not each.open}
        assert states == {("C-1", S.ANSWERED), ("C-3", S.EXPIRED)}


AT = datetime(2026, 7, 6, 12, 0, tzinfo=UTC)


def test_turns_are_spread_and_always_at_the_same_moment() -> None:
    daily = ScheduledActivity(name="d", kind="clock", every="1d", after_s=7200, spread_s=3600)
    names = [f"C-{number:03}" for number in range(200)]
    today = turns(daily, names, AT, ZONE)
    later = [following(turn, daily, turn.until, ZONE) for turn in today]
    begin = datetime(2026, 7, 6, 6, 0, tzinfo=UTC)  # two o'clock of a winter's day in Santiago
    for turn, next_ in zip(today, later, strict=True):
        assert timedelta() <= turn.at - begin < HOUR
        assert turn.until == begin + timedelta(days=1) == next_.begun
        assert next_.at - turn.at == timedelta(days=1)
        assert following(turn, daily, turn.at - HOUR, ZONE) == turn
    moments = [turn.at for turn in today]
    assert len(set(moments)) > 40
    assert max(moments.count(at) for at in moments) < 15


@pytest.mark.parametrize("every", ["15min", "30min", "1h", "6h", "12h"])
def test_a_turn_leaves_half_its_period_for_the_answer(every: str) -> None:
    often = ScheduledActivity(name="o", kind="state", every=every, spread_s=86_400)  # type: ignore[arg-type]
    for turn in turns(often, [f"C-{number}" for number in range(99)], AT, ZONE):
        assert turn.begun <= turn.at <= turn.begun + (turn.until - turn.begun) / 2
