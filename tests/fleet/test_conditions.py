"""What breaks in a city: each concentrator's own luck, whatever the share and whoever else there
is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.fleet.city import City
from scenarios.fleet.conditions import WITHIN_S, Conditions, troubles

MIDNIGHT = 20_641 * 86_400
CITY = City(meters=5_000, seed=5)
NAMES = [CITY.concentrator_name(number) for number in range(CITY.concentrators)]


def hit(share: float, *, days: int = 2, seed: int = CITY.seed) -> dict[tuple[str, float], object]:
    """The faults of a city, by concentrator and moment."""
    conditions = Conditions(fault_share=share, fault_s=1800.0)
    return {
        (name, fault.span.start or 0.0): fault
        for name in NAMES
        for fault in troubles(seed, name, conditions, MIDNIGHT, days)
    }


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_greater_share_hits_the_same_concentrators_and_more(one: float, other: float) -> None:
    less, more = hit(min(one, other)), hit(max(one, other))
    assert less.items() <= more.items()


def test_a_share_is_of_concentrators_each_day() -> None:
    """Of 100 draws at a quarter, 25: within four standard deviations of 4.3."""
    assert not hit(0.0)
    assert len(hit(1.0)) == 2 * len(NAMES)
    assert 8 <= len(hit(0.25)) <= 42
    assert hit(0.25) != hit(0.25, seed=6)
    assert all((start - MIDNIGHT) % 86_400 < WITHIN_S for _, start in hit(1.0))


def test_more_days_leave_the_first_ones_as_they_are() -> None:
    assert hit(0.25, days=1).items() <= hit(0.25, days=3).items()
