"""How coverage comes and goes: a good site, a poor one, a whole cell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import pytest

from devices import cellular
from devices.clock import world as simulated
from devices.field_spec import FieldSpec, transformers
from devices.span import Span
from devices.world import World
from tests.concentrator.head_end import START, Wire

YEARS_S = 20 * 365 * 86_400.0
SITES = [f"C-{number:03d}" for number in range(1, 401)]


def until(spans: Iterator[Span], end: float) -> list[Span]:
    return [*takewhile(lambda span: (span.start or 0.0) < end, spans)]


def lengths(spans: list[Span]) -> list[float]:
    return sorted((span.end or 0.0) - (span.start or 0.0) for span in spans)


def test_a_fifth_of_the_sites_is_poor() -> None:
    """Four standard deviations of 400 draws."""
    poor = sum(cellular.is_poor(7, site) for site in SITES)
    assert abs(poor - 80) < 4 * (400 * 0.2 * 0.8) ** 0.5


def test_a_poor_site_is_away_twice_a_day_for_ten_to_twenty_minutes() -> None:
    site = next(site for site in SITES if cellular.is_poor(7, site))
    spans = until(cellular.site_outages(7, site, 0.0), YEARS_S)
    assert YEARS_S / len(spans) == pytest.approx(12 * 3600 + 900, rel=4 / len(spans) ** 0.5)
    took = lengths(spans)
    assert 600 <= took[0] and took[-1] <= 1200
    assert sum(took) / len(took) == pytest.approx(900, rel=0.02)


def test_a_good_site_is_away_for_half_a_minute_every_other_day() -> None:
    site = next(site for site in SITES if not cellular.is_poor(7, site))
    spans = until(cellular.site_outages(7, site, 0.0), YEARS_S)
    assert YEARS_S / len(spans) == pytest.approx(48 * 3600, rel=4 / len(spans) ** 0.5)
    assert lengths(spans)[len(spans) // 2] == pytest.approx(30, abs=2)


def test_more_than_a_fifth_of_the_sites_are_away_ten_minutes_a_day() -> None:
    """As NorNet saw of stationary connections; here that is the poor ones."""
    day_s = 86_400.0
    away = 0
    for site in SITES:
        spans = until(cellular.site_outages(7, site, 0.0), 30 * day_s)
        away += sum(lengths(spans)) > 30 * 600
    assert 0.15 < away / len(SITES) < 0.3


def test_spans_follow_each_other_and_depend_on_their_names_alone() -> None:
    spans = until(cellular.site_outages(7, "C-001", 1000.0), YEARS_S / 20)
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges) and edges[0] > 1000.0
    assert until(cellular.site_outages(7, "C-001", 1000.0), YEARS_S / 20) == spans
    assert until(cellular.site_outages(8, "C-001", 1000.0), YEARS_S / 20) != spans


def test_a_cell_takes_all_of_its_sites_and_no_other() -> None:
    env = simulated(START)
    spec = FieldSpec(transformers(meters=4, concentrators=4))

    def first_dark(seed: int) -> float:
        return next(cellular.cell_outages(seed, "CELL-001", env.now)).start or 0.0

    seed = min(range(300), key=first_dark)  # so that there is little to wait for
    field = World(env, spec, seed, uplinks=lambda name: Wire(env))
    field.start()
    cells = (("CELL-001", ("C-001", "C-002")), ("CELL-002", ("C-003", "C-004")))
    began = env.now
    dark = next(cellular.cell_outages(seed, "CELL-001", began))
    cellular.run(field, cells)
    assert dark.start is not None
    env.run(until=dark.start - 1)
    env.run(until=dark.start + 0.5)
    told = {
        line["concentrator"]
        for line in field.log.of_kind("modem")
        if line["at"] == round(dark.start * 1e6) and line["before"] == "ONLINE"
    }
    assert told == {"C-001", "C-002"}
