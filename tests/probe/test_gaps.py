"""Missing rows of a profile: across midnight, changes of daylight saving, and clocks set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.probe.gaps import Gap, gaps
from tools.probe.periods import BadPeriod, seconds, span

QUARTER = 900
MADRID = ZoneInfo("Europe/Madrid")
START = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)


def rows(begin: datetime, count: int, zone: ZoneInfo | None = None) -> list[datetime | None]:
    moments = (begin + timedelta(seconds=QUARTER * number) for number in range(count))
    return [moment.astimezone(zone) if zone else moment.replace(tzinfo=None) for moment in moments]


@given(
    count=st.integers(3, 400),
    missing=st.sets(st.integers(1, 398), max_size=40),
    zone=st.sampled_from([None, MADRID]),
)
def test_as_many_are_missing_as_were_left_out(
    count: int, missing: set[int], zone: ZoneInfo | None
) -> None:
    """Over the night in which Madrid changes to summer time, too."""
    gone = {number for number in missing if number < count - 1}
    kept = [row for number, row in enumerate(rows(START, count, zone)) if number not in gone]
    found = list(gaps(kept, QUARTER))
    assert sum(gap.missing for gap in found) == len(gone)
    assert all(gap.after < gap.before for gap in found)


def test_what_is_no_gap() -> None:
    one, two = rows(START, 2)
    assert list(gaps([one, None, two], QUARTER)) == []
    assert list(gaps([two, one], QUARTER)) == [], "a clock that was set back"
    assert list(gaps([one, two], 0)) == [], "captured on events"
    assert list(gaps([], QUARTER)) == []


def test_a_gap_names_its_neighbours() -> None:
    four = rows(START, 4)
    assert list(gaps([four[0], four[3]], QUARTER)) == [Gap(four[0], four[3], 2)]  # type: ignore[arg-type]


SECONDS = {"30s": 30, "2h": 7200, "1h30m": 5400, "7d": 604_800, "1.5h": 5400, "4w": 2_419_200}


@pytest.mark.parametrize("text", SECONDS)
def test_a_duration(text: str) -> None:
    assert seconds(text) == SECONDS[text]


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-1d", "0s", "1y", "1d x", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadPeriod, match="is no duration"):
        seconds(text)


NOW = datetime(2026, 11, 23, 18, 0)
SPANS = {
    ("", "", ""): (datetime(2026, 11, 22, 18, 0), NOW),
    ("", "", "2h"): (datetime(2026, 11, 23, 16, 0), NOW),
    ("2026-11-01", "", ""): (datetime(2026, 11, 1), NOW),
    ("2026-11-01", "2026-11-01", ""): (datetime(2026, 11, 1), datetime(2026, 11, 1, 23, 59, 59)),
    ("", "2026-11-02T06:00", "6h"): (datetime(2026, 11, 2), datetime(2026, 11, 2, 6, 0)),
}


@pytest.mark.parametrize("words", SPANS)
def test_a_span(words: tuple[str, str, str]) -> None:
    assert span(*words, now=NOW, default="1d") == SPANS[words]
