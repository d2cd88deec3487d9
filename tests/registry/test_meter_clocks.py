"""Rounds of clocks: when they are, who has its turn when, and whose clock is passed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.config import ClockPolicy
from headend.domain.meter_clock import MeterClock, trusted
from headend.domain.upkeep import ClockMeasured
from headend.registry.meter_clocks import in_steps, round_of
from protocols.concentrator.messages import ClockTold

SANTIAGO = ZoneInfo("America/Santiago")
NOON = datetime(2026, 7, 8, 16, tzinfo=UTC)  # a Wednesday, noon in Santiago
AFTER = timedelta(hours=3)


@pytest.mark.parametrize(
    ("every", "begun", "following"),
    [
        ("day", datetime(2026, 7, 8, 4, tzinfo=UTC), datetime(2026, 7, 9, 4, tzinfo=UTC)),
        ("week", datetime(2026, 7, 6, 4, tzinfo=UTC), datetime(2026, 7, 13, 4, tzinfo=UTC)),
        ("month", datetime(2026, 7, 1, 4, tzinfo=UTC), datetime(2026, 8, 1, 4, tzinfo=UTC)),
    ],
)
def test_rounds_begin_at_local_midnights(every, begun, following) -> None:
    policy = ClockPolicy(every=every)
    assert round_of(policy, NOON, SANTIAGO) == (begun + AFTER, following + AFTER)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(("day", "week", "month")),
)
def test_rounds_follow_on_each_other(now: datetime, every) -> None:
    """Also across the changes to and from summer time."""
    policy = ClockPolicy(every=every)
    begun, following = round_of(policy, now.replace(tzinfo=UTC), SANTIAGO)
    assert begun <= now.replace(tzinfo=UTC) < following
    assert round_of(policy, following, SANTIAGO)[0] == following
    assert round_of(policy, begun, SANTIAGO) == (begun, following)


def test_a_meter_has_its_turn_always_at_the_same_moment() -> None:
    names = [f"M{number}" for number in range(2000)]
    first, second = (in_steps(some, NOON, 3600.0) for some in (names, names[::-1]))
    assert {at: sorted(group) for at, group in first} == {at: sorted(g) for at, g in second}
    assert sorted(name for _, group in first for name in group) == sorted(names)
    assert all(NOON <= at < NOON + timedelta(hours=1) for at, _ in first)
    assert max(len(group) for _, group in first) < 2 * len(names) / 60 + 10


def measured(ago_s: float, **values: float) -> ClockMeasured:
    return ClockMeasured("C-1", NOON - timedelta(seconds=ago_s), 1.0, 0.25, **values)


@pytest.mark.parametrize(
    ("known", "right"),
    [
        (None, False),
        (measured(60.0), True),
        (measured(9000.0), True),  # two rounds and a half
        (measured(9001.0), False),
        (measured(60.0, shifted_s=-7.0), False),  # it was off, and nobody has looked since
    ],
)
def test_whose_clock_is_passed_on(known: ClockMeasured | None, right: bool) -> None:
    assert trusted(known, NOON, 3600.0) is right


def test_what_a_concentrator_tells_is_corrected_by_its_own_clock() -> None:
    told = ClockTold(-40.0, 0.5, "shift", 40.0, 0.25, 0.5)
    clock = MeterClock.of(told, "M1", 7, NOON, measured(60.0))
    assert (clock.before_s, clock.error_s) == (-39.0, 0.75)
    assert (clock.after_s, clock.after_error_s) == (1.25, 0.75)
    assert str(clock) == (
        "the clock was 39.0 s behind (known to 0.75 s), was shifted by +40 s,"
        " is 1.2 s ahead now (known to 0.75 s)"
    )
