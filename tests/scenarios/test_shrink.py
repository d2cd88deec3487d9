"""The smallest story that still fails, and in the way of the first one."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from scenarios.sameness import failing, same
from scenarios.schema import parse
from scenarios.shrink import DoesNotFail, shrink
from scenarios.summary import Finding, Orders, Summary, played
from scenarios.toml_text import written
from tests.scenarios.shared import THREE_ORDERS

FAILING = f"""{THREE_ORDERS}failed = {{}}
replies = 3
[[fault]]
kind = "clock"
target = "C-001"
at = "5m"
step_s = 300
[[meter]]
name = "90000001"
contracted_w = "9000"
"""


def test_shrinks_to_the_one_order_that_fails() -> None:
    heard: list[int] = []
    shrunk = shrink(FAILING, tried=lambda number, _: heard.append(number))
    assert shrunk.complete
    assert shrunk.failing.name == "failed"
    values = tomllib.loads(shrunk.text)
    (order,) = values["order"]
    assert order["meter"] == "90000003" and order["amount"] == "3300.5"
    assert {"fault", "meter"}.isdisjoint(values)
    assert values["expect"] == {"failed": {}}
    assert values["field"]["meters"] == 3
    assert heard == [*range(1, shrunk.tries + 1)]
    (missed,) = played("again", parse(shrunk.text)).failures
    assert missed.name == "failed"


def test_one_that_does_not_fail_is_refused() -> None:
    with pytest.raises(DoesNotFail):
        shrink(f"{THREE_ORDERS}orders = 3\n")


def test_the_tries_run_out() -> None:
    shrunk = shrink(FAILING, tries_max=2)
    assert (shrunk.tries, shrunk.complete) == (2, False)
    assert shrink(FAILING, tries_max=2).text == shrunk.text
    assert played("again", parse(shrunk.text)).failures


NINE = Orders(9, 9, {}, 0)
LATE = Orders(3, 2, {"expired": 1}, 0)


def summary(*findings: Finding, orders: Orders = NINE) -> Summary:
    return Summary("s", 1, "", orders, findings, 1.0, 1.0)


def missed(name: str, value: Any, expected: Any, orders: Orders = NINE) -> Summary:
    return summary(Finding(name, False, value, expected, False), orders=orders)


BROKEN = summary(Finding("nothing was done twice", False, ["order 1"], None, True))
SAME = {
    # name: (first, now, what is expected then)
    "one order less": (missed("done", 4, 5), missed("done", 3, 5), {"done": 4}),
    "none is missing any more": (missed("done", 4, 5), missed("done", 5, 5), None),
    "another reason": (
        missed("failed", {"sim-fault": 1}, {}),
        missed("failed", {"modem-fault": 1}, {}),
        None,
    ),
    "a reason less": (
        missed("failed", {"sim-fault": 1, "expired": 2}, {"expired": 2}),
        missed("failed", {"sim-fault": 1}, {"expired": 2}),
        {"failed": {}},
    ),
    "another limit": (
        missed("limit", {"1": "none"}, {"1": "3300"}),
        missed("limit", {"1": "900"}, {"1": "3300"}),
        None,
    ),
    "orders that end alike": (
        missed("done", 2, 3, LATE),
        missed("done", 0, 3, Orders(1, 0, {"expired": 1}, 0)),
        {"done": 1},
    ),
    "more would have to be done than there are": (
        missed("done", 2, 3, LATE),
        missed("done", 0, 3, Orders(0, 0, {}, 0)),
        None,
    ),
    "over before its orders are": (
        missed("done", 2, 3, LATE),
        missed("done", 0, 3, Orders(1, 0, {}, 1)),
        None,
    ),
    "an invariant outweighs": (BROKEN, BROKEN, {}),
    "another invariant": (BROKEN, missed("done", 1, 2), None),
    "fine": (missed("done", 1, 2), summary(), None),
}


@pytest.mark.parametrize("first, now, expect", SAME.values(), ids=SAME)
def test_the_same_way(first: Summary, now: Summary, expect: dict[str, Any] | None) -> None:
    assert same(failing(first), failing(now)) == expect


def test_an_error_is_the_same_error() -> None:
    assert same(failing("KeyError"), failing("KeyError")) == {}
    assert same(failing("KeyError"), failing("ValueError")) is None


def test_written_and_read_again() -> None:
    text = FAILING.replace("[[fault]]", "[head_end.orders]\ntries_max = 3\n[[fault]]", 1)
    values = tomllib.loads(text)
    values["about"] = 'A "quote", a \\ and a\nline; ñ \x01.'
    assert tomllib.loads(written(values)) == values
    with pytest.raises(TypeError):
        written({"about": None})


TOLD_AS_ASKED = {
    # what cannot be had, as a file asks for it: more than there are orders, a time of none done
    "more orders than there are": "done = 5",
    "a duration": 'done_within = "5s"',
    "a duration by kind": 'done_within_by_kind = { connect = "5s" }',
}


@pytest.mark.parametrize("asked", TOLD_AS_ASKED.values(), ids=TOLD_AS_ASKED)
def test_what_is_written_can_be_played_and_still_fails(asked: str) -> None:
    text = (
        'about = "x"\nstart = 2026-07-06T10:00:00\nduration = "20m"\n[field]\nmeters = 1\n'
        '[[fault]]\nkind = "meter-silent"\ntarget = "90000001"\n'
        '[[order]]\nat = "1m"\nmeter = "90000001"\nkind = "connect"\n[expect]\n'
    )
    small = shrink(text + asked)
    assert played("small", parse(small.text)).failures
