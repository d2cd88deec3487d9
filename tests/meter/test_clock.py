"""The meter's clock: local time with daylight saving, its methods, and what setting it leaves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.meter import meter_clock
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from devices.meter.meter_clock import TimeRules
from devices.meter.models import model
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.objects.row_status import RowStatus
from protocols.dlms.values import (
    Boolean,
    DoubleLongUnsigned,
    Integer,
    Long,
    OctetString,
    Structure,
    Value,
)
from tests.meter.asking import Asking

CHILE = model("residential-three-phase").rules
MADRID = TimeRules(
    60,
    bytes.fromhex("FFFF03FE0702000000800000"),  # last Sunday of March, 02:00 standard
    bytes.fromhex("FFFF0AFE0703000000800000"),  # last Sunday of October, 03:00 summer
    60,
    True,
)
CLOCK = "0.0.1.0.0.255"


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


LOCAL = {
    # name: (rules, UTC, local, deviation in minutes, daylight saving); zones of IANA tz 2025b
    "Chile in winter": (CHILE, (2026, 7, 6, 12), "2026-07-06T08:00", 240, False),
    "Chile in summer": (CHILE, (2026, 1, 6, 12), "2026-01-06T09:00", 180, True),
    "Chile, last second of winter": (
        CHILE, (2026, 9, 6, 3, 59, 59), "2026-09-05T23:59:59", 240, False,
    ),
    "Chile, first of summer": (CHILE, (2026, 9, 6, 4), "2026-09-06T01:00", 180, True),
    "Chile, last second of summer": (
        CHILE, (2026, 4, 5, 2, 59, 59), "2026-04-04T23:59:59", 180, True,
    ),
    "Chile, first of winter": (CHILE, (2026, 4, 5, 3), "2026-04-04T23:00", 240, False),
    "Madrid, last second of winter": (
        MADRID, (2026, 3, 29, 0, 59, 59), "2026-03-29T01:59:59", -60, False,
    ),
    "Madrid, first of summer": (MADRID, (2026, 3, 29, 1), "2026-03-29T03:00", -120, True),
    "Madrid, last second of summer": (
        MADRID, (2026, 10, 25, 0, 59, 59), "2026-10-25T02:59:59", -120, True,
    ),
    "Madrid, first of winter": (MADRID, (2026, 10, 25, 1), "2026-10-25T02:00", -60, False),
    "without daylight saving": (TimeRules(330), (2026, 7, 6, 12), "2026-07-06T17:30", -330, False),
}  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "utc", "local", "deviation", "saving"), LOCAL.values(), ids=LOCAL
)
def test_local_time(
    rules: TimeRules, utc: tuple[int, ...], local: str, deviation: int, saving: bool
):
    moment = at(*utc)
    shown = meter_clock.shown(moment, rules)
    assert shown.to_datetime().replace(tzinfo=None) == datetime.fromisoformat(local)
    assert shown.deviation_min == deviation
    assert bool((shown.status or 0) & ClockStatus.DAYLIGHT_SAVING) is saving
    assert meter_clock.understood(shown.octets, rules) == moment


@given(st.integers(at(2024, 1, 1).__int__(), at(2030, 1, 1).__int__()))
def test_a_local_time_names_its_moment_again(moment: int):
    for rules in (CHILE, MADRID):
        shown = meter_clock.shown(moment, rules)
        assert meter_clock.understood(shown.octets, rules) == moment
        naive = shown.to_datetime().replace(tzinfo=None)
        without = DateTime.from_datetime(naive).octets
        found = meter_clock.understood(without, rules)
        assert found in (moment, moment - 3600)  # an hour that comes twice: the first
        if found != moment:
            assert meter_clock.shown(found, rules).to_datetime().replace(tzinfo=None) == naive


# Methods of the class.

NOW = at(2026, 7, 6, 10, 7, 40)


@pytest.fixture
def asking() -> Asking:
    return Asking(Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500, origin=NOW - 86_400)), NOW)


def preset(time: float, begin: float, end: float) -> Structure:
    return Structure(
        OctetString(meter_clock.octets(each, TimeRules())) for each in (time, begin, end)
    )


METHODS: dict[str, tuple[list[tuple[int, Value]], str, int]] = {
    # name: (calls, result of the last, seconds that the clock is ahead afterwards)
    "to the quarter of an hour": ([(1, Integer(0))], "SUCCESS", 440),
    "to the measuring period": ([(2, Integer(0))], "SUCCESS", 440),
    "to the minute": ([(3, Integer(0))], "SUCCESS", 20),
    "shifted ahead": ([(6, Long(30))], "SUCCESS", 30),
    "shifted back": ([(6, Long(-900))], "SUCCESS", -900),
    "shifted too far": ([(6, Long(901))], "OTHER_REASON", 0),
    "to no preset time": ([(4, Integer(0))], "OTHER_REASON", 0),
    "to a preset time": (
        [(5, preset(NOW + 77, NOW - 10, NOW + 10)), (4, Integer(0))], "SUCCESS", 77,
    ),
    "to a preset time too early": (
        [(5, preset(NOW + 77, NOW + 1, NOW + 10)), (4, Integer(0))], "OTHER_REASON", 0,
    ),
    "preset in two parts": ([(5, Structure((OctetString(b""),) * 2))], "TYPE_UNMATCHED", 0),
    "shifted by another type": ([(6, Integer(3))], "TYPE_UNMATCHED", 0),
}  # fmt: skip


@pytest.mark.parametrize(("calls", "result", "ahead"), METHODS.values(), ids=METHODS)
def test_methods(asking: Asking, calls: list[tuple[int, Value]], result: str, ahead: int):
    for method, parameter in calls:
        last = asking.act(8, CLOCK, method, parameter)
    assert last is ActionResult[result]
    assert asking.meter.time(NOW) - NOW == ahead


def test_a_large_change_is_logged_with_both_times_and_a_small_one_is_not(asking: Asking):
    asking.act(8, CLOCK, 6, Long(9))
    assert asking.rows("0.0.99.98.0.255") == []
    asking.act(8, CLOCK, 6, Long(600))
    old, new = asking.rows("0.0.99.98.0.255")
    assert (int(old[1]), int(new[1])) == (4, 5)  # type: ignore[arg-type, call-overload]
    times = [DateTime.from_octets(bytes(row[0])).to_datetime().timestamp() for row in (old, new)]  # type: ignore[arg-type]
    assert times[1] - times[0] == 600


def test_rules_for_local_time_are_written_and_read_back(asking: Asking):
    begin, end = MADRID.dst_begin, MADRID.dst_end
    written: dict[int, Value] = {
        3: Long(-60), 5: OctetString(begin), 6: OctetString(end), 7: Integer(60), 8: Boolean(True),
    }  # fmt: skip
    for attribute, value in written.items():
        assert asking.put(8, CLOCK, attribute, value) is DataAccessResult.SUCCESS
        assert asking.get(8, CLOCK, attribute) == value
    assert asking.meter.rules == MADRID
    assert DateTime.from_octets(asking.octets(8, CLOCK)).deviation_min == -120
    assert asking.number(8, CLOCK, 4) == ClockStatus.DAYLIGHT_SAVING
    assert asking.put(8, CLOCK, 5, OctetString(b"short")) is DataAccessResult.OTHER_REASON
    assert asking.put(8, CLOCK, 3, Long(2000)) is DataAccessResult.OTHER_REASON


# What happens to the clock shows in the load profile.


def profile(asking: Asking, since: float) -> list[tuple[float, RowStatus]]:
    """Times by the meter's clock, from NOW on, and status of the rows after a moment."""
    found = []
    for row in asking.rows("1.0.99.1.0.255"):
        time = DateTime.from_octets(bytes(row[0])).to_datetime().timestamp()  # type: ignore[arg-type]
        found.append((time - NOW, RowStatus(int(row[1]))))  # type: ignore[arg-type, call-overload]
    return [each for each in found if each[0] > since]


ADJUSTED = RowStatus.CLOCK_ADJUSTED | RowStatus.DATA_NOT_VALID
POWER = RowStatus.POWER_DOWN | RowStatus.DATA_NOT_VALID
FIRST = 440.0  # 10:15


def test_a_clock_that_is_set_ahead_leaves_a_flagged_gap(asking: Asking):
    asking.act(8, CLOCK, 6, Long(900))  # 10:07:40 becomes 10:22:40
    asking.now = NOW + 1800
    assert profile(asking, 0) == [
        (FIRST + 900, ADJUSTED),
        (FIRST + 1800, RowStatus.OK),
    ]


def test_a_clock_that_is_set_back_shows_its_time_twice(asking: Asking):
    asking.act(8, CLOCK, 6, Long(-900))  # 09:52:40
    asking.now = NOW + 1800
    times = profile(asking, -1000)
    assert times == [
        (FIRST - 900, RowStatus.OK),
        (FIRST - 900, ADJUSTED),
        (FIRST, RowStatus.OK),
    ]


def test_a_clock_that_is_synchronised_leaves_neither_gap_nor_double():
    for shift in (-8, 8):
        meter = Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500))
        asking = Asking(meter, NOW + FIRST + (4 if shift < 0 else -4))
        asking.act(8, CLOCK, 6, Long(shift))
        asking.now += 1810
        assert profile(asking, 0) == [(FIRST + 900 * n, RowStatus.OK) for n in range(3)]


def test_an_interruption_of_power_leaves_a_flagged_gap(asking: Asking):
    meter = asking.meter
    meter.power_off(now=NOW + 600)
    assert meter.next_deadline() is None
    meter.power_on(now=NOW + 3000)
    asking.now = NOW + 4100
    assert profile(asking, 0) == [
        (FIRST, RowStatus.OK),
        (FIRST + 2700, POWER),
        (FIRST + 3600, RowStatus.OK),
    ]
    # 2000 W for 4100 s less the 2400 s without.
    before = 2000 * 86_400 // 3600
    assert asking.number(3, "1.0.1.8.0.255") == before + 2000 * 1700 // 3600
    assert [int(row[1]) for row in asking.rows("1.0.99.97.0.255")] == [2400]  # type: ignore[arg-type, call-overload]
    assert [int(row[1]) for row in asking.rows("0.0.99.98.0.255")] == [1, 2]  # type: ignore[arg-type, call-overload]
    assert asking.number(1, "0.0.96.7.21.255") == 1


def test_what_happened_twice_before_a_row_marks_it_with_both(asking: Asking):
    asking.act(8, CLOCK, 6, Long(60))
    asking.meter.power_off(now=NOW + 10)
    asking.meter.power_on(now=NOW + 20)
    asking.now = NOW + 1800
    assert profile(asking, 0) == [(FIRST, ADJUSTED | POWER), (FIRST + 900, RowStatus.OK)]


def test_a_row_that_is_due_when_the_power_fails_is_not_captured(asking: Asking):
    asking.meter.power_off(now=NOW + FIRST)
    asking.meter.power_on(now=NOW + FIRST + 60)
    asking.now = NOW + 1800
    assert profile(asking, 0) == [(FIRST + 900, POWER)]


def test_a_row_that_is_due_when_the_clock_is_set_is_one_of_the_new_time(asking: Asking):
    asking.now = NOW + FIRST
    asking.act(8, CLOCK, 6, Long(900))
    assert profile(asking, 0) == [(FIRST + 900, ADJUSTED)]


def test_without_battery_the_time_is_lost_with_the_power(asking: Asking):
    meter = asking.meter
    meter.set_fault("battery-empty", now=NOW)
    meter.power_off(now=NOW)
    meter.power_on(now=NOW + 1000)
    asking.now = NOW + 3000
    shown = DateTime.from_octets(asking.octets(8, CLOCK))
    assert (shown.date.year, shown.status) == (2000, ClockStatus.INVALID)
    invalid = RowStatus.CLOCK_INVALID | RowStatus.DATA_NOT_VALID
    rows = [RowStatus(int(row[1])) for row in asking.rows("1.0.99.1.0.255")[-3:]]  # type: ignore[arg-type, call-overload]
    assert rows == [invalid | ADJUSTED | POWER, invalid, invalid]
    assert asking.number(1, "0.0.97.98.0.255") == 1
    assert asking.put(8, CLOCK, 2, OctetString(meter_clock.octets(asking.now, TimeRules()))) == 0
    assert asking.number(8, CLOCK, 4) == 0
    assert asking.number(1, "0.0.97.98.0.255") == 0
    assert meter.time(asking.now) == asking.now


def test_a_clock_that_drifts_is_right_again_once_set(asking: Asking):
    asking.meter.set_fault("clock-drifts", now=NOW)
    asking.now = NOW + 10 * 86_400
    assert asking.meter.time(asking.now) - asking.now == pytest.approx(172.8, abs=0.01)
    rows = asking.rows("1.0.99.1.0.255")
    assert all(bytes(row[0])[7] == 0 for row in rows), "rows stand at whole minutes of its clock"  # type: ignore[arg-type]
    asking.put(8, CLOCK, 2, OctetString(meter_clock.octets(asking.now, TimeRules())))
    assert asking.meter.time(asking.now) == asking.now
    asking.meter.set_fault("clock-drifts", on=False, now=asking.now + 86_400)
    assert asking.meter.timeline.latest.drift_ppm == 0


@pytest.mark.parametrize("day", [(2026, 4, 5), (2026, 9, 6)])
def test_days_of_daylight_saving_have_as_many_rows_as_hours(day: tuple[int, int, int]):
    kind = model("residential-three-phase")
    meter = Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500), kind)
    asking = Asking(meter, at(*day, 12))
    rows = asking.rows("1.0.99.1.0.255")
    moments = [DateTime.from_octets(bytes(row[0])).to_datetime().timestamp() for row in rows]  # type: ignore[arg-type]
    assert {b - a for a, b in zip(moments, moments[1:], strict=False)} == {900.0}
    saving = [bool(int(row[1]) & RowStatus.DAYLIGHT_SAVING) for row in rows]  # type: ignore[arg-type, call-overload]
    assert saving.count(True) and saving.count(False)
    assert [bool(bytes(row[0])[11] & 0x80) for row in rows] == saving  # type: ignore[arg-type]
    daily = asking.rows("1.0.99.2.0.255")[-3:]
    hours = [bytes(row[0])[5] for row in daily]  # type: ignore[arg-type]
    assert hours == ([0, 0, 0] if day[1] == 4 else [0, 0, 1]), "midnight, or the first of the day"


def test_the_capture_period_can_be_changed_and_that_empties_the_profile(asking: Asking):
    name = "1.0.99.1.0.255"
    assert asking.number(7, name, 7) == 3840
    assert asking.put(7, name, 4, DoubleLongUnsigned(700)) is DataAccessResult.OTHER_REASON
    assert asking.put(7, name, 4, DoubleLongUnsigned(300)) is DataAccessResult.SUCCESS
    assert asking.number(7, name, 7) == 0
    asking.now = NOW + 1000
    assert [time for time, _ in profile(asking, 0)] == [140, 440, 740]
    assert asking.act(7, name, 2, Integer(0)) is ActionResult.SUCCESS
    asking.now = NOW + 1100
    assert [time for time, _ in profile(asking, 0)] == [140, 440, 740, 1000, 1040]
    assert asking.act(7, name, 1, Integer(0)) is ActionResult.SUCCESS
    assert asking.rows(name) == []
    assert asking.put(7, name, 4, DoubleLongUnsigned(0)) is DataAccessResult.SUCCESS
    asking.now = NOW + 10_000
    assert asking.rows(name) == []
