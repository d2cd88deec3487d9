"""Service levels as arithmetic: what is judged, what is met, and how groups add up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.domain.service_level import (
    By,
    Count,
    Goal,
    Item,
    Level,
    Measure,
    Measured,
    ServiceLevels,
    Standing,
    apart,
    grouped,
    judged,
    reported,
)

NOW = 10_000.0
NOON = datetime(2026, 7, 6, 16, tzinfo=UTC)

JUDGED = {
    # one item at a time, within 60 s, at NOW: (since, took_s): (items, judged, met)
    "in time": ((9_000, 59.9), (1, 1, 1)),
    "just in time": ((9_000, 60), (1, 1, 1)),
    "too late": ((9_000, 60.1), (1, 1, 0)),
    "never, and its time is over": ((9_000, None), (1, 1, 0)),
    "not yet, and its time is not over": ((9_941, None), (1, 0, 0)),
    "its time is over just now": ((9_940, None), (1, 1, 0)),
    "done, but its time is not over: neither it nor those that are not done count": (
        (9_941, 5), (1, 0, 0),
    ),
    "of a clock that is ahead": ((9_000, -30), (1, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("item, count", JUDGED.values(), ids=JUDGED)
def test_an_item_is_judged_once_it_had_its_time(
    item: tuple[float, float | None], count: tuple[int, int, int]
) -> None:
    assert judged([Item("m", *item)], 60, NOW) == {"m": Count(*count)}


MET = {
    # share, judged, met: whether the goal is met
    "exactly": ("0.98", 50, 49, True),
    "exactly, of many": ("0.999", 3000, 2997, True),
    "one too few": ("0.999", 3000, 2996, False),
    "all of few": ("0.999", 3, 3, True),
    "all but one of few": ("0.999", 3, 2, False),
    "nothing to judge": ("0.98", 0, 0, None),
    "all": ("1.0", 7, 7, True),
    "all but one": ("1.0", 7, 6, False),
}


@pytest.mark.parametrize("share, of, met, result", MET.values(), ids=MET)
def test_a_goal_is_met_by_whole_numbers(share: str, of: int, met: int, result: bool | None) -> None:
    level = Level(Fraction(share), 60)
    standing = Standing(Goal("g", Measure.ALARMS, (level,)), level, "", Count(of, of, met))
    assert standing.met is result


DEVICES = st.sampled_from(["m1", "m2", "m3", "m4"])
ITEMS = st.lists(
    st.builds(Item, DEVICES, st.floats(0, NOW), st.none() | st.floats(-100, 1000)),
    max_size=40,
)
GROUPS = st.dictionaries(
    DEVICES,
    st.dictionaries(st.sampled_from([each for each in By if each is not By.ALL]),
                    st.sampled_from(["", "a", "b"])),
)  # fmt: skip


@given(ITEMS, GROUPS, st.frozensets(DEVICES))
def test_groups_add_up_to_the_whole(
    items: list[Item], groups: dict[str, dict[By, str]], silent: frozenset[str]
) -> None:
    counts = apart(judged(items, 60, NOW), silent)
    found = grouped(counts, groups)
    whole = found.get((By.ALL, ""), Count())
    assert whole.items + whole.apart == len(items)
    for by in By:
        total = sum((count for (which, _), count in found.items() if which is by), Count())
        assert total == whole


@given(ITEMS)
def test_more_time_never_makes_it_worse(items: list[Item]) -> None:
    """Of the same items that are judged."""
    old = [Item(each.device, each.since - 1e6, each.took_s) for each in items]
    counts = [sum(judged(old, within, NOW).values(), Count()) for within in (10, 60, 600)]
    assert [each.judged for each in counts] == [len(items)] * 3
    assert counts[0].met <= counts[1].met <= counts[2].met


def row(day: int, by: By, name: str, judged: int, met: int, silent: int = 0) -> Measured:
    return Measured(
        date(2026, 7, day), "p", 60, by, name, judged, judged, met, 0, silent, "alarms", NOON
    )


def test_a_report_adds_days_up_and_begins_with_the_worst() -> None:
    levels = ServiceLevels((Goal("p", Measure.ALARMS, (Level(Fraction("0.9"), 60),)),), 60)
    rows = [
        row(1, By.ALL, "", 20, 19, silent=2),
        row(1, By.ZONE, "Z1", 10, 10, silent=2),
        row(1, By.ZONE, "Z2", 10, 9),
        row(2, By.ALL, "", 10, 8, silent=2),
        row(2, By.ZONE, "Z1", 8, 8, silent=2),
        row(2, By.ZONE, "Z2", 2, 0),
        row(2, By.ZONE, "Z3", 0, 0),
    ]
    (told,) = reported(levels, rows, By.ZONE)
    assert (told.whole.count.judged, told.whole.count.met, told.whole.met) == (30, 27, True)
    assert told.whole.count.silent == 2  # the same two, on both days
    assert [(each.name, each.share) for each in told.groups] == [
        ("Z2", 9 / 12), ("Z1", 1.0), ("Z3", None),
    ]  # fmt: skip
    assert [each.name for each in told.worst] == ["Z2"]
