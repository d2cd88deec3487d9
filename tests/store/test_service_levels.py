"""Service levels as a database counts them: by hand, and against another way of counting."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from headend.collection.intervals import empty_day, merged
from headend.domain.event import Event, Severity, Source
from headend.domain.interval import Row
from headend.domain.life_cycle import LifeLine, Step
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.meter_clock import MeterClock
from headend.domain.meter_image import MeterFirmware
from headend.domain.order import Kind, State
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reading import Reading, WantedObject
from headend.domain.service_level import By, Goal, Level, Measure, Measured, ServiceLevels
from headend.domain.upkeep import ClockMeasured
from headend.domain.utility_day import span_of
from headend.store.service_level_queries import days_to_measure, measured, measured_days
from headend.store.transaction import SqlTransaction
from tests.store.making import STORY, order
from tests.store.test_ledger import LAYOUT, PROFILE, ZONE

Phase = Literal["A", "B", "C"]
DAY = date(2026, 7, 6)
SPAN = span_of(DAY, ZONE)
BEGIN = datetime.fromtimestamp(SPAN.begin, UTC)
LATER = BEGIN + timedelta(days=30)  # everything had its time
H = 3600


def levels(measures: Measure, *wanted: tuple[str, int], **own: Any) -> ServiceLevels:
    goal = Goal("g", measures, tuple(Level(Fraction(share), within) for share, within in wanted))
    return ServiceLevels((replace(goal, **own),), silent_s=60 * 86_400)


def collected(tx: SqlTransaction, meter: str, after_s: dict[int, int], day: date = DAY) -> None:
    """Quarter hours by their place in the day, and how long after its end each came."""
    number, begin = tx.layout_number(LAYOUT), span_of(day, ZONE).begin
    rows = [
        Row(begin + 900 * place, begin + 900 * place + late, number, 0, (None, place, 2300))
        for place, late in sorted(after_s.items())
    ]
    page = tx.interval_day(meter, PROFILE, day) or empty_day(meter, PROFILE, day, 900, ZONE)
    came = datetime.fromtimestamp(max(row.came for row in rows), UTC)
    tx.put_interval_day(merged(page, rows, on_events=False, now=came)[0])


def told(rows: list[Measured], by: By = By.ALL) -> dict[Any, tuple[int, ...]]:
    return {
        (row.within_s, row.name): (row.items, row.judged, row.met) for row in rows if row.by is by
    }


def registered(tx: SqlTransaction, *meters: tuple[str, str, Phase | None]) -> None:
    tx.put_concentrators([Concentrator("C1"), Concentrator("C2")])
    tx.put_meters(
        Meter(name, concentrator, commissioned=True, recorded_phase=phase)
        for name, concentrator, phase in meters
    )


def test_intervals_by_hand(connection: Connection, tx: SqlTransaction) -> None:
    """One meter whole within an hour; one with 90 within a day, 3 within two days, 3 missing; one
    silent since yesterday: 288 are due, 186 are here within a day, 189 within ten."""
    registered(tx, ("a", "C1", "A"), ("b", "C1", "B"), ("c", "C2", None))
    collected(tx, "a", dict.fromkeys(range(1, 97), H))
    collected(tx, "b", dict.fromkeys(range(1, 91), 24 * H) | dict.fromkeys(range(91, 94), 48 * H))
    goals = levels(Measure.INTERVALS, ("0.98", 24 * H), ("0.999", 240 * H))
    rows = measured(connection, goals, DAY, ZONE, LATER)
    day, ten = 24 * H, 240 * H
    assert told(rows) == {(day, ""): (288, 288, 186), (ten, ""): (288, 288, 189)}
    assert told(rows, By.CONCENTRATOR) == {
        (day, "C1"): (192, 192, 186), (ten, "C1"): (192, 192, 189),
        (day, "C2"): (96, 96, 0), (ten, "C2"): (96, 96, 0),
    }  # fmt: skip
    assert told(rows, By.PHASE)[day, ""] == (96, 96, 0)
    assert told(rows, By.PHASE)[day, "A"] == (96, 96, 96)


def test_what_had_no_time_yet_is_open(connection: Connection, tx: SqlTransaction) -> None:
    """At noon of the next day the first 12 hours had their 24, and nothing had its 10 days."""
    registered(tx, ("a", "C1", None))
    collected(tx, "a", dict.fromkeys(range(1, 25), H))
    goals = levels(Measure.INTERVALS, ("0.98", 24 * H), ("0.999", 240 * H))
    rows = measured(connection, goals, DAY, ZONE, BEGIN + timedelta(hours=36))
    assert told(rows) == {(24 * H, ""): (96, 48, 24), (240 * H, ""): (96, 0, 0)}


def test_zone_and_firmware_are_those_of_the_meter(
    connection: Connection, tx: SqlTransaction
) -> None:
    registered(tx, ("a", "C1", None), ("b", "C1", None))
    tx.put_places(
        [
            Place("Z1", PlaceKind.ZONE),
            Place("S1", PlaceKind.SERVICE_POINT, "Z1"),
        ]
    )
    tx.add_installation(Installation("a", "S1", BEGIN - timedelta(days=9)))
    tx.put_meter_firmware(MeterFirmware("b", "2.1", BEGIN))
    collected(tx, "a", dict.fromkeys(range(1, 97), H))
    rows = measured(connection, levels(Measure.INTERVALS, ("1", H)), DAY, ZONE, LATER)
    assert told(rows, By.ZONE) == {(H, "Z1"): (96, 96, 96), (H, ""): (96, 96, 0)}
    assert told(rows, By.FIRMWARE) == {(H, ""): (96, 96, 96), (H, "2.1"): (96, 96, 0)}


def installed(meter: str, days_before: int) -> list[LifeLine]:
    at = BEGIN - timedelta(days=days_before)
    return [
        LifeLine(meter, at, Step.COMMISSION, Stage.INSTALLED, Stage.COMMISSIONED, "a", ""),
        LifeLine(meter, at, Step.LINK, Stage.COMMISSIONED, Stage.LINKED, "a", ""),
    ]


def test_a_meter_that_is_silent_for_months_is_counted_apart(
    connection: Connection, tx: SqlTransaction
) -> None:
    """Of seven meters without a page of the day one is excused: it was ours for 61 days and said
    nothing."""
    names = ("gone", "new", "page", "read", "order", "event")
    tx.put_meters([Meter(name, "C1", commissioned=True, stage=Stage.LINKED) for name in names])
    tx.put_meters([Meter("lifeless", "C1", commissioned=True)])
    tx.add_life([line for name in names for line in installed(name, 3 if name == "new" else 61)])
    collected(tx, "page", {1: 5}, DAY - timedelta(days=40))
    ago = BEGIN - timedelta(days=20)
    tx.add_event(Event("event", "power-down", Severity.CRITICAL, ago, ago, (Source.PUSH,)))
    tx.add_order(
        order(1, meter="order", state=State.DONE, accepted_at=ago, ready_at=ago, ended_at=ago),
        STORY,
    )
    tx.add_readings([Reading("read", "1.0.1.8.0.255", 2, ago, ago, "order 1", value="1")])
    (whole,) = (
        row
        for row in measured(connection, levels(Measure.INTERVALS, ("1", H)), DAY, ZONE, LATER)
        if row.by is By.ALL
    )
    assert (whole.items, whole.apart, whole.silent) == (6 * 96, 96, 1)


def ordered(tx: SqlTransaction, number: int, took_s: float | None, **changes: Any) -> None:
    """An order at 10:00 + its number in minutes; done after so long, or not."""
    at, ends = BEGIN + timedelta(hours=10, minutes=number), changes.pop("ends", 1)
    read = changes.get("kind") is Kind.READ
    if read:
        del changes["kind"]
    made = order(
        number, meter="m", accepted_at=at, ready_at=changes.pop("ready_at", at),
        deadline=at + timedelta(hours=6), **changes,
    )  # fmt: skip
    if read:
        made = replace(made, kind=Kind.READ, objects=(WantedObject(3, "1.0.1.8.0.255"),))
    tx.next_order_number()
    story = list(STORY)
    if took_s is not None:
        ended = made.ready_at + timedelta(seconds=took_s)
        state = made.state if made.final else State.DONE
        made = replace(made, state=state, ended_at=ended)
    if made.final:
        story += [(made.state, "it ended")] * ends
    tx.add_order(made, story)


def test_orders_by_hand(connection: Connection, tx: SqlTransaction) -> None:
    """Seven count: done after 1, 30 and 31 minutes and, held until noon, after 5; failed, expired,
    and one that is still on its way.  Rejected and cancelled ones and a read do not."""
    registered(tx, ("m", "C1", None))
    ordered(tx, 1, 60)
    ordered(tx, 2, 1800, kind=Kind.SET_LIMIT)
    ordered(tx, 3, 1860, kind=Kind.CONNECT)
    ordered(tx, 4, 300, ready_at=BEGIN + timedelta(hours=12))
    ordered(tx, 5, 60, state=State.FAILED)
    ordered(tx, 6, 6 * H, state=State.EXPIRED)
    ordered(tx, 7, None)
    ordered(tx, 8, 1, state=State.REJECTED)
    ordered(tx, 9, 60, state=State.CANCELLED, ends=2)  # as must not be
    ordered(tx, 10, 20, kind=Kind.READ)
    ordered(tx, 11, 31, kind=Kind.READ)
    ordered(tx, 12, 20, kind=Kind.READ, priority=90)  # nobody waits for it
    goals = levels(Measure.ORDERS, ("0.9", 1800), ("0.99", H))
    assert told(measured(connection, goals, DAY, ZONE, LATER)) == {
        (1800, ""): (7, 7, 3), (H, ""): (7, 7, 4),
    }  # fmt: skip
    reads = levels(Measure.READS, ("0.95", 30))
    assert told(measured(connection, reads, DAY, ZONE, LATER)) == {(30, ""): (2, 2, 1)}
    outcomes = levels(Measure.OUTCOMES, ("1", 600))
    assert told(measured(connection, outcomes, DAY, ZONE, LATER)) == {(600, ""): (9, 9, 7)}
    before = measured(connection, outcomes, DAY, ZONE, BEGIN + timedelta(hours=16, minutes=9))
    assert told(before) == {(600, ""): (9, 0, 0)}
    other_day = measured(connection, goals, DAY + timedelta(days=1), ZONE, LATER)
    assert told(other_day) == {(1800, ""): (0, 0, 0), (H, ""): (0, 0, 0)}


def test_clocks_by_hand(connection: Connection, tx: SqlTransaction) -> None:
    """A concentrator's first look is none; a meter counts as it was left."""
    registered(tx, ("m", "C1", None))
    for hour, offset_s in enumerate((900.0, -20.0, 20.1)):
        tx.add_clock(ClockMeasured("C1", BEGIN + timedelta(hours=hour), offset_s, 0.1))
    tx.add_meter_clock(
        MeterClock("m", BEGIN + timedelta(hours=1), 1, 500.0, 1.0, "set", -500.0, 0.5, 1.0)
    )
    tx.add_meter_clock(MeterClock("m", BEGIN + timedelta(hours=2), 2, 3.0, 1.0))
    rows = measured(connection, levels(Measure.CLOCKS, ("1", 20)), DAY, ZONE, LATER)
    assert told(rows) == {(20, ""): (4, 4, 3)}
    assert told(rows, By.CONCENTRATOR) == {(20, "C1"): (4, 4, 3)}


def test_alarms_by_hand(connection: Connection, tx: SqlTransaction) -> None:
    registered(tx, ("m", "C1", None))
    for number, (severity, after_s) in enumerate(
        [
            (Severity.CRITICAL, 5), (Severity.MAJOR, 60), (Severity.MAJOR, 61),
            (Severity.WARNING, 900), (Severity.INFO, 1),
        ]
    ):  # fmt: skip
        at = BEGIN + timedelta(minutes=number)
        came = at + timedelta(seconds=after_s)
        tx.add_event(Event("m", f"e{number}", severity, at, came, (Source.PUSH,)))
    rows = measured(connection, levels(Measure.ALARMS, ("0.95", 60)), DAY, ZONE, LATER)
    assert told(rows) == {(60, ""): (3, 3, 2)}


# --- the same, counted another way ---

METERS = ("a", "b", "c")
CAME = st.dictionaries(st.integers(1, 96), st.integers(0, 12 * 24 * H), max_size=12)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    came=st.fixed_dictionaries(dict.fromkeys(METERS, CAME)),
    hours=st.integers(0, 300),
    within_s=st.sampled_from([H, 24 * H, 240 * H]),
)
def test_pages_count_as_their_intervals_one_by_one(
    connection: Connection,
    tx: SqlTransaction,
    came: dict[str, dict[int, int]],
    hours: int,
    within_s: int,
) -> None:
    now = BEGIN + timedelta(hours=hours)
    with connection.begin_nested() as inner:
        registered(tx, ("a", "C1", "A"), ("b", "C1", "B"), ("c", "C2", "A"))
        items, judged, met = Counter[str](), Counter[str](), Counter[str]()
        for name, after_s in came.items():
            # Nothing is here that has not come yet.
            here = {
                place: late
                for place, late in after_s.items()
                if SPAN.begin + 900 * place + late <= now.timestamp()
            }
            if here:
                collected(tx, name, here)
            for place in range(1, 97):
                end = SPAN.begin + 900 * place
                items[name] += end <= now.timestamp()
                judged[name] += end + within_s <= now.timestamp()
                met[name] += (
                    end + within_s <= now.timestamp() and place in here and here[place] <= within_s
                )
        rows = measured(connection, levels(Measure.INTERVALS, ("1", within_s)), DAY, ZONE, now)
        for by, groups in (
            (By.ALL, {"": METERS}),
            (By.CONCENTRATOR, {"C1": ("a", "b"), "C2": ("c",)}),
            (By.PHASE, {"A": ("a", "c"), "B": ("b",)}),
        ):
            wanted = {
                name: tuple(sum(count[each] for each in of) for count in (items, judged, met))
                for name, of in groups.items()
            }
            found = {row.name: (row.items, row.judged, row.met) for row in rows if row.by is by}
            assert {name: count for name, count in wanted.items() if count[0]} == {
                name: count for name, count in found.items() if count[0]
            }
        inner.rollback()


# --- what is measured again ---


def test_a_day_is_measured_again_where_it_may_stand_otherwise(
    connection: Connection, tx: SqlTransaction
) -> None:
    registered(tx, ("a", "C1", None))
    collected(tx, "a", dict.fromkeys(range(1, 90), H))
    goals = levels(Measure.INTERVALS, ("0.98", 24 * H), ("0.999", 240 * H))

    def stale(now: datetime, wanted: ServiceLevels = goals) -> bool:
        return list(days_to_measure(connection, wanted, DAY, DAY, ZONE, now)) == [DAY]

    def measure(now: datetime) -> None:
        tx.put_measured(DAY, measured(connection, goals, DAY, ZONE, now))

    two_days, twelve = BEGIN + timedelta(hours=49), BEGIN + timedelta(days=12)
    assert stale(two_days)
    measure(two_days)
    assert not stale(two_days + timedelta(days=7))  # nothing came, and nothing had its time
    collected(tx, "a", {90: 60 * H})  # by back-fill
    assert stale(two_days + timedelta(days=7))
    measure(two_days + timedelta(days=7))
    assert not stale(two_days + timedelta(days=7, hours=1))
    assert stale(twelve)  # ten days are over
    measure(twelve)
    assert not stale(twelve + timedelta(days=100))
    assert stale(twelve, levels(Measure.INTERVALS, ("0.98", 24 * H)))  # other goals
    assert stale(twelve, levels(
        Measure.INTERVALS, ("0.98", 24 * H), ("0.999", 240 * H), profile="1.0.99.2.0.255"
    ))  # fmt: skip
    assert told(measured_days(connection, DAY, DAY)) == {
        (24 * H, ""): (96, 96, 89), (240 * H, ""): (96, 96, 90),
    }  # fmt: skip
