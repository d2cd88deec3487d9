"""What is odd in collected values, and what stands in for those that are not there."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.collection.validation import checks
from headend.collection.validation.channels import Channel, Nature, Point, energies, series
from headend.collection.validation.desk import register_of
from headend.collection.validation.estimates import LIKE_S, estimated
from headend.domain.interval import Row, RowQuality
from headend.domain.validation import Check, Method
from protocols.concentrator.collecting import ColumnTold, Layout

P = 900
REGISTER, ENERGY, INSTANT = Nature.REGISTER, Nature.ENERGY, Nature.INSTANT


def points(*values: int | None, begin: int = 1) -> list[Point]:
    return [
        Point(P * place, value) for place, value in enumerate(values, begin) if value is not None
    ]


# amounts of intervals, from which amount on one may be a spike, the place of the spike
SPIKES = {
    "one far above the others": ([100, 90, 120, 5000, 80], 1000, 4),
    "just 180 % above the third highest": ([1000, 1000, 2800], 1000, None),
    "one more": ([1000, 1000, 2801], 1000, 3),
    "a kettle in an empty house": ([0, 0, 900, 0], 1000, None),
    "a load in an empty house": ([0, 0, 1001, 0], 1000, 3),
    "two high ones: an oven": ([100, 5000, 5000, 100], 1000, 2),
    "three high ones are a habit": ([100, 5000, 5000, 5000], 1000, None),
    "too few to tell": ([5000, 0], 1000, None),
    "none": ([], 1000, None),
}


@pytest.mark.parametrize(("amounts", "floor", "place"), SPIKES.values(), ids=SPIKES)
def test_spikes(amounts: list[int], floor: int, place: int | None) -> None:
    found = [each.at for each in checks.spikes(points(*amounts), floor)]
    if place is None:
        assert found == []
    else:
        assert len(found) == 1 and amounts[found[0] // P - 1] == amounts[place - 1]


NEGATIVES = {
    "a register that counts": (REGISTER, [5, 5, 7], []),
    "a register that runs back": (REGISTER, [5, 9, 7, 8], [3]),
    "a gap in between": (REGISTER, [9, None, 7], [3]),
    "a register below nought that counts": (REGISTER, [-3, -2], []),
    "an interval below nought": (ENERGY, [0, -1, 4], [2]),
    "a voltage below nought": (INSTANT, [2300, -1], [2]),
    "an interval that falls": (ENERGY, [9, 2], []),
}


@pytest.mark.parametrize(("nature", "values", "places"), NEGATIVES.values(), ids=NEGATIVES)
def test_negatives(nature: Nature, values: list[int], places: list[int]) -> None:
    found = list(checks.negatives(points(*values), nature, "c"))
    assert [each.at // P for each in found] == places
    assert {(each.check, each.channel) for each in found} <= {(Check.NEGATIVE, "c")}


def test_odd_rows_are_told_with_what_is_odd() -> None:
    odd = RowQuality.CLOCK_DOUBTFUL | RowQuality.OFF_PERIOD | RowQuality.LATE
    rows = [
        Row(P, 0, 1, 0, ()), Row(P, 0, 1, int(RowQuality.CHANGED), ()),
        Row(P + 7, 0, 1, int(odd), ()), Row(2 * P, 0, 1, int(RowQuality.LATE), ()),
    ]  # fmt: skip
    assert [(each.at, each.text) for each in checks.odd_clocks(rows)] == [
        (P + 7, "clock doubtful, off period")
    ]
    assert [each.at for each in checks.duplicates(rows)] == [P]


# what a register was read to show, in seconds after the first period's end
READS = {
    "between": (P + 300, 15, None),
    "as at the row before": (P + 300, 10, None),
    "as at the row after": (P + 300, 20, None),
    "less than before": (P + 300, 9, "below 10"),
    "more than after": (P + 300, 21, "above 20"),
    "just after the row, and read before it": (2 * P + 60, 19, None),
    "before all rows": (10, 3, None),
    "before all rows, and above the first": (10, 11, "above 10"),
    "after all rows": (9 * P, 999, None),
    "after all rows, and below the last": (9 * P, 29, "below 30"),
}


@pytest.mark.parametrize(("at", "value", "text"), READS.values(), ids=READS)
def test_a_register_against_its_profile(at: int, value: int, text: str | None) -> None:
    found = list(checks.against_register(points(10, 20, 30), [Point(at, value)]))
    assert [text in each.text for each in found if text] == ([True] if text else [])
    assert bool(found) == bool(text)


# intervals of which four lie between the reads and one at either end in part; gained; odd
SUMS = {
    "as much as lies between": ([5, 10, 10, 10, 10, 5], 42, False),
    "all of what is at the ends": ([5, 10, 10, 10, 10, 5], 51, False),
    "none of it": ([5, 10, 10, 10, 10, 5], 39, False),
    "too much": ([5, 10, 10, 10, 10, 5], 52, True),
    "too little": ([5, 10, 10, 10, 10, 5], 38, True),
    "one is missing": ([5, 10, None, 10, 10, 5], 99, False),
}


@pytest.mark.parametrize(("amounts", "gained", "odd"), SUMS.values(), ids=SUMS)
def test_intervals_against_their_register(
    amounts: list[int | None], gained: int, odd: bool
) -> None:
    reads = [Point(500, 100), Point(5 * P + 400, 100 + gained)]
    found = list(checks.sum_against_register(points(*amounts), reads, P))
    assert bool(found) is odd


@given(st.lists(st.integers(0, 500), min_size=8, max_size=40), st.data())
def test_a_meter_that_counts_right_is_never_odd(amounts: list[int], data: st.DataObject) -> None:
    """Whenever its register is read, against either kind of profile."""
    totals = list(itertools.accumulate(amounts))
    at = sorted(data.draw(st.lists(st.integers(P, P * len(amounts) - 1), min_size=2, max_size=5)))
    reads = [Point(t, totals[t // P - 1] + amounts[t // P] * (t % P) // P) for t in at]
    assert not list(checks.against_register(points(*totals), reads))
    assert not list(checks.negatives(points(*totals), REGISTER))
    distinct = [read for read, t in zip(reads, at, strict=True) if at.count(t) == 1]
    assert not list(checks.sum_against_register(points(*amounts), distinct, P))


def test_series_of_rows() -> None:
    layout = Layout(
        "1.0.99.1.0.255",
        (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(3, "1.0.1.8.0.255", 2, 0, 0, 30)),
        P,
    )
    rows = [
        Row(2 * P, 0, 1, 0, (None, 7)), Row(P, 0, 1, 0, (None, 5)),
        Row(P, 0, 1, int(RowQuality.CHANGED), (None, 6)), Row(3 * P, 0, 1, 0, (None, None)),
        Row(P + 9, 0, 1, int(RowQuality.OFF_PERIOD), (None, 6)),
    ]  # fmt: skip
    channel = Channel("1.0.1.8.0.255", 0, 30)
    assert series(rows, {1: layout}) == {channel: points(5, 7)}
    assert energies(points(5, 7, None, 9), P) == [Point(2 * P, 2)]


NATURES = {
    "1.0.1.8.0.255": (REGISTER, "1.0.1.8.0.255"),
    "1.0.2.29.0.255": (ENERGY, "1.0.2.8.0.255"),
    "1.0.32.7.0.255": (INSTANT, None),
    "1.0.1.6.0.255": (None, None),  # a maximum
    "0.0.1.8.0.255": (None, None),  # not of electricity
}


@pytest.mark.parametrize("name", NATURES)
def test_natures(name: str) -> None:
    channel = Channel(name, 0, 30)
    assert (channel.nature, register_of(channel)) == NATURES[name]


def filled(
    values: list[int | None], nature: Nature = REGISTER, like: dict[int, int] | None = None
) -> list[tuple[int, int, Method]]:
    found = estimated(points(*values), nature, P, like or {})
    return [(at // P, value, method) for at, value, method in found]


def a_week_before(*amounts: int) -> dict[int, int]:
    return {P * place - LIKE_S: amount for place, amount in enumerate(amounts, 1)}


LIN, LIKE = Method.LINEAR, Method.LIKE_DAY
LONG: list[int | None] = [100, *[None] * 9, 200]
# what is known, of what nature, amounts of a week before, estimates
ESTIMATES = {
    "nothing is missing": ([1, 2, 3], REGISTER, {}, []),
    "one": ([10, None, 21], REGISTER, {}, [(2, 15, LIN)]),
    "at the beginning": ([None, 5, 6], REGISTER, {}, []),
    "at the end: nobody knows yet": ([5, 6, None], REGISTER, {}, []),
    "a register that ran back": ([9, None, 5], REGISTER, {}, []),
    "a long gap without a week before": (
        LONG, REGISTER, {}, [(place + 1, 100 + 10 * place, LIN) for place in range(1, 10)],
    ),
    "a long gap as a week before": (
        LONG, REGISTER, a_week_before(0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 15),
        [(place, 100 if place < 7 else 125, LIKE) for place in range(2, 11)],
    ),
    "a week before that is not whole": (
        LONG, REGISTER, a_week_before(0, 1, 1),
        [(place + 1, 100 + 10 * place, LIN) for place in range(1, 10)],
    ),
    "a week before without consumption": (
        LONG, REGISTER, a_week_before(*[0] * 11),
        [(place + 1, 100 + 10 * place, LIN) for place in range(1, 10)],
    ),
    "intervals": ([10, None, None, 40], ENERGY, {}, [(2, 20, LIN), (3, 30, LIN)]),
    "a long gap of intervals": (
        LONG, ENERGY, a_week_before(*range(11)), [(p, p - 1, LIKE) for p in range(2, 11)],
    ),
    "a long gap of intervals, and nothing to go by": (LONG, ENERGY, {}, []),
    "a voltage": ([2300, None, 2310], INSTANT, {}, []),
}  # fmt: skip


@pytest.mark.parametrize(("values", "nature", "like", "told"), ESTIMATES.values(), ids=ESTIMATES)
def test_estimates(
    values: list[int | None],
    nature: Nature,
    like: dict[int, int],
    told: list[tuple[int, int, Method]],
) -> None:
    assert filled(values, nature, like) == told


@given(
    st.lists(st.integers(0, 900), min_size=3, max_size=60),
    st.lists(st.integers(0, 900), min_size=60, max_size=60),
    st.sets(st.integers(0, 59)),
)
def test_estimates_win_and_lose_no_energy(
    amounts: list[int], week_before: list[int], lost: set[int]
) -> None:
    """With them a register is whole between its ends, never runs back, and every value that is
    known stands as it is."""
    totals = list(itertools.accumulate(amounts))
    known: list[int | None] = [
        None if place in lost and 0 < place < len(totals) - 1 else total
        for place, total in enumerate(totals)
    ]
    found = filled(known, REGISTER, a_week_before(*week_before))
    assert {place for place, _, _ in found} == {
        place for place, value in enumerate(known, 1) if value is None
    }
    values = {place: value for place, value, _ in found}
    whole = [values.get(place, value) for place, value in enumerate(known, 1)]
    assert whole == sorted(whole, key=lambda value: value or 0)
