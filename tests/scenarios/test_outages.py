"""How meters usually come and go: the distribution of the fault model, and what it does to a field.

Check points: facts of service levels, our fault model: 5 % down at any time, outages log-normal
with median 15 min and 95th percentile 78 min, 0.7 % silent for months.
"""

from __future__ import annotations

from itertools import takewhile
from statistics import median, quantiles

import msgspec
import pytest

from devices.outages import USUAL, Outages
from devices.span import Span
from scenarios.engine import run
from scenarios.field import alternating_meters
from scenarios.schema import Scenario, parse

DAY_S = 86_400.0
START = 1_783_339_200.0
METERS = [str(number) for number in range(90_000_001, 90_004_001)]


def day(meter: str, seed: int = 1, outages: Outages = USUAL) -> list[Span]:
    spans = outages.spans(seed, meter, START)
    return list(takewhile(lambda span: span.start < START + DAY_S, spans))  # type: ignore[operator]


@pytest.fixture(scope="module")
def days() -> dict[str, list[Span]]:
    return {meter: day(meter) for meter in METERS if not USUAL.silent_for_months(1, meter)}


@pytest.mark.parametrize("hour", [0, 1, 6, 12, 23])
def test_five_per_cent_are_down(days: dict[str, list[Span]], hour: int) -> None:
    """At any hour, from the first moment on: binomial of 3,970, deviation 0.35 %."""
    at = START + hour * 3600 + 1
    down = sum(any(span.covers(at) for span in spans) for spans in days.values())
    assert abs(down / len(days) - 0.05) < 4 * 0.0035


def test_how_long(days: dict[str, list[Span]]) -> None:
    """Of some 11,000 outages that begin within the day."""
    lasts = [
        (span.end or 0) - (span.start or 0)
        for spans in days.values()
        for span in spans
        if span.start != START
    ]
    assert len(lasts) > 10_000
    assert median(lasts) == pytest.approx(15 * 60, rel=0.04)
    assert quantiles(lasts, n=20)[-1] == pytest.approx(78 * 60, rel=0.08)


def test_the_silent() -> None:
    """0.7 % of 20,000: binomial, deviation 12."""
    silent = sum(USUAL.silent_for_months(3, str(number)) for number in range(20_000))
    assert abs(silent - 140) < 4 * 12
    lost = next(m for m in METERS if USUAL.silent_for_months(1, m))
    assert day(lost) == [Span(START)]


def test_the_model_in_numbers() -> None:
    assert USUAL.sigma == pytest.approx(1.0023, abs=1e-3)
    assert USUAL.mean_s / (USUAL.mean_s + USUAL.mean_up_s) == pytest.approx(0.05)


def test_a_meter_s_luck_is_its_own() -> None:
    assert day("90000001") == day("90000001")
    assert day("90000001") != day("90000002")
    assert day("90000001") != day("90000001", seed=2)
    for spans in map(day, METERS[:200]):
        for before, after in zip(spans, spans[1:], strict=False):
            assert before.end is not None and after.start is not None
            assert before.end < after.start


FIELD = """
about = "A quiet field."
start = 2026-07-06T10:00:00
duration = "12h"
[field]
meters = 30
[[order]]
at = "1m"
meter = "90000002"
kind = "connect"
[expect]
done = 1
"""


def told(scenario: Scenario) -> set[str]:
    story = run(scenario)
    return {
        line["target"] for line in story.world.log.of_kind("fault") if line["fault"] == "Outage"
    }


def test_a_field_comes_and_goes_but_for_what_the_story_is_about() -> None:
    scenario = parse(FIELD)
    assert "90000002" not in alternating_meters(scenario)
    assert len(alternating_meters(scenario)) == 29
    some = told(scenario)
    assert len(some) > 10 and "90000002" not in some


@pytest.mark.parametrize("outages, alternating", [("usual", 30), ("none", 0)])
def test_a_file_may_say_so(outages: str, alternating: int) -> None:
    scenario = parse(FIELD.replace("meters = 30", f'meters = 30\noutages = "{outages}"'))
    assert len(alternating_meters(scenario)) == alternating
    if not alternating:
        assert told(msgspec.structs.replace(scenario, duration="10m")) == set()
