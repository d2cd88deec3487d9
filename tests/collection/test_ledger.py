"""What is expected of a meter on a day: only what it could record while it was ours to read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.domain.interval import Row, RowQuality, Span
from headend.domain.ledger import Curve, Entry, Gap, gaps, joined_gaps, periods, served, summed
from headend.domain.life_cycle import LifeLine, Step
from headend.domain.meter import Meter, Stage
from headend.domain.utility_day import span_of

SANTIAGO = ZoneInfo("America/Santiago")
DAY = date(2026, 7, 6)
SPAN = span_of(DAY, SANTIAGO)
WHOLE = ((SPAN.begin, SPAN.end),)
IN_SERVICE = Meter("1", "C1", commissioned=True, stage=Stage.LINKED)
REMOVED = Meter("1", stage=Stage.REMOVED)
BLOCKED = Meter("1", "C1", commissioned=True, blocked=True, stage=Stage.LINKED)
S = Stage


def at(hours: float) -> int:
    return SPAN.begin + round(3600 * hours)


def line(hours: float, step: Step, was: Stage | None, stage: Stage) -> LifeLine:
    return LifeLine("1", datetime.fromtimestamp(at(hours), UTC), step, was, stage, "someone", "")


COMMISSIONED_AT_7 = [
    line(-48, Step.RECEIVE, None, S.IN_STOCK),
    line(6, Step.INSTALL, S.IN_STOCK, S.INSTALLED),
    line(7, Step.COMMISSION, S.INSTALLED, S.COMMISSIONED),
    line(8, Step.LINK, S.COMMISSIONED, S.LINKED),
]
REMOVED_AT_12 = line(12, Step.REMOVE, S.LINKED, S.REMOVED)

# What is kept of its life, the meter as it stands, and the parts of the day in which it was ours.
LIVES = {
    "nobody keeps its life": ([], IN_SERVICE, WHOLE),
    "nor was it ever commissioned": ([], Meter("1", "C1"), ()),
    "it is blocked": ([], BLOCKED, ()),
    "commissioned in the midst of the day": (COMMISSIONED_AT_7, IN_SERVICE, ((at(7), at(24)),)),
    "taken down in the midst of the day": (
        [*COMMISSIONED_AT_7, REMOVED_AT_12], REMOVED, ((at(7), at(12)),),
    ),
    "taken down the day after": (
        [*COMMISSIONED_AT_7, line(30, Step.REMOVE, S.LINKED, S.REMOVED)],
        REMOVED, ((at(7), at(24)),),
    ),
    "commissioned the day after": (
        [line(-9, Step.RECEIVE, None, S.INSTALLED), line(25, Step.LINK, S.INSTALLED, S.LINKED)],
        IN_SERVICE, (),
    ),
    "of a life that is known in part": ([REMOVED_AT_12], REMOVED, ((at(0), at(12)),)),
    "blocked for two hours": (
        [line(3, Step.BLOCK, S.LINKED, S.BLOCKED), line(5, Step.UNBLOCK, S.BLOCKED, S.LINKED)],
        IN_SERVICE, ((at(0), at(3)), (at(5), at(24))),
    ),
    "a step that was told later than taken": (
        [line(5, Step.BLOCK, S.LINKED, S.BLOCKED), line(4, Step.UNBLOCK, S.BLOCKED, S.LINKED)],
        IN_SERVICE, WHOLE,
    ),
    "changed since by its flags alone": (
        [line(2, Step.INSTALL, S.IN_STOCK, S.INSTALLED)], IN_SERVICE, ((at(2), at(24)),),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "meter", "spans"), LIVES.values(), ids=LIVES)
def test_a_meter_is_expected_while_it_is_ours_to_read(
    lines: list[LifeLine], meter: Meter, spans: tuple[tuple[int, int], ...]
) -> None:
    assert served(meter, lines, SPAN) == tuple(Span(*each) for each in spans)


# spans in hours of the day, now in hours, how many quarter hours are expected by then
COUNTS = {
    "a whole day": ([(0, 24)], 99, 96),
    "a day under way": ([(0, 24)], 6.1, 24),
    "a day to come": ([(0, 24)], -1, 0),
    "an interval must lie in it as a whole": ([(7.1, 24)], 99, 67),
    "and until its end": ([(0, 12.1)], 99, 48),
    "two parts": ([(0, 3), (5.1, 24)], 99, 12 + 75),
    "less than one": ([(5.05, 5.4)], 99, 0),
}


@pytest.mark.parametrize(("spans", "now", "count"), COUNTS.values(), ids=COUNTS)
def test_whole_intervals_count(spans: list[tuple[float, float]], now: float, count: int) -> None:
    within = [Span(at(begin), at(end)) for begin, end in spans]
    assert sum(map(len, periods(within, SPAN, 900, SANTIAGO, at(now)))) == count


@pytest.mark.parametrize(
    ("day", "count"), [(date(2026, 4, 4), 100), (date(2026, 9, 6), 92), (DAY, 96)]
)
def test_long_and_short_days(day: date, count: int) -> None:
    span = span_of(day, SANTIAGO)
    assert sum(map(len, periods([span], span, 900, SANTIAGO))) == count


def test_a_meter_and_the_one_after_it_share_a_day() -> None:
    """Exchanged at 12:07: no interval is expected of both, and only the one between of neither."""
    ours = [
        [list(each) for each in periods([Span(*hours)], SPAN, 900, SANTIAGO)]
        for hours in ((at(0), at(12) + 420), (at(12) + 420, at(24)))
    ]
    ends = sum((sum(each, []) for each in ours), [])
    assert len(ends) == len(set(ends)) == 95
    assert at(12.25) not in ends


def test_an_interval_that_began_the_day_before_is_of_the_day_in_which_it_ends() -> None:
    mumbai = ZoneInfo("Asia/Kolkata")  # 5:30 h ahead: whole hours of UTC end half past
    span = span_of(DAY, mumbai)
    (ends,) = periods([span], span, 3600, mumbai)
    assert (ends[0], ends[-1], len(ends)) == (span.begin + 3600, span.end, 24)
    assert periods([SPAN], SPAN, 0, SANTIAGO) == []  # comes on events


# Days and months of Chile's calendar: the day, the period, the part of the day that is served (h),
# and how long the interval is that ends with it, in hours; None: none does.
MIDNIGHTS = {
    "a day": (DAY, 86_400, (0, 24), 24),
    "the long day": (date(2026, 4, 4), 86_400, (0, 25), 25),
    "the day before a midnight that is skipped": (date(2026, 9, 5), 86_400, (0, 24), 24),
    "the short day": (date(2026, 9, 6), 86_400, (0, 23), 23),
    "a day that was not served whole": (DAY, 86_400, (1, 24), None),
    "nor until its end": (DAY, 86_400, (0, 23), None),
    "a month of 31 days": (date(2026, 7, 31), 30 * 86_400, (0, 24), 31 * 24),
    "as the meter tells it": (date(2026, 7, 31), 31 * 86_400, (0, 24), 31 * 24),
    "of 28 days": (date(2026, 2, 28), 2_592_000, (0, 24), 28 * 24),
    "with a long day": (date(2026, 4, 30), 2_592_000, (0, 24), 30 * 24 + 1),
    "with a short one": (date(2026, 9, 30), 2_592_000, (0, 24), 30 * 24 - 1),
    "the midst of a month": (DAY, 2_592_000, (0, 24), None),
    "a week, of which nobody knows when it ends": (DAY, 7 * 86_400, (0, 24), None),
}


@pytest.mark.parametrize(
    ("day", "period_s", "served_h", "length_h"), MIDNIGHTS.values(), ids=MIDNIGHTS
)
def test_days_and_months_end_at_the_zone_s_midnight(
    day: date, period_s: int, served_h: tuple[int, int], length_h: int | None
) -> None:
    span = span_of(day, SANTIAGO)
    mine = Span(*(span.begin + 3600 * each for each in served_h))
    ends = tuple(periods([mine], span, period_s, SANTIAGO))
    asked = Entry("1", "C1", "p", day, period_s, len(ends), len(ends), 0, ends=ends)
    found = [(each.begin, each.end, each.intervals) for each in gaps(asked, ())]
    assert found == ([] if length_h is None else [(span.end - 3600 * length_h, span.end, 1)])
    here = [Row(span.end, 0, 1, 0, (None,))]
    assert list(gaps(asked, here)) == []


def test_gaps_of_days_go_on_over_a_change_of_clocks() -> None:
    days = [date(2026, 9, day) for day in range(4, 8)]
    spans = [span_of(day, SANTIAGO) for day in days]
    found = [
        each
        for day, span in zip(days, spans, strict=True)
        for each in gaps(
            Entry(
                "1", "C1", "p", day, 86_400, 1, 1, 0,
                ends=tuple(periods([span], span, 86_400, SANTIAGO)),
            ), (),
        )
    ]  # fmt: skip
    assert list(joined_gaps(found)) == [Gap("1", "C1", "p", spans[0].begin, spans[-1].end, 4)]


def row(place: int, quality: int = 0) -> Row:
    return Row(SPAN.begin + 900 * place, 0, 1, quality, (None, place))


def entry(*spans: Span, received: int = 0, meter: str = "1") -> Entry:
    ends = tuple(periods(spans or [SPAN], SPAN, 900, SANTIAGO))
    due = sum(map(len, ends))
    return Entry(meter, "C1", "1.0.99.1.0.255", DAY, 900, due, due, received, ends=ends)


def gap(first: int, last: int) -> Gap:
    begin, end = (SPAN.begin + 900 * place for place in (first, last))
    return Gap("1", "C1", "1.0.99.1.0.255", begin, end, last - first)


# rows that are here, the gaps between
GAPS = {
    "nothing came": ([], [gap(0, 96)]),
    "all came": ([row(place) for place in range(1, 97)], []),
    "the first is missing": ([row(place) for place in range(2, 97)], [gap(0, 1)]),
    "the last is missing": ([row(place) for place in range(1, 96)], [gap(95, 96)]),
    "two apart": ([row(p) for p in range(1, 97) if p not in (5, 7)], [gap(4, 5), gap(6, 7)]),
    "what changed fills nothing": (
        [row(p, RowQuality.CHANGED if p == 5 else 0) for p in range(1, 97)], [gap(4, 5)],
    ),
    "nor what stands between": (
        [row(p, RowQuality.OFF_PERIOD if p == 5 else 0) for p in range(1, 97)], [gap(4, 5)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "found"), GAPS.values(), ids=GAPS)
def test_gaps(rows: list[Row], found: list[Gap]) -> None:
    assert list(gaps(entry(), rows)) == found


@given(st.sets(st.integers(1, 96)), st.lists(st.integers(0, 96), min_size=2, max_size=4))
def test_gaps_and_rows_make_up_the_day(here: set[int], edges: list[int]) -> None:
    edges = sorted(edges)
    spans = [
        Span(SPAN.begin + 900 * begin, SPAN.begin + 900 * end)
        for begin, end in zip(edges[::2], edges[1::2], strict=False)
        if begin < end
    ]
    mine = {at for ends in periods(spans, SPAN, 900, SANTIAGO) for at in ends}
    asked = Entry(
        "1", "C1", "p", DAY, 900, 0, 0, 0, ends=tuple(periods(spans, SPAN, 900, SANTIAGO))
    )
    found = list(gaps(asked, [row(place) for place in here]))
    missing = [at for each in found for at in range(each.begin + 900, each.end + 1, 900)]
    assert set(missing) == mine - {row(place).at for place in here}
    assert len(missing) == len(set(missing)) == sum(each.intervals for each in found)


def test_a_gap_goes_on_over_midnight() -> None:
    assert list(joined_gaps([gap(0, 5), gap(90, 96), gap(96, 100)])) == [gap(0, 5), gap(90, 100)]


def test_entries_are_summed_by_meter() -> None:
    half = Span(SPAN.begin, at(12))
    found = summed(
        [entry(received=96), entry(half, meter="2"), entry(half, meter="3", received=7)],
        lambda each: each.concentrator or "",
    )
    (all_,) = found
    assert (all_.meters, all_.complete, all_.silent) == (3, 1, 1)
    assert (all_.due, all_.received, all_.share) == (192, 103, 103 / 192)
    assert summed([entry(Span(0, 0))], lambda each: "none is expected") == []


def test_the_curve_tells_when_so_much_was_here() -> None:
    curve = Curve.of(200, [(30, 90), (10, 50), (10, 40), (40, 18)])
    assert [curve.share_at(at) for at in (9, 10, 29, 30, 99)] == [0, 0.45, 0.45, 0.9, 0.99]
    assert [curve.reached(share) for share in (0.45, 0.46, 0.99, 1)] == [10, 30, 40, None]
    nothing = Curve.of(0, [])
    assert (nothing.share_at(9), nothing.reached(0.5)) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 9))), st.floats(0.01, 1))
def test_the_curve_only_grows(came: list[tuple[int, int]], share: float) -> None:
    curve = Curve.of(sum(count for _, count in came) or 1, came)
    shares = [curve.share_at(at) or 0 for at in range(100)]
    assert shares == sorted(shares)
    reached = curve.reached(share)
    if reached is not None:
        assert (curve.share_at(reached) or 0) >= share > (curve.share_at(reached - 1) or 0)
