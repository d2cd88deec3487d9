"""Definitions of service levels: ours as the facts have them, and wrong ones with their place."""

from __future__ import annotations

from fractions import Fraction

import pytest

from headend.domain.order import Kind
from headend.domain.service_level import Measure
from headend.service_levels.definition import BadDefinition, length_s, length_text, parsed, read

OURS = {
    # goal: what it measures, and its levels
    "profiles": (Measure.INTERVALS, [("0.98", 86_400), ("0.999", 864_000)]),
    "orders": (Measure.ORDERS, [("0.9", 1800), ("0.99", 3600), ("0.999", 21_600)]),
    "outcomes": (Measure.OUTCOMES, [("1", 600)]),
    "on-demand-reads": (Measure.READS, [("0.95", 30)]),
    "clocks": (Measure.CLOCKS, [("1", 20)]),
    "alarms": (Measure.ALARMS, [("0.95", 60)]),
}


def test_ours_are_our_goals() -> None:
    levels = read()
    assert {
        goal.name: (goal.measures, [(each.share, each.within_s) for each in goal.levels])
        for goal in levels.goals
    } == {
        name: (measures, [(Fraction(share), within_s) for share, within_s in wanted])
        for name, (measures, wanted) in OURS.items()
    }
    kinds = {Kind.SET_LIMIT, Kind.REMOVE_LIMIT, Kind.CONNECT, Kind.DISCONNECT}
    assert set(next(each for each in levels.goals if each.name == "orders").kinds) == kinds
    assert levels.silent_s == 60 * 86_400


def goal(**changes: str) -> str:
    told = {
        "name": '"p"', "measures": '"alarms"', "levels": '[{ share = 0.9, within = "60s" }]',
    } | changes  # fmt: skip
    return "[[goal]]\n" + "\n".join(f"{key} = {value}" for key, value in told.items())


WRONG = {
    # text: a part of what is told
    "": "missing required field `goal`",
    "goal = []": "there is no goal",
    "[[goal]": "this is no TOML",
    goal(colour='"red"'): "unknown field `colour`",
    goal(measures='"luck"'): "Invalid enum value 'luck' - at `$.goal[0].measures`",
    goal(name='"A goal"'): "a name has small letters",
    goal(levels="[]"): "it has no levels",
    goal(levels='[{ share = 0, within = "60s" }]'): "a share is above 0 and at most 1, not 0",
    goal(levels='[{ share = 98.0, within = "60s" }]'): "at most 1, not 98.0",
    goal(levels="[{ share = nan, within = '60s' }]"): "at most 1, not nan",
    goal(levels='[{ share = 0.9, within = "1 week" }]'): "takes a length of time like 30s",
    goal(levels='[{ share = 0.9, within = "0s" }]'): "not '0s'",
    goal(levels='[{ share = 0.9, within = "401d" }]'): "up to 400d",
    goal(levels='[{ share = 0.9, within = "2h" }, { share = 0.99, within = "1h" }]'): "by time",
    goal(levels='[{ share = 0.9, within = "1h" }, { share = 0.8, within = "2h" }]'): "no smaller",
    goal(kinds='["read"]'): "alarms have no kinds",
    goal(profile='"1.0.99.1.0.255"'): "alarms have no profile",
    goal(measures='"orders"', kinds="[]"): "kinds names no kind of order",
    goal(measures='"orders"', kinds='["dance"]'): "Invalid enum value 'dance'",
    goal(measures='"intervals"', profile='"load"'): "goal 'p': profile: not a logical name",
    goal() + "\n" + goal(): "two goals are called 'p'",
    'silent = "soon"\n' + goal(): "silent takes a length of time",
}


@pytest.mark.parametrize("text, told", WRONG.items(), ids=[f"{n}" for n in range(len(WRONG))])
def test_what_cannot_be_measured_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        parsed(text.encode())
    assert told in str(refused.value)


def test_octets_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadDefinition, match="no text in UTF-8"):
        parsed(b"\xff")


@pytest.mark.parametrize(
    "text, seconds, shown",
    [
        ("30s", 30, "30 s"),
        ("30min", 1800, "30 min"),
        ("24h", 86_400, "24 h"),
        ("1d", 86_400, "24 h"),
        ("10d", 864_000, "10 d"),
        ("90min", 5400, "90 min"),
        ("60s", 60, "1 min"),
    ],
)
def test_lengths_of_time(text: str, seconds: int, shown: str) -> None:
    assert length_s(text, "within") == seconds
    assert length_text(seconds) == shown
