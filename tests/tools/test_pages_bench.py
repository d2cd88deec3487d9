"""The benchmark of pages: they answer, and tell the same as what is computed from rows."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

from headend.web.consulta.standing import Shown
from tools.bench.pages_division import NEWEST, Division, hours_of, rolls_of

bench = importlib.import_module("tools.bench.pages")  # the package has a command so named


@pytest.fixture(scope="module")
def told() -> dict:
    """Of two substations, one of them with a single feeder."""
    return bench.compare(feeders=9, meters=60, rounds=2).as_dict()


def test_all_pages_answer_with_the_numbers_of_the_rows(told) -> None:
    pages = {each["page"]: each for each in told["pages"]}
    assert len(pages) == 11 and all(each["octets"] > 1000 for each in pages.values())
    with_figures = {name: each for name, each in pages.items() if each["figures"]}
    assert [each["alike"] for each in with_figures.values()] == [True] * 8
    assert pages["meters"]["alike"] is None and pages["meters"]["ratio"] is None
    # A figure of each feeder for each window: 14 months and the newest 48 h.
    assert pages["dashboard"]["figures"] == 9 * 15
    assert pages["dashboard of a substation"]["figures"] == 8 * 15
    assert pages["unbalance"]["figures"] == 8 * 2
    assert pages["unbalance of all"]["figures"] == 9 * 2
    assert pages["circuit, a week"]["figures"] == 2


def test_times_are_told_beside_their_aims(told) -> None:
    assert (told["feeders"], told["meters"], told["hours"]) == (9, 60, 9 * 41 * 24)
    dashboard = next(each for each in told["pages"] if each["page"] == "dashboard")
    assert dashboard["aim_ms"] == 100 and 0 < dashboard["p50_ms"] <= dashboard["p95_ms"]
    assert 0 < dashboard["cpu_p50_ms"] <= dashboard["cpu_p95_ms"]
    assert dashboard["ratio"] == pytest.approx(dashboard["raw_ms"] / dashboard["p50_ms"], rel=0.1)


def test_other_numbers_are_found() -> None:
    took = bench.Took("dashboard", "/dashboard", 1, 1.0, 2.0, 1.0, 2.0, 100.0, 3, 10.0, True)
    run = bench.Run(Division(1, 1), 1, 1, 1.0, [took])
    other = dataclasses.replace(took, alike=False)
    assert run.alike and not dataclasses.replace(run, pages=[took, other]).alike


def test_windows_of_rows_are_those_of_the_task() -> None:
    division = Division(1, 0)
    days = [*hours_of(division, 0)]
    hours = [hour for day in days for hour in day]
    back = {Shown.MONTH: 2, Shown.HOURS_48: 1}
    made = bench.windows(hours, division.volts(0), back)
    kept = {(it.span, it.day): it for it in rolls_of(days, division.volts(0))}
    assert len(made) == 5
    for each in made:
        same = kept[each.span, each.day]
        newest = each.day == NEWEST  # whose P95 alone pages show
        assert (each.rollup, each.p95) == (same.rollup, same.p95 if newest else bench.NOT_SHOWN)
