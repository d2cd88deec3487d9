"""What is missing is asked for again until the service level's end: within bounds, and every gap is
filled or given up with its reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headend.app.calendar import working_days
from headend.chance import SeededChance
from headend.collection.asking import Reads
from headend.collection.backfill import SOURCE, Backfill
from headend.collection.filling import fill
from headend.collection.uploads import UploadIntake
from headend.config import BackfillPolicy, CollectionPolicy, CollectionTask, OrderPolicy
from headend.domain.backfill import GivenUp, GivenUpFor, rest_of
from headend.domain.interval import Row
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Order, State
from headend.domain.utility_day import ends_in, span_of
from headend.events.taking import EventIntake
from headend.models import Shelf
from headend.orders.accept import Acceptance
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.store.collected_queries import interval_days
from headend.store.store import SqlStore
from protocols.concentrator.collecting import Batch, Block, ColumnTold, Layout, Task, Upload, packed
from protocols.concentrator.messages import LinkChanged, LinkReport, Online
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure
from tests import databases
from tests.collection.test_uploads import Still

pytest_generate_tests = databases.on_both

ZONE = ZoneInfo("America/Santiago")
PROFILE = "1.0.99.1.0.255"
PERIOD_S = 21_600  # four rows a day are enough to miss some of
LAYOUT = Layout(
    PROFILE,
    (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(3, "1.0.1.8.0.255", 2, 0, 0, 30)),
    PERIOD_S,
)
FIRST = date(2026, 8, 31)  # the clocks change on 6 September
LONG_DAYS = 12
SLA_S = 10 * 86_400


def ends_of(day: date) -> range:
    return ends_in(span_of(day, ZONE), PERIOD_S, ZONE)


@dataclass(slots=True)
class Field:
    """Meters that hold rows, their concentrators, and a head-end that looks for what it lacks."""

    store: SqlStore
    clock: Still
    policy: CollectionPolicy
    holds: dict[str, set[int]] = field(default_factory=dict)  # by meter, POSIX seconds
    dead: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=lambda: {"C1", "C2"})
    renewed: list[str] = field(default_factory=list)
    asked: list[tuple[datetime, Task]] = field(default_factory=list)
    backfill: Backfill = field(init=False)

    def __post_init__(self) -> None:
        chance, orders = SeededChance(1), OrderPolicy()
        settling = Settling(chance, orders, lambda: None)
        acceptance = Acceptance(orders, working_days(orders), settling, lambda lanes: None)
        reads = Reads(self.store, self.clock, chance, Shelf(), acceptance)
        self.backfill = Backfill(
            self.store, self.clock, reads, self.policy, ZONE, {PROFILE: PERIOD_S},
            self.renew, lambda: sorted(self.there),
        )  # fmt: skip

    async def renew(self, concentrator: str) -> None:
        """A concentrator gets its table, and reads at once who answers."""
        self.renewed.append(concentrator)
        wave = await self.store.run(lambda tx: tx.wave_of(concentrator))
        assert wave is not None
        for task in wave.tasks:
            self.asked.append((self.clock.now(), task))
            blocks = [self._block(task, name) for name in task.meters if name not in self.dead]
            await self.upload(concentrator, [each for each in blocks if each is not None])

    def _block(self, task: Task, meter: str) -> Block | None:
        now = self.clock.now()
        first = now.timestamp() - task.back_s
        rows = [at for at in sorted(self.holds[meter]) if first <= at <= now.timestamp()]
        if task.spans:
            wanted = [(each.begin.timestamp(), each.end.timestamp()) for each in task.spans]
            rows = [at for at in rows if any(begin < at <= end for begin, end in wanted)]
        if not rows:
            return None
        buffer = axdr.encode(Array([_row(at) for at in rows]))
        return Block(
            meter=meter, task=task.name, number=1, read_at=now, layout=0, buffer=buffer,
            rows=len(rows),
        )  # fmt: skip

    async def upload(self, concentrator: str, blocks: Iterable[Block]) -> None:
        batch = Batch((LAYOUT,), tuple(blocks))
        intake = UploadIntake(self.store, self.clock, ZONE, late_after_s=86_400.0)
        told = Upload(
            id=f"u{len(self.asked)}", at=self.clock.now(), blocks=len(batch.blocks),
            packed=packed(batch),
        )  # fmt: skip
        assert await intake.take(concentrator, told)

    async def keep(self, meter: str, rows: Iterable[int]) -> None:
        """Rows of ordinary collection."""

        def work(tx: Transaction) -> None:
            number = tx.layout_number(LAYOUT)
            kept = [Row(at, at, number, 0, (None, at % 1000)) for at in sorted(rows)]
            now = self.clock.now()
            fill(tx, meter, LAYOUT, kept, zone=ZONE, now=now, events=EventIntake())

        await self.store.run(work)

    async def look_on(self, until: datetime, every: timedelta = timedelta(hours=6)) -> None:
        """Look again and again, while each living meter's present comes in."""
        while self.clock.at < until:
            await self.backfill.look()
            self.clock.at += every
            for meter, held in self.holds.items():
                if meter not in self.dead:
                    day = self.clock.at.astimezone(ZONE).date()
                    fresh = {
                        at
                        for each in (day - timedelta(days=1), day)
                        for at in ends_of(each)
                        if (self.clock.at - every).timestamp() <= at <= self.clock.at.timestamp()
                    }
                    held |= fresh
                    await self.keep(meter, fresh)

    async def given_up(self) -> dict[tuple[str, date], GivenUp]:
        names = list(self.holds)
        found = await self.store.run(
            lambda tx: tx.given_up_of(names, PROFILE, date(2026, 1, 1), date(2027, 1, 1))
        )
        return {(each.meter, each.day): each for days in found.values() for each in days}

    def here(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {name: set() for name in self.holds}
        for page in self.store.read(interval_days):
            found[page.meter] |= {row.at for row in page.rows}
            assert page.received == len({row.at for row in page.rows})
        return found


def _row(at: int) -> Structure:
    moment = DateTime.from_datetime(datetime.fromtimestamp(at, ZONE))
    return Structure([OctetString(moment.octets), DoubleLongUnsigned(at % 1000)])


@asynccontextmanager
async def a_field(*meters: Meter, **policy: float) -> AsyncIterator[Field]:
    store = SqlStore(databases.memory(), live=False)
    start = datetime.fromtimestamp(span_of(FIRST + timedelta(days=4), ZONE).end, UTC)
    settings = CollectionPolicy(backfill=BackfillPolicy(**policy))  # type: ignore[arg-type]
    it = Field(store, Still(start + timedelta(hours=6)), settings)

    def work(tx: Transaction) -> None:
        tx.put_concentrators([Concentrator("C1"), Concentrator("C2")])
        tx.put_meters(meters)

    await store.run(work)
    yield it
    await store.close()


def behind(name: str, concentrator: str = "C1") -> Meter:
    return Meter(name, concentrator, commissioned=True)


DAYS = [FIRST + timedelta(days=number) for number in range(5)]
ALL = {at for day in DAYS for at in ends_of(day)}
MIDST = set(ends_of(DAYS[1])) | {ends_of(DAYS[3])[0]}


async def stocked(it: Field, meter: str, lacks: set[int], holds: set[int] = ALL) -> None:
    it.holds[meter] = set(holds)
    await it.keep(meter, ALL - lacks)


async def test_a_concentrator_is_asked_for_a_gap_by_a_task_of_a_new_name() -> None:
    async with a_field(behind("1"), behind("2"), behind("3", "C2")) as it:
        await stocked(it, "1", MIDST)
        await stocked(it, "2", set())
        await stocked(it, "3", set())
        await it.backfill.look()
        ((at, task),) = it.asked
        assert (it.renewed, task.meters, task.priority) == (["C1"], ("1",), 9)
        assert at.timestamp() - task.back_s <= min(MIDST) - PERIOD_S
        spans = [
            (round(span.begin.timestamp()), round(span.end.timestamp())) for span in task.spans
        ]
        between = {at for at in ALL for begin, end in spans if begin < at <= end}
        assert between > MIDST and len(between - MIDST) == len(spans), "each with the row behind it"
        assert it.here()["1"] == ALL
        it.clock.at += timedelta(hours=1)
        await it.backfill.look()  # the wave is over, and its task goes out of the table
        assert it.renewed == ["C1", "C1"] and len(it.asked) == 1
        assert await it.given_up() == {}
        assert await it.store.run(lambda tx: tx.asks_of(["1"], PROFILE)) == {}
        it.clock.at += timedelta(hours=1)
        await it.backfill.look()
        assert it.renewed == ["C1", "C1"]


async def test_a_meter_outside_its_profile_s_groups_is_not_asked() -> None:
    """What is missing of it was collected by tasks that the configuration has no more."""
    async with a_field(behind("1"), behind("2"), behind("3", "C2")) as it:
        named = [{"concentrators": ("C2",)}, {"meters": ("1", "77")}]
        tasks = tuple(
            CollectionTask(name=f"t{number}", objects=(PROFILE,), **group)  # type: ignore[arg-type]
            for number, group in enumerate(named)
        )
        it.backfill.policy = msgspec.structs.replace(it.policy, task=tasks)
        for meter in ("1", "2", "3"):
            await stocked(it, meter, MIDST)
        await it.backfill.look()
        assert [task.meters for _, task in it.asked] == [("1",), ("3",)]


async def test_what_ordinary_reading_brings_is_not_asked_for_by_itself() -> None:
    """Neither since the newest row, nor before the first, nor of a day that has just ended."""
    trailing, leading = set(ends_of(DAYS[4])), set(ends_of(DAYS[0]))
    async with a_field(behind("1"), behind("2"), behind("3"), behind("4")) as it:
        await stocked(it, "1", trailing)
        await stocked(it, "2", leading)
        await stocked(it, "3", ALL)
        await stocked(it, "4", {ends_of(DAYS[4])[1]})
        it.clock.at -= timedelta(hours=3)
        await it.backfill.look()
        assert it.asked == []
        it.clock.at += timedelta(hours=3)
        await it.backfill.look()
        assert [task.meters for _, task in it.asked] == [("4",)]


async def test_a_meter_that_has_no_such_rows_is_asked_once() -> None:
    async with a_field(behind("1")) as it:
        await stocked(it, "1", MIDST, holds=ALL - MIDST)
        await it.look_on(it.clock.at + timedelta(days=3))
        assert len(it.asked) == 1
        found = await it.given_up()
        assert {day: each.reason for (_, day), each in found.items()} == {
            DAYS[1]: GivenUpFor.HOLDS_NONE, DAYS[3]: GivenUpFor.HOLDS_NONE,
        }  # fmt: skip
        assert [each.intervals for each in found.values()] == [len(ends_of(DAYS[1])), 1]


async def test_a_part_that_was_lost_on_the_way_proves_nothing() -> None:
    async with a_field(behind("1")) as it:
        await stocked(it, "1", MIDST, holds=ALL - MIDST)
        it.dead = {"1"}
        await it.backfill.look()
        ((_, task),) = it.asked
        block = it._block(task, "1")
        assert block is not None
        second = Block(
            meter="1", task=task.name, number=2, read_at=block.read_at, layout=0,
            buffer=block.buffer, rows=block.rows,
        )  # fmt: skip
        await it.upload("C1", [second])
        await it.backfill.look()
        assert await it.given_up() == {}
        await it.upload("C1", [block])
        await it.backfill.look()
        assert len(await it.given_up()) == 2


async def test_a_dead_meter_is_left_alone_and_given_up() -> None:
    async with a_field(behind("1")) as it:
        await stocked(it, "1", MIDST)
        it.dead = {"1"}
        await it.look_on(it.clock.at + timedelta(days=12), every=timedelta(hours=1))
        rests = [
            (after - before).total_seconds() / 3600
            for (before, _), (after, _) in zip(it.asked, it.asked[1:], strict=False)
        ]
        assert rests[:6] == [1, 2, 4, 8, 16, 24] and set(rests[6:]) == {24}
        ends = max(MIDST) + SLA_S
        assert all(at.timestamp() < ends for at, _ in it.asked)
        assert {each.reason for each in (await it.given_up()).values()} <= set(GivenUpFor)
        reasons = {day: each.reason for (_, day), each in (await it.given_up()).items()}
        assert reasons[DAYS[1]] == reasons[DAYS[3]] == GivenUpFor.NO_ANSWER


async def test_who_comes_back_is_asked_sooner() -> None:
    async with a_field(behind("1"), behind("2")) as it:
        for meter in ("1", "2"):
            await stocked(it, meter, MIDST)
        it.dead = {"1", "2"}
        await it.look_on(it.clock.at + timedelta(days=2), every=timedelta(hours=1))
        count, now = len(it.asked), it.clock.now()
        it.dead = set()
        it.clock.at += timedelta(hours=2)
        link = LinkReport("1", now, registered=True)
        await it.backfill.link_changed("C1", LinkChanged(id="l", at=now, link=link))
        gone = LinkReport("2", now, registered=False)
        await it.backfill.link_changed("C1", LinkChanged(id="l", at=now, link=gone))
        await it.backfill.look()
        assert [task.meters for _, task in it.asked[count:]] == [("1",)]
        assert it.here()["1"] >= MIDST
        word = Online(id="x", at=now, concentrator="C1", boot=1, firmware="f")
        await it.backfill.online("C1", word)
        it.clock.at += timedelta(hours=1)
        await it.backfill.look()
        assert [task.meters for _, task in it.asked[count:]] == [("1",), ("2",)]


async def test_a_concentrator_that_is_away_is_asked_when_it_is_back() -> None:
    async with a_field(behind("1")) as it:
        await stocked(it, "1", MIDST)
        it.there = set()
        await it.backfill.look()
        assert (it.asked, it.renewed) == ([], [])
        it.there = {"C1"}
        await it.backfill.look()
        assert it.here()["1"] == ALL


async def test_another_worker_goes_on_where_the_first_was() -> None:
    async with a_field(behind("1")) as it:
        await stocked(it, "1", MIDST)
        it.dead = {"1"}
        await it.backfill.look()
        other = Field(it.store, it.clock, it.policy, it.holds, it.dead)
        await other.backfill.look()
        assert other.asked == []
        it.clock.at += timedelta(hours=1)
        await other.backfill.look()
        assert [task.name for _, task in it.asked + other.asked] == ["fill-1-1", "fill-2-1"]


async def test_no_more_at_once_and_on_a_day_than_configured() -> None:
    names = [f"{number:02}" for number in range(12)]
    async with a_field(*(behind(name) for name in names), meters_at_once=4, meters_a_day=10) as it:
        for name in names:
            await stocked(it, name, MIDST)
        it.dead = set(names)
        await it.look_on(it.clock.at + timedelta(days=4), every=timedelta(hours=1))
        asked = Counter[date]()
        first: list[str] = []
        for at, task in it.asked:
            assert len(task.meters) <= 4
            asked[at.astimezone(ZONE).date()] += len(task.meters)
            first += task.meters
        assert max(asked.values()) == 10
        assert set(first[:14]) == set(names), "everybody once before many twice"


async def test_meters_read_directly_get_an_order_for_just_the_gaps() -> None:
    lone = Meter("9", commissioned=True, model="sim-3p", address="tcp://10.1.2.3")
    async with a_field(lone) as it:
        await stocked(it, "9", MIDST, holds=ALL - MIDST)
        await it.backfill.look()
        (order,) = await orders(it, "9")
        spans = [(each.after, each.until) for each in order.objects]
        day = ends_of(DAYS[1])
        assert [
            (round(after.timestamp()), round(until.timestamp()))
            for after, until in spans
            if after is not None and until is not None
        ] == [
            (day[0] - PERIOD_S, day[-1]),
            (ends_of(DAYS[3])[0] - PERIOD_S, ends_of(DAYS[3])[0]),
        ]
        assert (order.source, order.state) == (SOURCE, State.QUEUED)
        await it.backfill.look()
        assert len(await orders(it, "9")) == 1, "it rests"

        def done(tx: Transaction) -> None:
            found = tx.order(order.number)
            assert found is not None
            sent = found.to(State.DISPATCHED)
            tx.save_order(sent.to(State.DONE), at=it.clock.now(), cause="read")

        await it.store.run(done)
        await it.backfill.look()
        reasons = {each.reason for each in (await it.given_up()).values()}
        assert reasons == {GivenUpFor.HOLDS_NONE}


async def orders(it: Field, meter: str) -> list[Order]:
    def work(tx: Transaction) -> list[Order]:
        found = [tx.order(number) for number in range(1, 20)]
        return [each for each in found if each is not None and each.meter == meter]

    return await it.store.run(work)


RESTS = {1: 3600, 2: 7200, 5: 57_600, 6: 86_400, 10_000: 86_400}


@pytest.mark.parametrize("asked", RESTS)
def test_rests_double(asked: int) -> None:
    assert rest_of(asked, 3600, 86_400) == timedelta(seconds=RESTS[asked])


@settings(max_examples=5, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_every_gap_is_filled_or_given_up(data: st.DataObject) -> None:
    """Whatever is missing, held and dead: it ends, within bounds."""
    asyncio.run(played(data.draw))


async def played(draw: Callable[..., Any]) -> None:
    names = ["1", "2", "3", "4"]
    meters = [behind(name, "C1" if name < "3" else "C2") for name in names]
    at_once = draw(st.integers(1, 2))
    async with a_field(*meters, meters_at_once=at_once, meters_a_day=3) as it:
        inner = sorted(ALL)[1:-1]
        lacks, lost = {}, {}
        for name in names:
            lacks[name] = draw(st.sets(st.sampled_from(inner)))
            lost[name] = draw(st.sets(st.sampled_from(inner)))
            await stocked(it, name, lacks[name], ALL - (lost[name] & lacks[name]))
        dead = draw(st.sets(st.sampled_from(names)))
        back = draw(st.sets(st.sampled_from(names)))
        it.dead = set(dead)
        await it.look_on(it.clock.at + timedelta(days=2), every=timedelta(hours=12))
        it.dead -= back
        await it.look_on(it.clock.at + timedelta(days=11), every=timedelta(hours=12))
        here, gone = it.here(), await it.given_up()
        for name in names:
            assert here[name] <= it.holds[name], "no row is here that its meter does not hold"
            for at in ALL - here[name]:
                day = next(day for day in DAYS if at in ends_of(day))
                assert (name, day) in gone
            if name not in dead:
                assert here[name] >= ALL & it.holds[name]
        daily = Counter[tuple[str, date]]()
        for when, task in it.asked:
            lane = "C1" if task.meters[0] < "3" else "C2"
            daily[lane, when.astimezone(ZONE).date()] += len(task.meters)
            assert len(task.meters) <= at_once
        assert max(daily.values(), default=0) <= 3
