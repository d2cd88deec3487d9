"""Energy, tariffs, demand and profiles tell one story: what is counted is counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.meter.calendar import DELIVERED, Calendar, Day, Plan, Season, SpecialDay, Week
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad, DailyLoad, Energy, Load, PhaseLoad
from devices.meter.meter_clock import TimeRules
from devices.meter.meter_type import MeterType
from devices.meter.models import model
from devices.meter.tariff import SINCE, by_tariff, present
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import (
    Array,
    DateTimeValue,
    DoubleLongUnsigned,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)
from tests.meter.asking import Asking


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


NOW = at(2026, 7, 8, 10, 7, 30)  # a Wednesday
HOUSEHOLD = DailyLoad((8, 5, 11), (2, 1, 3))
KIND = MeterType(profile_entries=400)


def asking(load: Load = HOUSEHOLD, kind: MeterType = KIND, now: float = NOW) -> Asking:
    return Asking(Meter(Identity(7, 4), load, kind), now)


def total(shares: tuple[Energy, ...]) -> Energy:
    energy = Energy()
    for share in shares:
        energy += share
    return energy


# Disturbances that a meter may meet, and what must hold whatever they are.

DEEDS = {
    "off": lambda meter, now: meter.power_off(now=now),
    "on": lambda meter, now: meter.power_on(now=now),
    "ahead": lambda meter, now: meter.set_clock(meter.time(now) + 1234, now=now),
    "back": lambda meter, now: meter.set_clock(meter.time(now) - 1234, now=now),
    "sync": lambda meter, now: meter.set_clock(meter.time(now) + 3, now=now),
    "drift": lambda meter, now: meter.set_fault("clock-drifts", now=now),
    "load": lambda meter, now: meter.replace_load(ConstantLoad.of(300, -700, 10), now=now),
    "back to the load": lambda meter, now: meter.replace_load(HOUSEHOLD, now=now),
}
LIVES = st.lists(st.tuples(st.integers(1, 20_000), st.sampled_from(sorted(DEEDS))), max_size=8)


REGISTERS = [f"1.0.{c}.8.0.255" for c in (1, 2, 3, 4)]
CLOCK_DEEDS = {"ahead", "back", "sync"}
QUARTER_S = 900


class Witness:
    """Stands beside a meter and reads its registers at each quarter hour of its clock."""

    def __init__(self, here: Asking) -> None:
        self.here, self.seen = here, list[tuple[float, list[int], bool]]()
        self.next = here.meter.time(here.now) // QUARTER_S * QUARTER_S + QUARTER_S
        self.flagged = False

    def until(self, end: float, *, closed: bool = False) -> None:
        """Read whatever is due before `end`."""
        meter = self.here.meter
        while meter.powered:
            world = max(meter.world_time(self.next), self.here.now)
            if world > end or (world == end and not closed):
                break
            self.here.now = world
            values = [self.here.number(3, name) for name in REGISTERS]
            self.seen.append((self.next, values, self.flagged))
            self.next, self.flagged = self.next + QUARTER_S, False
        self.here.now = end

    def disturbed(self, deed: str, before: float) -> None:
        """Something happened; `before` is what the clock showed until then."""
        after = self.here.meter.time(self.here.now)
        shown = before if deed == "sync" else after
        if deed in ("on", "ahead", "back"):
            self.next = -(-shown // QUARTER_S) * QUARTER_S
            self.flagged = True


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_rows_say_what_the_registers_said_and_tariffs_add_up(life: list[tuple[int, str]]):
    here = asking()
    meter, witness = here.meter, Witness(here)
    for wait, deed in life:
        witness.until(here.now + wait)
        if deed in CLOCK_DEEDS and not meter.powered or deed == "on" and meter.powered:
            continue
        before = meter.time(here.now)
        DEEDS[deed](meter, here.now)
        witness.disturbed(deed, before)
        assert total(by_tariff(meter, here.now)) == meter.metering.energy(here.now)
    witness.until(here.now + 5000, closed=True)
    assert total(by_tariff(meter, here.now)) == meter.metering.energy(here.now)
    rows = []
    for row in here.rows("1.0.99.1.0.255"):
        time = DateTime.from_octets(bytes(cast(OctetString, row[0]))).to_datetime().timestamp()
        counts = [int(cast(int, cell)) for cell in row[2:]]
        rows.append((time, counts, bool(int(cast(int, row[1])) & 0xA0)))
    told = witness.seen
    assert rows[len(rows) - len(told) :] == told
    assert all(a <= b for (_, a, _), (_, b, _) in zip(rows, rows[1:], strict=False))


def test_each_row_is_what_the_registers_said_when_it_was_captured():
    """The differential: read every captured register at each row's moment, compare afterwards."""
    here = asking(kind=replace(KIND, features=KIND.features))
    columns = [bytes(c[1]) for c in cast(Array, here.get(7, "1.0.99.2.0.255", 3))]  # type: ignore[index, arg-type]
    names = [str(LogicalName(name)) for name in columns[2:]]
    start = at(2026, 7, 1)
    then = {}
    for day in range(8):
        here.now = start + 86_400 * day
        then[here.now] = [here.number(3, name) for name in names]
    here.now = NOW
    for row in here.rows("1.0.99.2.0.255")[-8:]:
        moment = DateTime.from_octets(bytes(row[0])).to_datetime().timestamp()  # type: ignore[arg-type]
        assert [int(cast(int, cell)) for cell in row[2:]] == then[moment]


def test_energy_is_the_integral_of_power():
    here = asking(now=at(2026, 7, 7))
    begin, watt_seconds = here.number(3, "1.0.1.8.0.255"), 0
    for _ in range(96):
        watt_seconds += here.number(3, "1.0.1.7.0.255") * 900
        here.now += 900
    assert here.number(3, "1.0.1.8.0.255") - begin == watt_seconds // 3600


# Tariffs: the delivered calendar, and one that is written, activated, and interrupted.

TARIFF_AT = {
    # local time (UTC) of the delivered calendar: tariff
    (2026, 7, 8, 6, 59, 59): 1,
    (2026, 7, 8, 7): 2,
    (2026, 7, 8, 17, 59, 59): 2,
    (2026, 7, 8, 18): 3,
    (2026, 7, 8, 22): 1,
    (2026, 7, 11, 12): 1,  # Saturday
    (2026, 7, 13, 6): 1,
    (2026, 7, 13, 12): 2,
    (2025, 12, 31, 23): 1,  # before the meter counted by tariff
}


@pytest.mark.parametrize(("local", "number"), TARIFF_AT.items())
def test_the_delivered_calendar(local: tuple[int, ...], number: int):
    assert present(asking().meter, at(*local)) == number


def test_tariffs_count_by_the_hours_of_the_calendar():
    here = asking(ConstantLoad.of(1000, 0, 0), now=at(2026, 7, 6))  # Monday, 1 kW
    before = [here.number(3, f"1.0.1.8.{n}.255") for n in range(5)]
    here.now += 7 * 86_400
    hours = [(here.number(3, f"1.0.1.8.{n}.255") - before[n]) / 1000 for n in range(5)]
    assert hours == [168, 5 * 9 + 48, 5 * 11, 5 * 4, 0]
    assert here.number(1, "0.0.96.14.0.255") == 1


def test_a_query_of_the_past_gives_what_was_there():
    here = asking()
    later = by_tariff(here.meter, NOW)
    first = by_tariff(here.meter, NOW - 40 * 86_400)
    assert by_tariff(asking().meter, NOW - 40 * 86_400) == first
    assert by_tariff(here.meter, NOW) == later
    assert by_tariff(here.meter, SINCE - 5)[1] == Energy()


def time_octets(*parts: int) -> OctetString:
    return OctetString(Time(*parts, *[0] * (4 - len(parts))).octets)


SCRIPTS = OctetString(LogicalName("0.0.10.0.100.255"))


def day_value(day_id: int, *actions: tuple[int, int]) -> Structure:
    rows = (Structure((time_octets(hour), SCRIPTS, LongUnsigned(n))) for hour, n in actions)
    return Structure((Unsigned(day_id), Array(rows)))


def year_start(month: int, day: int) -> OctetString:
    return OctetString(DateTime(Date(None, month, day), Time(0, 0, 0, 0), None, None).octets)


CALENDAR = "0.0.13.0.0.255"


def write_passive(here: Asking) -> None:
    seasons = Array(
        (
            Structure((OctetString(b"S"), year_start(9, 1), OctetString(b"W1"))),
            Structure((OctetString(b"N"), year_start(4, 1), OctetString(b"W2"))),
        )
    )
    weeks = Array(
        Structure((OctetString(name), *[Unsigned(day)] * 7))
        for name, day in ((b"W1", 1), (b"W2", 2))
    )
    days = Array((day_value(1, (0, 4)), day_value(2, (6, 2), (20, 3)), day_value(9, (0, 1))))
    values: dict[int, Value] = {6: OctetString(b"NEW"), 7: seasons, 8: weeks, 9: days}
    for attribute, value in values.items():
        assert here.put(20, CALENDAR, attribute, value) is DataAccessResult.SUCCESS
        assert here.get(20, CALENDAR, attribute) == value


def test_the_passive_calendar_becomes_active_at_its_time():
    here = asking(now=at(2026, 7, 8, 9))
    write_passive(here)
    assert here.octets(20, CALENDAR, 2) == DELIVERED.name
    moment = OctetString(DateTime(Date(2026, 7, 8, None), Time(12, 0, 0, 0), None, None).octets)
    assert here.put(20, CALENDAR, 10, moment) is DataAccessResult.SUCCESS
    assert here.meter.next_deadline() == at(2026, 7, 8, 12)
    here.now = at(2026, 7, 8, 21)
    assert here.octets(20, CALENDAR, 2) == b"NEW"
    assert here.number(1, "0.0.96.14.0.255") == 3
    assert here.octets(6, "0.0.14.0.0.255", 4) == b"TARIFF3"
    # Until noon the old one counted, whatever the new one would have said.
    assert present(here.meter, at(2026, 7, 8, 6, 30)) == 1
    assert present(here.meter, at(2026, 7, 8, 11, 59)) == 2
    assert present(here.meter, at(2026, 7, 9, 3)) == 3  # the evening's goes on into the night
    assert present(here.meter, at(2026, 9, 1, 0)) == 4
    events = [int(cast(int, row[1])) for row in here.rows("0.0.99.98.0.255")]
    assert events[-1] == 9 and set(events[:-1]) == {19}


def test_a_calendar_can_be_activated_by_hand():
    here = asking()
    write_passive(here)
    assert here.act(20, CALENDAR, 1, Integer(0)) is ActionResult.SUCCESS
    assert here.octets(20, CALENDAR, 2) == b"NEW"


def test_a_special_day_has_its_own_profile():
    here = asking(now=at(2026, 7, 8, 9))
    write_passive(here)
    here.act(20, CALENDAR, 1, Integer(0))
    national = Structure((LongUnsigned(5), OctetString(Date(None, 9, 18).octets), Unsigned(9)))
    assert here.act(11, "0.0.11.0.0.255", 1, national) is ActionResult.SUCCESS
    assert here.get(11, "0.0.11.0.0.255", 2) == Array([national])
    assert present(here.meter, at(2026, 9, 17, 12)) == 4
    assert present(here.meter, at(2026, 9, 18, 12)) == 1
    assert present(here.meter, at(2026, 9, 19, 12)) == 4
    assert here.act(11, "0.0.11.0.0.255", 2, LongUnsigned(6)) is ActionResult.OTHER_REASON
    assert here.act(11, "0.0.11.0.0.255", 2, LongUnsigned(5)) is ActionResult.SUCCESS
    here.now += 1
    assert present(here.meter, here.now + 72 * 86_400) == 4


NO_CALENDARS: dict[str, tuple[int, Value, str]] = {
    "a number for a name": (6, LongUnsigned(1), "TYPE_UNMATCHED"),
    "a season without its week": (
        7, Array([Structure((OctetString(b"S"), year_start(1, 1)))]), "TYPE_UNMATCHED",
    ),
    "a season that starts in five octets": (
        7, Array([Structure((OctetString(b"S"), OctetString(b"12345"), OctetString(b"W")))]),
        "TYPE_UNMATCHED",
    ),
    "a week of six days": (
        8, Array([Structure((OctetString(b"W"), *[Unsigned(1)] * 6))]), "TYPE_UNMATCHED",
    ),
    "tariff 5": (9, Array([day_value(1, (0, 5))]), "OTHER_REASON"),
    "tariff 0": (9, Array([day_value(1, (0, 0))]), "OTHER_REASON"),
    "another script table": (
        9,
        Array([Structure((Unsigned(1), Array([Structure(
            (time_octets(0), OctetString(bytes(6)), LongUnsigned(1)))])))]),
        "OBJECT_UNDEFINED",
    ),
    "25 o'clock": (9, Array([day_value(1, (25, 1))]), "OTHER_REASON"),
    "too many days": (9, Array([day_value(1, (0, 1))] * 49), "OTHER_REASON"),
}  # fmt: skip


@pytest.mark.parametrize(("attribute", "value", "result"), NO_CALENDARS.values(), ids=NO_CALENDARS)
def test_what_is_no_calendar(attribute: int, value: Value, result: str):
    here = asking()
    before = here.get(20, CALENDAR, attribute)
    assert here.put(20, CALENDAR, attribute, value).name == result
    assert here.get(20, CALENDAR, attribute) == before


PLAN = Plan(
    Calendar(
        b"X",
        (Season(b"A", bytes.fromhex("FFFF0701FF00000000800000"), b"W"),),
        (Week(b"W", (1, 1, 1, 1, 1, 1, 2)),),
        (Day(1, ((6 * 3600, 2),)), Day(2, ())),
    ),
    (SpecialDay(1, Date(2026, 7, 9).octets, 7),),
)


@pytest.mark.parametrize(
    ("day", "hour", "number"),
    [
        ((2026, 7, 8), 5, 2),  # still yesterday's
        ((2026, 7, 8), 6, 2),
        ((2026, 7, 9), 12, 2),  # a day profile that there is not says nothing
        ((2026, 7, 12), 12, 2),  # a day that starts nothing goes on with what was
        ((2026, 6, 30), 12, 2),  # the season of the year before
    ],
)
def test_a_tariff_goes_on_until_another_starts(day: tuple[int, int, int], hour: int, number: int):
    assert PLAN.tariff(date(*day), hour * 3600) == number
    assert Plan(Calendar()).tariff(date(*day), hour * 3600) == 1


# Demand.


def test_averages_are_the_differences_of_the_energy():
    kind = replace(KIND, demand_period_s=300, demand_periods=3)
    here = asking(kind=kind, now=at(2026, 7, 8, 19, 7, 30))
    step = HOUSEHOLD.at(here.now)
    watts = sum(phase.active_w for phase in step)
    assert here.number(5, "1.0.1.4.0.255", 8) == 300
    assert here.number(5, "1.0.1.4.0.255", 9) == 3
    earlier = sum(phase.active_w for phase in HOUSEHOLD.at(here.now - 900))
    assert watts != earlier, "the step at 19:00 is in the window"
    # The window that ended at 19:05 holds ten minutes of before and five of after.
    assert here.number(5, "1.0.1.4.0.255", 3) == (2 * earlier + watts) // 3
    # The present one holds 18:55 to 19:07:30 of its fifteen minutes.
    assert here.number(5, "1.0.1.4.0.255", 2) == (300 * earlier + 450 * watts) // 900
    end = DateTime.from_octets(here.octets(5, "1.0.1.4.0.255", 6)).to_datetime()
    assert (end.hour, end.minute) == (19, 5)


def test_the_maximum_is_the_highest_average_and_says_when_and_in_which_tariff():
    here = asking()
    peaks = [
        (here.number(4, f"1.0.1.6.{n}.255"), here.octets(4, f"1.0.1.6.{n}.255", 5))
        for n in range(5)
    ]
    levels = HOUSEHOLD.shape.slots
    watts = sum(HOUSEHOLD.unit_w)
    assert peaks[0][0] == watts * max(levels)
    assert peaks[3][0] == watts * max(levels[18 * 4 : 22 * 4])
    assert peaks[2][0] == watts * max(levels[7 * 4 : 18 * 4])
    assert peaks[4] == (0, b"\xff" * 9 + b"\x80\x00\xff")
    first = DateTime.from_octets(peaks[0][1]).to_datetime()
    assert (first.month, first.day) == (7, 1), "since the billing reset of this month"


def test_the_maximum_begins_anew_with_each_billing_period():
    here = asking()
    for hour, watts in ((12, 9000), (13, 200)):
        here.now = at(2026, 7, 8, hour)
        here.meter.replace_load(ConstantLoad.of(watts, 0, 0), now=here.now)
    here.now = at(2026, 7, 8, 14)
    assert here.number(4, "1.0.1.6.0.255") == 9000
    assert here.act(9, "0.0.10.0.1.255", 1, LongUnsigned(1)) is ActionResult.SUCCESS
    assert here.number(4, "1.0.1.6.0.255") == 9000, "at the reset it shows what the row keeps"
    here.now += 1800
    assert here.number(4, "1.0.1.6.0.255") == 200
    rows = here.rows("1.0.98.1.0.255")
    times = [DateTime.from_octets(bytes(row[0])).to_datetime() for row in rows]  # type: ignore[arg-type]
    assert [(t.month, t.day, t.hour) for t in times] == [
        *((month, 1, 0) for month in range(1, 8)), (7, 8, 14),
    ]  # fmt: skip
    assert int(cast(int, rows[-1][-2])) == 9000
    assert here.number(1, "1.0.0.1.0.255") == 8
    last = DateTime.from_octets(here.octets(1, "1.0.0.1.2.255")).to_datetime()
    assert (last.month, last.day, last.hour) == (7, 8, 14)


def test_billing_rows_add_up():
    here = asking()
    rows = here.rows("1.0.98.1.0.255")
    for row in rows:
        counts = [int(cast(int, cell)) for cell in row[1:21]]
        for first in range(0, 20, 5):
            whole, *shares = counts[first : first + 5]
            assert 0 <= whole - sum(shares) <= 4, "each register drops its fraction of a Wh"


def test_billing_can_be_scheduled_daily_and_not_at_all():
    here = asking(now=at(2026, 7, 8, 9))
    daily = Structure((time_octets(0), OctetString(Date(None, None, None).octets)))
    assert here.put(22, "0.0.15.0.0.255", 4, Array([daily])) is DataAccessResult.SUCCESS
    assert here.get(22, "0.0.15.0.0.255", 4) == Array([daily])
    here.now = at(2026, 7, 11, 9)
    assert here.number(1, "1.0.0.1.0.255") == 7 + 3
    assert here.put(22, "0.0.15.0.0.255", 4, Array()) is DataAccessResult.SUCCESS
    here.now = at(2026, 8, 20)
    assert here.number(1, "1.0.0.1.0.255") == 10
    odd = Structure((time_octets(5), OctetString(Date(None, None, 31).octets)))
    assert here.put(22, "0.0.15.0.0.255", 4, Array([odd])) is DataAccessResult.OTHER_REASON


# What a profile captures, and parts of it.


def test_columns_are_chosen_by_range_and_by_entry():
    here = asking()
    columns = cast(Array, here.get(7, "1.0.99.1.0.255", 3))
    clock, export = columns[0], columns[3]
    first, last = (
        OctetString(DateTime.from_datetime(datetime(2026, 7, 8, hour, tzinfo=UTC)).octets)
        for hour in (8, 9)
    )
    ranged = SelectiveAccess(1, Structure((clock, first, last, Array((export, clock)))))
    rows = here.rows("1.0.99.1.0.255", ranged)
    assert [bytes(row[0])[5:7] for row in rows] == [  # type: ignore[arg-type]
        bytes((8, m)) for m in (0, 15, 30, 45)
    ] + [bytes((9, 0))]
    assert {len(row) for row in rows} == {2}
    strange = Structure((LongUnsigned(3), OctetString(bytes(6)), Integer(2), LongUnsigned(0)))
    refused = SelectiveAccess(1, Structure((clock, first, last, Array((strange,)))))
    assert here.get(7, "1.0.99.1.0.255", 2, refused) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


BOUNDS = {
    # Octets that are FF are not specified (Blue Book 4.1.6): they reach as far as they can.
    "a quarter hour": ("07EA0708FF080F0000800000", "07EA0708FF081E0000800000", 2),
    "no seconds": ("07EA0708FF080FFFFF8000FF", "07EA0708FF081EFFFF8000FF", 2),
    "no minutes": ("07EA0708FF08FFFFFF8000FF", "07EA0708FF08FFFFFF8000FF", 4),
    "no time": ("07EA0707FFFFFFFFFF8000FF", "07EA0707FFFFFFFFFF8000FF", 96),
    "no day": ("07EA06FFFFFFFFFFFF8000FF", "07EA06FFFFFFFFFFFF8000FF", 30 * 96),
    "the same in its own zone": ("07EA0708FF0A0FFFFFFF88FF", "07EA0708FF0A1EFFFFFF88FF", 2),
    "from the begin": ("FFFFFFFFFFFFFFFFFF8000FF", "07EA0602FF0000FFFF8000FF", None),
    "to the end": ("07EA0708FF0000FFFF8000FF", "FFFFFFFFFFFFFFFFFF8000FF", None),
}


@pytest.mark.parametrize(("first", "last", "count"), BOUNDS.values(), ids=BOUNDS)
@pytest.mark.parametrize("kind", [OctetString, DateTimeValue])
def test_bounds_of_a_range_that_are_not_wholly_specified(
    first: str, last: str, count: int | None, kind: type
):
    here = asking(kind=MeterType())
    bounds = (bytes.fromhex(bound) for bound in (first, last))
    clock = cast(Array, here.get(7, "1.0.99.1.0.255", 3))[0]
    values = [
        OctetString(octets) if kind is OctetString else DateTimeValue(DateTime.from_octets(octets))
        for octets in bounds
    ]
    ranged = SelectiveAccess(1, Structure((clock, *values, Array())))
    rows = here.rows("1.0.99.1.0.255", ranged)
    every = here.rows("1.0.99.1.0.255")
    if count is not None:
        assert len(rows) == count
    elif first.startswith("FF"):
        assert rows == every[: len(rows)] != []
    else:
        assert rows == every[-len(rows) :] != []


@pytest.mark.parametrize(
    "bound",
    ["FFFF0708FF000000008000FF", "07EA0D08FF000000008000FF", "07EA", "00000708FFFFFFFFFF8000FF"],
)
def test_bounds_of_a_range_that_are_no_moment(bound: str):
    here = asking()
    clock = cast(Array, here.get(7, "1.0.99.1.0.255", 3))[0]
    value = OctetString(bytes.fromhex(bound))
    ranged = SelectiveAccess(1, Structure((clock, value, value, Array())))
    assert here.get(7, "1.0.99.1.0.255", 2, ranged) is DataAccessResult.TYPE_UNMATCHED


def test_power_factor_is_rounded_once():
    load = ConstantLoad((PhaseLoad(288, 72),) * 3)
    here = asking(load)
    factors = [here.number(3, f"1.0.{c}.7.0.255") for c in (33, 53, 73, 13)]
    assert factors == [970] * 4, "288 / sqrt(288² + 72²) is 0.97014"


def column(class_id: int, name: str, attribute: int, index: int = 0) -> Structure:
    return Structure(
        (
            LongUnsigned(class_id),
            OctetString(LogicalName(name)),
            Integer(attribute),
            LongUnsigned(index),
        )
    )


CAPTURED: dict[str, tuple[list[Structure], str]] = {
    "instantaneous values": (
        [
            column(8, "0.0.1.0.0.255", 2),
            column(3, "1.0.32.7.0.255", 2),
            column(3, "1.0.1.7.0.255", 2),
            column(5, "1.0.1.4.0.255", 3),
            column(4, "1.0.1.6.0.255", 5),
        ],
        "SUCCESS",
    ),
    "what does not know the past": ([column(71, "0.0.17.0.0.255", 4)], "SCOPE_OF_ACCESS_VIOLATED"),
    "an attribute that there is not": (
        [column(3, "1.0.1.8.0.255", 9)], "SCOPE_OF_ACCESS_VIOLATED",
    ),
    "an object that there is not": ([column(3, "1.0.99.9.9.255", 2)], "OBJECT_UNDEFINED"),
    "another class": ([column(4, "1.0.1.8.0.255", 2)], "OBJECT_UNDEFINED"),
    "nothing": ([], "TYPE_UNMATCHED"),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "result"), CAPTURED.values(), ids=CAPTURED)
def test_what_is_captured_can_be_changed(columns: list[Structure], result: str):
    here = asking()
    assert here.put(7, "1.0.99.1.0.255", 3, Array(columns)).name == result
    if result != "SUCCESS":
        assert here.number(7, "1.0.99.1.0.255", 7) == 400
        return
    assert here.rows("1.0.99.1.0.255") == []
    now_and_then = []
    for _ in range(3):
        here.now = (here.now // 900 + 1) * 900
        now_and_then.append(
            Structure(
                here.get(int(c[0]), str(LogicalName(bytes(c[1]))), int(c[2])) for c in columns
            )  # type: ignore[arg-type, call-overload, misc]
        )
    assert here.rows("1.0.99.1.0.255") == now_and_then
    assert [row[1] for row in now_and_then] == [LongUnsigned(2300)] * 3


def test_the_profile_is_a_ring_of_so_many_entries():
    here = asking()
    assert (
        here.put(7, "1.0.99.1.0.255", 8, DoubleLongUnsigned(401)) is DataAccessResult.OTHER_REASON
    )
    assert here.put(7, "1.0.99.1.0.255", 8, DoubleLongUnsigned(5)) is DataAccessResult.SUCCESS
    lengths = []
    for _ in range(7):
        here.now += 900
        lengths.append(here.number(7, "1.0.99.1.0.255", 7))
    assert lengths == [1, 2, 3, 4, 5, 5, 5]
    last = DateTime.from_octets(bytes(cast(OctetString, here.rows("1.0.99.1.0.255")[-1][0])))
    assert last.to_datetime().timestamp() == here.now // 900 * 900


def test_a_meter_behind_transformers_counts_tens_of_watt_hours():
    kind = model("industrial-three-phase")
    load = ConstantLoad(tuple(PhaseLoad(90_000, 30_000) for _ in range(3)), origin=NOW - 3600)
    here = asking(load, kind)
    assert here.number(3, "1.0.1.8.0.255") == 27_000  # 270 kWh
    assert here.get(3, "1.0.1.8.0.255", 3) == Structure(
        (Integer(1), cast(Value, here.get(3, "1.0.1.8.0.255", 3))[1])
    )  # type: ignore[index]
    assert (here.number(1, "1.0.0.4.2.255"), here.number(1, "1.0.0.4.5.255")) == (400, 5)
    assert here.number(3, "1.0.31.7.0.255") == 41_247  # sqrt(90² + 30²) kVA / 230 V
    assert here.number(3, "1.0.13.7.0.255") == 948
    assert here.number(3, "1.0.81.7.4.255") == 18
    assert here.number(3, "1.0.14.7.0.255") == 5000


def test_the_calendar_follows_the_meter_s_own_clock():
    rules = TimeRules(utc_offset_min=-240)
    here = asking(kind=replace(KIND, utc_offset_min=-240), now=at(2026, 7, 8, 10, 59, 59))
    assert rules.local_date(here.now) == date(2026, 7, 8)
    assert here.number(1, "0.0.96.14.0.255") == 1
    here.now += 1
    assert here.number(1, "0.0.96.14.0.255") == 2  # 07:00 in Chile's winter
    here.meter.set_clock(here.now - 3600, now=here.now)
    assert here.number(1, "0.0.96.14.0.255") == 1
    here.now += timedelta(hours=1).total_seconds()
    assert here.number(1, "0.0.96.14.0.255") == 2
