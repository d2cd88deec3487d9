"""Rows as series of a quantity: differences, gaps, powers of ten, days that are no 24 hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.collection import series
from headend.collection.series import Rows, text_of
from headend.domain.interval import IntervalDay, Row, Span
from headend.domain.reading import Reading
from headend.domain.utility_day import ended_in, span_of
from protocols.cim.reading_type_table import QUANTITIES, quantity
from protocols.concentrator.collecting import ColumnTold, Layout

ZONE = ZoneInfo("America/Santiago")
NOW = datetime(2026, 7, 7, tzinfo=UTC)
T0 = 1_783_224_000  # 2026-07-05T04:00Z, a midnight in Santiago
ENERGY = QUANTITIES["0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"]
DAILY = QUANTITIES["11.0.0.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"]
REGISTER = QUANTITIES["0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0"]


def layout(scaler: int, period_s: int = 900, profile: str = "1.0.99.1.0.255") -> Layout:
    return Layout(profile, (ColumnTold(3, "1.0.1.8.0.255", 2, scaler=scaler, unit=30),), period_s)


def told(*rows: tuple[int, int, int], layouts: dict[int, Layout] | None = None) -> list[str]:
    """Values at quarters; each row is a quarter, a layout and a count."""
    kept = tuple(Row(T0 + 900 * n, T0, number, 0, (count,)) for n, number, count in rows)
    day = IntervalDay("M1", "1.0.99.1.0.255", date(2026, 7, 5), 96, 0, 0, 0, NOW, kept)
    of = Rows([day], [], layouts or {1: layout(0)})
    found = series.of_profile(ENERGY, of, T0 - 1, T0 + 86_400)
    return [] if found is None else [
        f"{round((v.at.timestamp() - T0) / 900)} {v.value}" for v in found
    ]  # fmt: skip


CASES = {
    "whole": ([(0, 1, 1000), (1, 1, 1250), (2, 1, 1250)], ["1 0.250", "2 0.000"]),
    "a gap": ([(0, 1, 1000), (2, 1, 1500), (3, 1, 1600)], ["3 0.100"]),
    "it ran back": ([(0, 1, 1000), (1, 1, 900), (2, 1, 950)], ["2 0.050"]),
    "one row": ([(5, 1, 1000)], []),
    "none": ([], []),
}


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_energy_of_intervals(rows: list[tuple[int, int, int]], expected: list[str]) -> None:
    assert told(*rows) == expected


def test_a_meter_that_changes_how_it_counts() -> None:
    """A finer scaler from one row on: what was counted before is in its power, and no energy is
    won or lost."""
    layouts = {1: layout(1), 2: layout(-1), 3: layout(1)}
    rows = [(0, 1, 100), (1, 1, 125), (2, 2, 15_005), (3, 3, 175)]
    assert told(*rows, layouts=layouts) == ["1 0.2500", "2 0.2505", "3 0.2495"]


def test_a_profile_of_another_period_is_none_of_these_intervals() -> None:
    assert told((0, 1, 1000), (1, 1, 1250), layouts={1: layout(0, 1800)}) == []


DAYS = {
    # the day, and its quarters
    "a winter day": (date(2026, 7, 5), 96),
    "the clocks go back": (date(2026, 4, 4), 100),
    "the clocks go on": (date(2026, 9, 6), 92),
}


@pytest.mark.parametrize(("day", "quarters"), DAYS.values(), ids=DAYS)
def test_what_ends_in_a_span(day: date, quarters: int) -> None:
    span = span_of(day, ZONE)
    assert ended_in(span, 900, ZONE) == quarters
    assert ended_in(span, 86_400, ZONE) == 1
    assert ended_in(Span(span.begin, span.end - 1), 86_400, ZONE) == 0
    assert ended_in(Span(span.end, span.begin), 900, ZONE) == 0
    week = Span(span.begin, span_of(day + timedelta(days=6), ZONE).end)
    assert ended_in(week, 86_400, ZONE) == 7


@pytest.mark.parametrize("shift_s", [-3600, 0, 3600])
def test_a_day_may_be_an_hour_longer_or_shorter(shift_s: int) -> None:
    kept = (Row(T0, T0, 1, 0, (100,)), Row(T0 + 86_400 + shift_s, T0, 1, 0, (2500,)))
    day = IntervalDay("M1", DAILY.profile, date(2026, 7, 5), 1, 1, 0, 0, NOW, kept)
    of = Rows([day], [], {1: layout(1, 86_400, DAILY.profile)})
    found = series.of_profile(DAILY, of, T0, T0 + 2 * 86_400)
    assert found is not None and [v.value for v in found] == ["24.00"]


def reading(value: str | None, **changes: object) -> Reading:
    at = datetime(2026, 7, 5, 4, tzinfo=UTC)
    one = Reading("M1", "1.0.1.8.0.255", 2, at, at, "order 1", value=value, unit="Wh")
    return replace(one, **changes)  # type: ignore[arg-type]


def test_registers_that_are_numbers() -> None:
    some = [
        *map(reading, ("1500", None, "off", "NaN")),
        reading("7", attribute=3),
        reading("9", name="1.0.2.8.0.255"),
    ]
    assert [v.value for v in series.of_registers(REGISTER, some)] == ["1.500"]


@given(st.integers(-(10**15), 10**15), st.integers(-9, 9))
def test_texts_are_exact(count: int, power: int) -> None:
    text = text_of(count, power)
    assert Decimal(text) == Decimal(count).scaleb(power)
    assert "E" not in text and not text.startswith(".")


def test_every_quantity_has_its_period() -> None:
    periods = {series.period_s(each) for each in QUANTITIES.values() if each.profile}
    assert periods == {900, 86_400}
    assert {series.period_s(each) for each in QUANTITIES.values() if not each.profile} == {0}
    assert quantity(ENERGY.code) is ENERGY
