"""Both engines against the simulated meter: its clock kept right, its calendar brought and begun.

Blue Book 4.5.1 (clock), 4.5.5 (activity calendar), 4.5.4 (special days).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devices.meter.meter_clock import TimeRules
from devices.meter.tariff import Tariffs
from protocols.concentrator.messages import ClockWanted, Refusal, Status, TariffWanted
from protocols.concentrator.tariff import (
    DayProfile,
    Season,
    SpecialDay,
    Switching,
    WeekProfile,
)
from protocols.dlms.procedures.clock_keeping import keep_clock
from protocols.dlms.procedures.tariff import write_calendar
from protocols.dlms.services import SetRequest
from tests.dlms_engines.field import ENGINES
from tests.dlms_engines.test_simulated_meter import NOW, Bench

SANTIAGO = TimeRules(utc_offset_min=-240)


@pytest.fixture(params=ENGINES)
def bench(request):
    made = Bench(ENGINES[request.param])
    made.meter.set_rules(SANTIAGO, now=NOW)
    return made


def keep(bench, **wanted):
    def now():
        return datetime.fromtimestamp(bench.now, UTC)

    return bench.run(keep_clock(ClockWanted(zone="America/Santiago", **wanted), now))


def put_off(bench, seconds):
    state = bench.meter
    state.set_clock(bench.now + seconds, now=bench.now)


def ahead(bench):
    return bench.meter.time(bench.now) - bench.now


@pytest.mark.parametrize(
    ("off_s", "by"),
    [
        (0.0, "nothing"),
        (2.5, "nothing"),
        (-2.5, "nothing"),
        (5.0, "shift"),
        (-59.0, "shift"),
        (75.0, "set"),
        (-75.0, "set"),
        (-3_600.0 * 7, "set"),
        (-26 * 365 * 86_400.0, "set"),  # back at the year in which clocks begin
    ],
)
def test_a_clock_is_left_alone_shifted_or_set(bench, off_s, by):
    put_off(bench, off_s)
    outcome = keep(bench)
    assert outcome.status is Status.DONE
    told = outcome.clock
    assert (told.by, outcome.acted) == (by, by != "nothing")
    assert told.before_s == pytest.approx(off_s, abs=told.error_s + 0.01)
    assert ahead(bench) == pytest.approx(told.after_s, abs=told.after_error_s + 0.01)
    assert abs(ahead(bench)) <= max(3.0, min(abs(off_s), 3.0)) + told.error_s


def test_a_drift_within_what_the_round_trip_leaves_open_is_none(bench):
    """Measured 3.075 s, known to 0.125 s: nobody can tell that from the 3 s that are allowed."""
    put_off(bench, 2.95)
    assert keep(bench).clock.by == "nothing"


def test_a_clock_that_is_set_keeps_telling_its_deviation(bench):
    put_off(bench, 120.0)
    keep(bench)
    assert bench.meter.rules == SANTIAGO
    assert abs(ahead(bench)) < 1.0


def test_keeping_a_clock_twice_sends_nothing_the_second_time(bench):
    put_off(bench, 30.0)
    assert keep(bench).acted
    assert not keep(bench).acted


def calendar(**changes) -> TariffWanted:
    values = {
        "name": "VERANO26",
        "seasons": (Season("S1", 1, 1, "W1"), Season("S2", 7, 1, "W2")),
        "weeks": (
            WeekProfile("W1", (1, 1, 1, 1, 1, 2, 2)),
            WeekProfile("W2", (2, 2, 2, 2, 2, 2, 2)),
        ),
        "days": (
            DayProfile(1, (Switching(0, 1), Switching(18 * 3600, 3), Switching(82_800, 1))),
            DayProfile(2, (Switching(0, 2),)),
        ),
        "zone": "America/Santiago",
        **changes,
    }
    return TariffWanted(**values)


def test_a_calendar_is_written_and_begun_at_once(bench):
    outcome = bench.run(write_calendar(calendar()))
    assert (outcome.status, outcome.acted) == (Status.DONE, True)
    plan = bench.meter.part(Tariffs).plan
    assert plan.calendar.name == b"VERANO26"
    day = datetime(2026, 3, 4).date()  # a Wednesday of the first season
    assert [plan.tariff(day, hour * 3600) for hour in (1, 19, 23)] == [1, 3, 1]
    assert plan.tariff(datetime(2026, 8, 5).date(), 3600) == 2
    again = bench.run(write_calendar(calendar()))
    assert (again.status, again.acted) == (Status.DONE, False)


def test_a_calendar_waits_for_its_time(bench):
    midnight = datetime(2026, 7, 7, 4, tzinfo=UTC)  # of Santiago
    outcome = bench.run(write_calendar(calendar(activate_at=midnight)))
    assert outcome.status is Status.DONE
    tariffs = bench.meter.part(Tariffs)
    assert tariffs.plan.calendar.name == b"DEFAULT"
    assert tariffs.next_deadline(bench.meter) == midnight.timestamp()
    tariffs.advance(bench.meter, midnight.timestamp() - 1)
    assert tariffs.plan.calendar.name == b"DEFAULT"
    tariffs.advance(bench.meter, midnight.timestamp())
    assert tariffs.plan.calendar.name == b"VERANO26"


def test_a_calendar_that_waits_already_is_not_written_again(bench):
    midnight = datetime(2026, 7, 7, 4, tzinfo=UTC)
    bench.run(write_calendar(calendar(activate_at=midnight)))
    assert not bench.run(write_calendar(calendar(activate_at=midnight))).acted
    assert bench.run(write_calendar(calendar(activate_at=midnight + timedelta(days=1)))).acted


def test_another_calendar_is_not_begun_half_written_at_the_time_of_the_one_before(bench):
    first, second = (datetime(2026, 7, 7, hour, tzinfo=UTC) for hour in (4, 5))
    bench.run(write_calendar(calendar(activate_at=first)))
    written = []
    meter = bench.meter
    meter_written = meter.part(Tariffs)
    wanted = write_calendar(calendar(name="LATER", activate_at=second))

    def watched():
        request = next(wanted)
        while True:
            if isinstance(request, SetRequest):
                written.append(meter_written.next_deadline(meter))
            answer = yield request
            try:
                request = wanted.send(answer)
            except StopIteration as stop:
                return stop.value

    assert bench.run(watched()).status is Status.DONE
    assert written == [first.timestamp(), None, None, None, None, None]
    assert meter_written.next_deadline(meter) == second.timestamp()


def test_special_days_interrupt_the_calendar(bench):
    days = (SpecialDay(9, 18, 2), SpecialDay(4, 2, 2, year=2027))
    assert bench.run(write_calendar(calendar(special_days=days))).status is Status.DONE
    plan = bench.meter.part(Tariffs).plan
    assert plan.tariff(datetime(2026, 4, 2).date(), 3600) == 1
    assert plan.tariff(datetime(2027, 4, 2).date(), 3600) == 2
    assert not bench.run(write_calendar(calendar(special_days=days))).acted


def test_a_tariff_that_the_meter_has_not_is_its_refusal(bench):
    """The simulated meter counts by four tariffs."""
    five = calendar(days=(DayProfile(1, (Switching(0, 5),)), DayProfile(2, (Switching(0, 1),))))
    outcome = bench.run(write_calendar(five))
    assert (outcome.status, outcome.refusal) == (
        Status.REFUSED,
        Refusal("set", 250, "other-reason"),
    )
    assert bench.meter.part(Tariffs).plan.calendar.name == b"DEFAULT"
