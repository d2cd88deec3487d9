"""Which part of a history is wanted, and how it is continued."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.opcua.reach import BadPoint, BadReach, Reach, continued, point, wanted

T0 = datetime(2026, 7, 6, 5, tzinfo=UTC)
KEPT = (0, 2, 3, 5, 6)  # minutes past five


def minute(at: int | None) -> datetime | None:
    return None if at is None else T0 + timedelta(minutes=at)


# OPC 10000-11, 4.4, the table of bounding value examples with a historian that has values at
# 5:00, 5:02, 5:03, 5:05 and 5:06: its lines without bounds.
TABLE = {
    # name: (start, end, count, given)
    "5:00 to 5:05": (0, 5, 0, (0, 2, 3)),
    "5:01 to 5:04": (1, 4, 0, (2, 3)),
    "5:05 to 5:00": (5, 0, 0, (5, 3, 2)),
    "5:04 to 5:01": (4, 1, 0, (3, 2)),
    "4:59 to 5:05": (-1, 5, 0, (0, 2, 3)),
    "5:01 to 5:07": (1, 7, 0, (2, 3, 5, 6)),
    # 6.5.3.2: of all three the count is that of one answer, which is continued
    "5:00 to 5:05, 3": (0, 5, 3, (0, 2, 3)),
    "5:00 to 5:05, 2": (0, 5, 2, (0, 2, 3)),
    "5:05 to 5:00, 2": (5, 0, 2, (5, 3, 2)),
    "5:00 on, 3": (0, None, 3, (0, 2, 3)),
    "5:00 on, 6": (0, None, 6, (0, 2, 3, 5, 6)),
    "up to 5:06, 3": (None, 6, 3, (6, 5, 3)),
    "up to 5:05, 3": (None, 5, 3, (5, 3, 2)),
    "5:02 alone": (2, 2, 0, (2,)),
    "5:01 alone": (1, 1, 0, ()),
    "4:48, before all": (-12, -10, 0, ()),
}


def given_of(reach: Reach, at_once: int = 100) -> list[int]:
    """As a server answers, part by part."""
    found: list[int] = []
    left: Reach | None = reach
    while left is not None:
        order = reversed(KEPT) if left.backwards else KEPT
        held = [it for it in order if left.holds(T0 + timedelta(minutes=it))]
        part = held[: left.answer_max(at_once)]
        found += part
        if len(part) == len(held):
            return found
        rest = left.beyond(T0 + timedelta(minutes=part[-1]), len(part))
        left = None if rest is None else continued("n", point("n", rest))
    return found


@pytest.mark.parametrize("start, end, count, expected", TABLE.values(), ids=TABLE)
@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_the_standards_examples(
    start: int | None, end: int | None, count: int, expected: tuple[int, ...], at_once: int
) -> None:
    reach = wanted(minute(start), minute(end), count)
    assert tuple(given_of(reach, at_once)) == expected


EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "start, end, count",
    [
        (None, None, 0),
        (None, None, 5),
        (T0, None, 0),
        (None, T0, 0),
        (EPOCH, EPOCH, 7),
        (EPOCH, T0, 0),
        (EPOCH.replace(tzinfo=None), T0, 0),
    ],
)
def test_two_of_the_three_are_needed(
    start: datetime | None, end: datetime | None, count: int
) -> None:
    with pytest.raises(BadReach):
        wanted(start, end, count)


def test_times_without_a_zone_are_utc() -> None:
    naive = T0.replace(tzinfo=None)
    assert wanted(naive, naive + timedelta(hours=1), 0) == wanted(T0, T0 + timedelta(hours=1), 0)


times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(
    st.text(max_size=40),
    st.builds(Reach, times, st.none() | times, st.booleans(), st.none() | st.integers(1, 10**6)),
)
def test_a_point_is_read_as_it_was_written(id: str, reach: Reach) -> None:
    id = id.encode("utf-8", "replace").decode()
    octets = point(id, reach)
    assert continued(id, octets) == reach
    with pytest.raises(BadPoint):
        continued(id + "x", octets)


@given(st.binary(max_size=300))
def test_no_other_octets_are_a_point(octets: bytes) -> None:
    with pytest.raises(BadPoint):
        continued("n", octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"x" * 5000,
        b'["n","2026-07-06T05:00:00","2026-07-06T06:00:00Z",false,null]',
        b'["n","2026-07-06T05:00:00Z",null,false,0]',
        b'["n","2026-07-06T05:00:00Z",null,false,-3]',
        b'["n","2026-07-06T05:00:00Z",null,false]',
    ],
)
def test_a_point_with_something_wrong(octets: bytes) -> None:
    with pytest.raises(BadPoint):
        continued("n", octets)
