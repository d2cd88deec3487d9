"""Raising a share never heals a device: whatever the kind of fault and the seed, each device that a
smaller share hit is hit by a greater one in the same way and at the same times."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.aim import aimed
from scenarios.engine import run
from scenarios.fault_spec import FaultSpec, where
from scenarios.schema import Scenario, parse

KINDS = sorted(
    kind
    for kind in get_args(get_type_hints(FaultSpec)["kind"])
    if where(kind) not in ("surroundings", "cell") and kind != "line-cut"  # see below
)
KEYS = {
    "meter-clock": "step_s = 60",
    "clock": "step_s = 60",
    "meter-phase-loss": "phase = 1",
    "meter-dirty": 'dirt = "push-twice"',
    "noise": "snr_change_db = -9.0",
    "jamming": "power_dbm = -20.0",
}
FIELD = """
about = "A share of a field."
start = 2026-07-06T10:00:00
duration = "30m"
[field]
meters = 24
concentrators = 6
router = "external"
radio = "868-50k"
outages = "none"
grid = false
[expect]
orders = 0
"""


def hit(kind: str, share: float, seed: int, target: str = "all") -> dict[str, tuple[object, ...]]:
    """Which devices are hit, and how."""
    return {
        each.target: (each.kind, each.at, each.until, each.code, each.share, each.snr_change_db)
        for each in aimed(story(kind, share, target), seed).fault
    }


def story(kind: str, share: float, target: str = "all") -> Scenario:
    fault = f'[[fault]]\nkind = "{kind}"\ntarget = "{target}"\nshare_of = {share}\nat = "2m"\n'
    direct = '[[meter]]\nname = "90000001"\ndirect = true\n' if kind == "line-cut" else ""
    until = 'until = "20m"\n'
    return parse(f"{FIELD}{direct}{fault}{until}{KEYS.get(kind, '')}\n")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1 << 40))
def test_a_greater_share_hits_the_same_and_more(
    kind: str, one: float, other: float, seed: int
) -> None:
    less, more = sorted((one, other))
    few, many = hit(kind, less, seed), hit(kind, more, seed)
    assert few.items() <= many.items()


def test_a_line_and_a_cell() -> None:
    """A share of the direct meters, and of the concentrators of a cell."""
    for kind, target in (("line-cut", "90000001"), ("cell-outage", "CELL-001")):
        for seed in range(40):
            shares = [hit(kind, share, seed, target) for share in (0.0, 0.2, 0.5, 0.8, 1.0)]
            for few, many in zip(shares, shares[1:], strict=False):
                assert few.items() <= many.items()
            assert shares[0] == {} and len(shares[-1]) >= 1


@pytest.mark.parametrize("kind", ["meter-silent", "meter-unreachable", "modem", "router-power-cut"])
def test_in_the_field_too(kind: str) -> None:
    """What was broken in the world under the smaller share is broken under the greater, then."""
    few, many = (
        {
            (line["at"], line["kind"], line["fault"], line["target"])
            for line in run(story(kind, share), seed=1).world.log.of_kind("fault", "fault-over")
        }
        for share in (0.5, 1.0)
    )
    assert few and few < many
