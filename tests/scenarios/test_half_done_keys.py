"""A change of keys through a gateway that is cut at any moment, by anything, is taken up again: the
head-end never loses a meter, and orders go on under the new keys."""

from __future__ import annotations

import pytest

from scenarios.engine import run
from scenarios.expectations import checks
from scenarios.key_changes import CHANGED, UNDER_WAY
from scenarios.schema import BadScenario, parse

METER = "90000001"
STORY = """
about = "New keys for a meter behind a gateway."
seed = 12
start = 2026-07-06T10:00:00
duration = "{duration}"
[field]
meters = 1
grid = false
mode = "gateway"
outages = "none"
[[rekey]]
at = "5m"
meter = "90000001"
"""
AFTERWARDS = """
[[order]]
at = "20m"
meter = "90000001"
kind = "set-limit"
amount = "3300"
[expect]
done = 2
keys = { 90000001 = "changed" }
"""
CUTS = {
    "the head-end dies": '[[event]]\nat = "{at}"\ndo = "crash-head-end"\ndown = "30s"\n',
    "the concentrator restarts": '[[fault]]\nkind = "reboot"\ntarget = "C-001"\nat = "{at}"\n',
    "the network is silent": (
        '[[fault]]\nkind = "silence"\ntarget = "C-001"\nat = "{at}"\nuntil = "9m"\n'
    ),
    "the meter is out of reach": (
        '[[fault]]\nkind = "meter-unreachable"\ntarget = "90000001"\nat = "{at}"\nuntil = "9m"\n'
    ),
}
MOMENTS_S = [round(0.25 * number, 2) for number in range(1, 18)]
OFTEN = (0.75, 1.75, 2.0, 3.25)  # the others in the long proofs


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    "after_s",
    [each if each in OFTEN else pytest.param(each, marks=pytest.mark.prove) for each in MOMENTS_S],
)
def test_a_cut_change_is_taken_up_again(cut: str, after_s: float) -> None:
    at = f"5m{after_s}s"
    story = run(parse(STORY.format(duration="30m") + CUTS[cut].format(at=at) + AFTERWARDS))
    assert [check for check in checks(story) if not check.ok] == []
    assert story.keys == {METER: CHANGED}


def standing(after_s: float) -> str:
    """How the change stands so long after it was ordered, where nothing cuts it."""
    text = STORY.format(duration=f"5m{after_s}s") + "[expect]\norders = 1\n"
    return run(parse(text)).keys[METER]


def test_the_cuts_come_before_amidst_and_after() -> None:
    """Most of them amidst: a client of its own for reading is given new keys after the first."""
    assert [standing(each) for each in (1.0, 3.0, 6.0)] == [UNDER_WAY, UNDER_WAY, CHANGED]


def test_a_change_after_the_end_is_none() -> None:
    with pytest.raises(BadScenario, match="comes when the story is over"):
        parse(STORY.format(duration="5m") + "[expect]\norders = 0\n")
