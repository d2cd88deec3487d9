"""Each concentrator's turn in a task's spread: always the same, no two many at once, in time."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.collection.groups import shifted
from headend.collection.tasks import tasks_of
from headend.config import CollectionTask
from headend.models import Shelf
from protocols.concentrator.collecting import Kind, Task

NAMED = {"counted": "C-{:03}", "serials": "SAG47{:08X}", "sites": "SE{0:02}-TR{0:05}"}


@pytest.mark.parametrize("naming", NAMED)
@pytest.mark.parametrize("count", [60, 500, 5000])
def test_no_moment_has_many_more_concentrators_than_its_share(naming: str, count: int) -> None:
    """Throwing N names at 60 steps, the fullest stays within N/60 + 5 √(N/60) + 2: a step's count
    has that deviation (binomial), and five of it come by chance once in a million."""
    told = Task(name="load", kind=Kind.PROFILE, objects=(), every_s=3600, after_s=300)
    names = [NAMED[naming].format(number) for number in range(count)]
    turns = Counter(shifted(told, 1200.0, name).after_s for name in names)
    assert set(turns) <= set(range(300, 1500, 20))
    share = count / 60
    assert max(turns.values()) <= share + 5 * math.sqrt(share) + 2


@given(
    every_s=st.sampled_from([300, 900, 1800, 3600, 21_600, 43_200, 86_400]),
    after_s=st.integers(0, 86_399),
    window_s=st.integers(0, 86_400),
    spread_s=st.floats(0, 86_400),
    name=st.text(min_size=1, max_size=12),
)
def test_a_turn_comes_neither_early_nor_outside_its_window(
    every_s: int, after_s: int, window_s: int, spread_s: float, name: str
) -> None:
    told = Task(
        name="t", kind=Kind.PROFILE, objects=(), every_s=every_s, after_s=after_s, window_s=window_s
    )
    own = shifted(told, spread_s, name)
    open_s = min(window_s, every_s) if window_s else every_s
    later_s = own.after_s - after_s
    assert 0 <= later_s <= min(spread_s, open_s / 2)
    if window_s:
        assert later_s + min(own.window_s, every_s) == open_s
        assert own.window_s > 0
    else:
        assert own.window_s == 0
    assert own == shifted(told, spread_s, name)


def test_a_month_is_looked_for_each_day_by_those_who_know_no_months() -> None:
    billing = CollectionTask(
        name="billing", objects=("1.0.98.1.0.255",), every="1mo", rows="1mo", after_s=7200
    )
    (told,) = tasks_of([billing], "America/Santiago", Shelf())
    assert (told.every_s, told.after_s, told.zone) == (86_400, 7200, "America/Santiago")
