"""Days rolled up are what their rows say, however and in whatever order those came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from headend.collection.intervals import by_day, empty_day, merged
from headend.collection.rolling import RollingUp
from headend.config.rollup import RollupPolicy
from headend.domain.interval import Row, RowQuality
from headend.domain.rollup import ChannelSum, Rolled, RolledDay, gained
from headend.domain.utility_day import span_of
from headend.store.collected_queries import interval_days, rolled_days
from headend.store.transaction import SqlTransaction
from protocols.concentrator.collecting import ColumnTold, Layout
from tests.store.test_ledger import PROFILE, ZONE

ENERGY, VOLTAGE = "1.0.1.8.0.255", "1.0.32.7.0.255"
LAYOUT = Layout(
    PROFILE,
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(1, "0.0.96.10.1.255", 2),
        ColumnTold(3, ENERGY, 2, scaler=0, unit=30),
        ColumnTold(3, VOLTAGE, 2, scaler=-1, unit=35),
    ),
    900,
)
AUTUMN, SPRING = date(2026, 4, 4), date(2026, 9, 5)  # 25 and 23 hours in Santiago
NOW = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass
class World:
    """A store whose works all share a test's transaction, and a clock."""

    tx: SqlTransaction
    at: datetime = NOW

    async def run(self, work: Any) -> Any:
        return work(self.tx)

    def now(self) -> datetime:
        return self.at


class Came(NamedTuple):
    """A row that came."""

    period: int  # since midnight before the first day
    late: bool
    off: bool  # stands between two periods
    status: int
    energy: int | None
    volts: int | None


def put(tx: SqlTransaction, first: date, zone: ZoneInfo, came: list[Came], at: datetime) -> None:
    """As the intake does: each day's page with what came for it."""
    number = tx.layout_number(LAYOUT)
    begin = span_of(first, zone).begin
    rows = []
    for each in came:
        quality = RowQuality.LATE * each.late | RowQuality.OFF_PERIOD * each.off
        end = begin + 900 * each.period + 60 * each.off
        cells = (None, each.status, each.energy, each.volts)
        rows.append(Row(end, int(at.timestamp()), number, int(quality), cells))
    for day, some in by_day(rows, zone):
        page = tx.interval_day("1", PROFILE, day) or empty_day("1", PROFILE, day, 900, zone)
        tx.put_interval_day(merged(page, some, on_events=False, now=at)[0])


async def rolled(tx: SqlTransaction) -> tuple[int, list[RolledDay]]:
    duty = RollingUp(World(tx), World(tx), ZONE, RollupPolicy(enabled=True, days=400))
    pages = await duty.look()
    return pages, rolled_days(tx.connection, "1", PROFILE, date.min, date.max)


def by_hand(rows: list[Row], begin: int, end: int, column: int) -> tuple[int, ...] | None:
    """count, first, last, least, most, total of what stands, after `begin` up to and with `end`."""
    odd = RowQuality.CHANGED | RowQuality.OFF_PERIOD
    stand = {
        row.at: row.cells[column]
        for row in rows
        if begin < row.at <= end and not row.quality & odd and row.cells[column] is not None
    }
    values = [value for _, value in sorted(stand.items()) if isinstance(value, int)]
    if not values:
        return None
    return len(values), values[0], values[-1], min(values), max(values), sum(values)


def told(span: Rolled, name: str) -> tuple[int, ...] | None:
    for each in span.channels:
        if each.name == name:
            return each.count, each.first, each.last, each.least, each.most, each.total
    return None


rows_that_came = st.lists(
    st.builds(
        Came,
        period=st.integers(1, 290),
        late=st.booleans(),
        off=st.booleans(),
        status=st.sampled_from((0, 1, 2**31, 2**32 - 1)),
        energy=st.none() | st.integers(0, 2**64 - 1),
        volts=st.none() | st.integers(-(2**31), 2**31 - 1),
    ),
    max_size=40,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(rows_that_came, min_size=1, max_size=3),
    first=st.sampled_from((AUTUMN - timedelta(days=1), SPRING - timedelta(days=1))),
    looks=st.lists(st.booleans(), min_size=3, max_size=3),
    step_s=st.sampled_from((1, -1)),
)
def test_equal_to_a_computation_from_the_rows(
    connection: Connection,
    batches: list[list[Came]],
    first: date,
    looks: list[bool],
    step_s: int,
) -> None:
    """Three days, one of 23 or 25 hours, whose rows come in batches, late, twice, corrected and off
    their period; the duty looks in between or not, the clock goes on or is set back."""
    savepoint = connection.begin_nested()
    tx = SqlTransaction(connection)
    try:
        for number, (batch, look) in enumerate(zip(batches, looks, strict=False)):
            put(tx, first, ZONE, batch, NOW + timedelta(seconds=step_s * number))
            if look:
                asyncio.run(rolled(tx))
        _, found = asyncio.run(rolled(tx))
        again, same = asyncio.run(rolled(tx))
        assert (again, same) == (0, found), "what was rolled up costs nothing"
        pages = interval_days(connection, meter="1")
        assert [each.day for each in found] == [each.day for each in pages]
        for page, day in zip(pages, found, strict=True):
            counts = ("expected", "received", "late", "changed")
            assert [getattr(day, each) for each in counts] == [
                getattr(page, each) for each in counts
            ]
            span = span_of(page.day, ZONE)
            assert len(day.hours) == (span.end - span.begin) // 3600
            for each in counts:
                assert sum(getattr(hour, each) for hour in day.hours) == getattr(day, each)
            spans: list[tuple[int, int, Rolled]] = [
                (span.begin, span.end, day),
                *((h.end - 3600, h.end, h) for h in day.hours),
            ]
            for begin, end, kept in spans:
                mine = [row for row in page.rows if begin < row.at <= end]
                for place, name in ((2, ENERGY), (3, VOLTAGE)):
                    assert told(kept, name) == by_hand(mine, begin, end, place)
                stood = [row.cells[1] for row in mine if not row.quality & RowQuality.CHANGED]
                assert kept.status == reduce(or_, (int(each or 0) for each in stood), 0)
                flags = [row.quality for row in mine]
                assert kept.quality == reduce(or_, flags, 0)
    finally:
        savepoint.rollback()


async def test_two_changes_of_one_instant_are_told_apart(tx: SqlTransaction) -> None:
    for period in (1, 2):
        put(tx, AUTUMN, ZONE, [Came(period, False, False, 0, period, None)], NOW)
        pages, (day,) = await rolled(tx)
        assert (pages, day.received, day.raw_at) == (1, period, NOW)


async def test_what_a_register_gained_is_the_difference_of_its_rows(tx: SqlTransaction) -> None:
    """By the day and by the hour, over the day that is an hour longer."""
    came = [Came(each, False, False, 0, each * each, 2300) for each in range(1, 96 + 100 + 96 + 1)]
    put(tx, AUTUMN - timedelta(days=1), ZONE, came, NOW)
    pages, days = await rolled(tx)
    assert pages == 3

    def gain(before: Rolled | None, now: Rolled) -> int | None:
        (energy,) = (each for each in now.channels if each.name == ENERGY)
        return gained(before, now, energy)

    assert gain(None, days[0]) is None
    assert [gain(*pair) for pair in zip(days, days[1:], strict=False)] == [
        196**2 - 96**2, 292**2 - 196**2,
    ]  # fmt: skip
    hours: list[Rolled] = [hour for day in days for hour in day.hours]
    assert [len(day.hours) for day in days] == [24, 25, 24]
    assert [gain(*pair) for pair in zip(hours, hours[1:], strict=False)] == [
        (4 * each + 4) ** 2 - (4 * each) ** 2 for each in range(1, 73)
    ]


async def test_a_register_with_a_hole_gained_nobody_knows_how_much(tx: SqlTransaction) -> None:
    came = [Came(each, False, False, 0, each, None) for each in range(1, 9) if each != 6]
    put(tx, AUTUMN, ZONE, came, NOW)
    _, (day,) = await rolled(tx)
    first, second, third = day.hours[:3]
    (energy,) = second.channels
    assert (second.received, second.expected, gained(first, second, energy)) == (3, 4, None)
    assert third.channels == () and gained(None, first, first.channels[0]) is None


async def test_a_profile_by_the_day_has_no_hours_and_one_on_events_is_left_out(
    tx: SqlTransaction,
) -> None:
    number = tx.layout_number(LAYOUT)
    at = span_of(AUTUMN, ZONE).end
    for profile, period_s in (("1.0.98.1.0.255", 86_400), ("1.0.99.98.0.255", 0)):
        page = empty_day("1", profile, AUTUMN, period_s, ZONE)
        rows = [Row(at, at, number, 0, (None, 0, 7, None))]
        tx.put_interval_day(merged(page, rows, on_events=False, now=NOW)[0])
    pages, _ = await rolled(tx)
    assert pages == 1
    (day,) = rolled_days(tx.connection, "1", "1.0.98.1.0.255", AUTUMN, AUTUMN)
    assert (day.expected, day.received, day.hours) == (1, 1, ())
    assert day.channels == (ChannelSum(ENERGY, 0, 30, 1, 7, 7, 7, 7, 7),)


async def test_a_day_that_has_not_ended_waits_and_sql_can_look_into_days(
    tx: SqlTransaction, connection: Connection
) -> None:
    today = NOW.astimezone(ZONE).date()
    put(tx, today, ZONE, [Came(1, False, False, 0, 5, None)], NOW)
    assert await rolled(tx) == (0, [])
    put(tx, AUTUMN, ZONE, [Came(1, True, False, 8, 5, None)], NOW)
    assert (await rolled(tx))[0] == 1
    asked = "SELECT json_extract(channels, '$[0].total') FROM rolled_days"
    if connection.dialect.name == "postgresql":
        asked = "SELECT CAST(CAST(channels AS json) -> 0 ->> 'total' AS int) FROM rolled_days"
    assert connection.execute(text(asked)).scalars().all() == [5]


@pytest.mark.parametrize("wrong", [{"days": 0}, {"after_s": 86_400}, {"hourly": True}])
def test_a_configuration_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, RollupPolicy)
