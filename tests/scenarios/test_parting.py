"""Where runs part, and what varied values come to."""

from __future__ import annotations

import tomllib

import lxml.html
import pytest

from scenarios.engine import run
from scenarios.parting import part
from scenarios.report.curves import page
from scenarios.report.words import Language
from scenarios.schema import BadScenario
from scenarios.whatif import (
    Measure,
    Outcome,
    Thing,
    Variant,
    curve,
    explore,
    place_of,
    variants,
    varied,
)
from tests.scenarios.shared import THREE_ORDERS, three_orders

A = b'{"at":1,"kind":"fault","target":"C-001"}'
B = b'{"at":2,"kind":"journal","order":1,"state":"done","cause":"read back"}'
C = b'{"at":2,"kind":"journal","order":1,"state":"failed","cause":"no answer"}'
PARTINGS = {
    # name: (left, right, line, outcomes)
    "the same": ([A, B], [A, B], None, {}),
    "an order ends otherwise": (
        [A, B],
        [A, C],
        2,
        {1: ("done: read back", "failed: no answer")},
    ),
    "one ends early": ([A, B], [A], 2, {1: ("done: read back", "none")}),
    "nothing in common": ([B], [A], 1, {1: ("done: read back", "none")}),
}


@pytest.mark.parametrize("left, right, line, outcomes", PARTINGS.values(), ids=PARTINGS)
def test_parting(
    left: list[bytes], right: list[bytes], line: int | None, outcomes: dict[int, tuple[str, str]]
) -> None:
    parting = part(left, right)
    assert parting.line == line
    assert parting.same is (line is None)
    assert parting.outcomes == outcomes


def test_one_seed_does_not_part_and_two_do() -> None:
    one = run(three_orders(), seed=1).world.log.lines
    assert part(one, run(three_orders(), seed=1).world.log.lines).same
    other = part(one, run(three_orders(), seed=2).world.log.lines)
    assert not other.same and other.left != other.right


def test_places() -> None:
    assert place_of("retries") == place_of("tries_max") == "head_end.orders.tries_max"
    assert place_of("fault.0.share_of") == "fault.0.share_of"
    with pytest.raises(BadScenario, match="no setting"):
        place_of("retriez")


def test_variants_are_every_combination() -> None:
    found = variants([("retries", [1, 2]), ("field.meters", [4, 5])])
    assert [each.name for each in found] == [
        "tries_max = 1, meters = 4",
        "tries_max = 1, meters = 5",
        "tries_max = 2, meters = 4",
        "tries_max = 2, meters = 5",
    ]
    values = varied(tomllib.loads(THREE_ORDERS), found[1])
    assert values["field"]["meters"] == 5
    assert values["head_end"]["orders"]["tries_max"] == 1
    with pytest.raises(BadScenario, match="there is no 7"):
        varied(tomllib.loads(THREE_ORDERS), Variant((("order.7.amount", "1"),)))


def test_a_curve_in_numbers() -> None:
    """Twenty seeds, of which one has half of its orders done, the others all by 60 s."""
    done = Thing(0.0, 30.0)
    slow, never = Outcome(2, (done, Thing(0.0, 60.0))), Outcome(1, (done, Thing(0.0, None)))
    outcomes = [never, *[slow] * 19]
    found = curve(Variant(()), outcomes, 60.0, 120.0, 0.98)
    assert found.by == (1.0, 1.0, 1.0)
    assert found.reached == 0.95
    assert found.points[0] == (0.0, 0.0, 0.0, 0.0)
    assert found.points[-1] == (120.0, 1.0, 1.0, 1.0)
    early = curve(Variant(()), outcomes, 30.0, 120.0, 0.98)
    assert early.by == (0.5, 0.5, 0.5) and early.reached == 0.0


def test_what_is_not_due_yet_is_not_missed() -> None:
    outcome = Outcome(1, (Thing(100.0, 150.0), Thing(200.0, None)))
    assert [outcome.share_by(at) for at in (50.0, 120.0, 150.0, 200.0)] == [1.0, 0.0, 1.0, 0.5]


def test_profiles_come_later_where_they_are_fetched_less_often() -> None:
    text = """
about = "Two meters are read."
start = 2026-07-06T00:00:00
duration = "7h"
[field]
meters = 2
outages = "none"
[[task]]
name = "load-profile"
objects = ["load-profile"]
every = "30min"
[expect]
completeness_lag = "0s"
"""
    wanted = variants([("task.0.every", ["30min", "6h"])])
    often, seldom = explore(
        tomllib.loads(text), wanted, [1], by_s=6.8 * 3600, measure=Measure.PROFILES
    )
    assert 0 < seldom.by[1] < often.by[1] <= 1


def test_a_page_of_curves() -> None:
    one = curve(Variant((("a", 1),)), [Outcome(1, (Thing(0.0, 30.0),))], 60.0, 120.0, 0.98)
    written = page("a-story", three_orders(), [one], Measure.ORDERS, language=Language.ES)
    document = lxml.html.document_fromstring(written)
    (shown,) = (main for main in document.xpath("//main") if main.get("hidden") is None)
    assert shown.get("lang") == "es"
    assert shown.xpath(".//tbody/tr/td/text()") == ["a = 1", "100.0%", "100.0%", "100.0%", "100%"]


def test_explored_runs() -> None:
    """The third order cannot be done whatever is tried: two thirds are."""
    wanted = variants([("retries", [1, 2])])
    curves = explore(tomllib.loads(THREE_ORDERS), wanted, range(1, 3))
    assert [each.runs for each in curves] == [2, 2]
    assert all(each.by[1] == pytest.approx(2 / 3) for each in curves)
    assert all(each.points[0][1] == 0.0 for each in curves)
