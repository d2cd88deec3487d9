"""The ledger as it is asked of a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from headend.collection.decoding import rows_of
from headend.collection.filling import fill
from headend.collection.intervals import empty_day, merged
from headend.domain.interval import Row
from headend.domain.ledger import summed
from headend.domain.life_cycle import LifeLine, Step
from headend.domain.meter import Meter, Stage
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.utility_day import span_of
from headend.events.taking import EventIntake
from headend.store.ledger_queries import Wanted, channels, curve, ledger, missing, zones_of
from headend.store.registry_queries import MeterFilter
from headend.store.transaction import SqlTransaction
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms.axdr import encode
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure

PROFILE = "1.0.99.1.0.255"
LAYOUT = Layout(
    PROFILE,
    (
        ColumnTold(8, "0.0.1.0.0.255", 2),
        ColumnTold(3, "1.0.1.8.0.255", 2, scaler=0, unit=30),
        ColumnTold(3, "1.0.32.7.0.255", 2, scaler=-1, unit=35),
    ),
    900,
)
ZONE = ZoneInfo("America/Santiago")
LONG = date(2026, 4, 4)  # 25 hours
NEXT = date(2026, 4, 5)
NOON = datetime(2026, 4, 5, 16, tzinfo=UTC)  # of the next, at UTC-4


WANTED = Wanted(PROFILE, LONG, LONG, ZONE, NOON)


def wanted(**changed: Any) -> Wanted:
    return replace(WANTED, **changed)


def collect(
    tx: SqlTransaction,
    meter: str,
    day: date,
    places: range,
    *,
    after_s: int = 3600,
    period_s: int = 900,
) -> None:
    number = tx.layout_number(LAYOUT)
    begin = span_of(day, ZONE).begin
    rows = [
        Row(begin + period_s * place, begin + period_s * place + after_s, number, 0,
            (None, place, 2300 if place % 2 else None))
        for place in places
    ]  # fmt: skip
    page = tx.interval_day(meter, PROFILE, day) or empty_day(meter, PROFILE, day, period_s, ZONE)
    page, _ = merged(page, rows, on_events=False, now=NOON)
    tx.put_interval_day(page)


def filled(tx: SqlTransaction) -> None:
    """Of five meters one is whole, one half, one silent, one new at 10 h, one in stock."""
    tx.put_meters(
        [
            *(Meter(name, "C1", commissioned=True) for name in ("half", "silent", "whole")),
            Meter("new", "C2", commissioned=True, stage=Stage.LINKED),
            Meter("stock", stage=Stage.IN_STOCK),
        ]
    )
    at = datetime.fromtimestamp(span_of(LONG, ZONE).begin, UTC) + timedelta(hours=10)
    tx.add_life(
        [
            LifeLine("new", at, Step.COMMISSION, Stage.INSTALLED, Stage.COMMISSIONED, "a", ""),
            LifeLine("new", at, Step.LINK, Stage.COMMISSIONED, Stage.LINKED, "a", ""),
        ]
    )
    collect(tx, "whole", LONG, range(1, 101))
    collect(tx, "half", LONG, range(1, 51), after_s=7200)
    collect(tx, "new", LONG, range(1, 61))  # the first ten hours are not asked of it


def test_what_nothing_came_of_is_expected_all_the_same(
    connection: Connection, tx: SqlTransaction
) -> None:
    filled(tx)
    told = {
        each.meter: (each.expected, each.due, each.received, each.silent)
        for each in ledger(connection, wanted())
    }
    assert told == {
        "half": (100, 100, 50, False),
        "new": (60, 60, 20, False),
        "silent": (100, 100, 0, True),
        "stock": (0, 0, 0, False),
        "whole": (100, 100, 100, False),
    }
    by = summed(ledger(connection, wanted()), lambda each: each.concentrator or "")
    assert [(each.name, each.meters, each.complete, each.silent, each.share) for each in by] == [
        ("C1", 3, 1, 1, 0.5), ("C2", 1, 0, 0, 20 / 60),
    ]  # fmt: skip


def test_of_a_day_under_way_only_what_has_ended_is_due(
    connection: Connection, tx: SqlTransaction
) -> None:
    filled(tx)
    collect(tx, "whole", NEXT, range(1, 49))
    collect(tx, "half", NEXT, range(1, 97), after_s=-99)  # its clock is ahead
    told = {
        each.meter: (each.expected, each.due, each.received, each.complete)
        for each in ledger(connection, wanted(first=NEXT, last=NEXT))
    }
    assert told["whole"] == (96, 48, 48, True)
    assert told["half"] == (96, 48, 48, True)
    assert told["silent"] == (96, 48, 0, False)
    tomorrow = wanted(first=date(2026, 4, 6), last=date(2026, 4, 6))
    assert {each.due for each in ledger(connection, tomorrow)} == {0}


def test_a_meter_is_expected_by_its_own_capture_period(
    connection: Connection, tx: SqlTransaction
) -> None:
    """Also on days of which nothing came."""
    tx.put_meters([Meter("hourly", "C1", commissioned=True)])
    collect(tx, "hourly", NEXT, range(1, 3), period_s=3600)
    (entry,) = ledger(connection, wanted())
    assert (entry.period_s, entry.expected) == (3600, 25)
    (gap,) = missing(connection, wanted())
    assert (gap.intervals, gap.end - gap.begin) == (25, 25 * 3600)


DAILY = "1.0.98.2.0.255"
SUMMER = date(2026, 9, 6)  # begins an hour late: 23 hours


# capture period that the meter tells, the day, and whether a row is expected at its end
BILLED = {
    "days": (86_400, LONG, True),
    "a short day": (86_400, SUMMER, True),
    "months": (30 * 86_400, date(2026, 8, 31), True),
    "the midst of a month": (30 * 86_400, SUMMER, False),
    "days by a schedule of the meter's own": (0, SUMMER, True),
}


@pytest.mark.parametrize(("period_s", "day", "expected"), BILLED.values(), ids=BILLED)
def test_billing_profiles_are_counted_by_the_utility_s_days(
    connection: Connection, tx: SqlTransaction, period_s: int, day: date, expected: bool
) -> None:
    clock = ColumnTold(8, "0.0.1.0.0.255", 2)
    layout = Layout(DAILY, (clock, ColumnTold(3, "1.0.1.8.0.255", 2, 0, 30)), period_s)
    span, later = span_of(day, ZONE), datetime(2026, 12, 1, tzinfo=UTC)
    tx.put_meters([Meter("1", "C1", commissioned=True), Meter("2", "C1", commissioned=True)])
    here = DateTime.from_datetime(datetime.fromtimestamp(span.end, ZONE))
    buffer = Array([Structure([OctetString(here.octets), DoubleLongUnsigned(7)])])
    number = tx.layout_number(layout)
    rows = rows_of(
        encode(buffer), layout, number=number, now=later, late_after_s=1e9, zone=ZONE
    )  # fmt: skip
    fill(tx, "1", layout, rows, zone=ZONE, now=later, events=EventIntake())
    asked = Wanted(DAILY, day, day, ZONE, later, period_s or 86_400)
    told = {each.meter: (each.due, each.received) for each in ledger(connection, asked)}
    assert told == {"1": (expected, expected), "2": (expected, 0)}
    found = [(each.meter, each.end) for each in missing(connection, asked)]
    assert found == ([("2", span.end)] if expected else [])


def test_gaps_of_all_meters(connection: Connection, tx: SqlTransaction) -> None:
    filled(tx)
    begin, end = span_of(LONG, ZONE)
    noon = round(NOON.timestamp())
    found = [
        (each.meter, (each.begin - begin) // 900, each.end, each.intervals)
        for each in missing(connection, wanted(last=NEXT))
    ]
    assert found == [
        ("half", 50, noon, 98), ("new", 60, noon, 88), ("silent", 0, noon, 148),
        ("whole", 100, noon, 48),
    ]  # fmt: skip
    one = wanted(which=MeterFilter(meter="half"))
    assert [(each.meter, each.end) for each in missing(connection, one)] == [("half", end)]


def test_so_much_by_then(connection: Connection, tx: SqlTransaction) -> None:
    filled(tx)
    found = curve(connection, wanted())
    begin = span_of(LONG, ZONE).begin
    assert found.expected == 360
    # By 13 h 00: of the whole meter 12 hours, of the half one 11, of the new one 2.
    assert found.share_at(begin + 13 * 3600) == (48 + 44 + 8) / 360
    assert found.share_at(NOON.timestamp()) == 170 / 360
    assert found.reached(0.5) is None


def test_channel_by_channel(connection: Connection, tx: SqlTransaction) -> None:
    filled(tx)
    (entry,) = ledger(connection, wanted(which=MeterFilter(meter="whole")))
    assert [(each.name, each.due, each.received) for each in channels(connection, entry)] == [
        ("1.0.1.8.0.255", 100, 100), ("1.0.32.7.0.255", 100, 50),
    ]  # fmt: skip


def test_the_zone_is_the_one_in_which_a_meter_hung_last(
    connection: Connection, tx: SqlTransaction
) -> None:
    tx.put_places(
        [
            Place("R", PlaceKind.REGION), Place("Z1", PlaceKind.ZONE, "R"),
            Place("Z2", PlaceKind.ZONE, "R"), Place("T1", PlaceKind.TRANSFORMER, "Z1"),
            Place("S1", PlaceKind.SERVICE_POINT, "T1"), Place("S2", PlaceKind.SERVICE_POINT, "Z2"),
        ]
    )  # fmt: skip
    early, late = NOON - timedelta(days=9), NOON - timedelta(days=2)
    tx.add_installation(Installation("a", "S1", early, late))
    tx.add_installation(Installation("a", "S2", late))
    tx.add_installation(Installation("b", "S1", late))
    assert zones_of(connection, ["a", "b", "c"], NOON) == {"a": "Z2", "b": "Z1"}
    assert zones_of(connection, ["a", "b", "c"], NOON - timedelta(days=3)) == {"a": "Z1"}
