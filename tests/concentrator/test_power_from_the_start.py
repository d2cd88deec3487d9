"""A concentrator without power, or booting, as the world begins: it works once it has booted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices import faults
from devices.clock import world as simulated
from devices.faults import Span
from devices.field_spec import FieldSpec
from devices.world import World
from scenarios.engine import run
from scenarios.expectations import checks
from scenarios.schema import parse
from tests.concentrator.head_end import CONCENTRATOR, START, Wire, one_transformer

CUT_S = 300.0
FROM_THE_START: dict[str, Callable[[Span], list[faults.Fault]]] = {
    "power cut": lambda span: [faults.PowerCut(CONCENTRATOR, span)],
    "two power cuts, the first one shorter": lambda span: [
        faults.PowerCut(CONCENTRATOR, Span(span.start, span.start + 100)),
        faults.PowerCut(CONCENTRATOR, span),
    ],
    "reboot": lambda span: [faults.Reboot(CONCENTRATOR, span)],
    "reboot without power": lambda span: [
        faults.PowerCut(CONCENTRATOR, span),
        faults.Reboot(CONCENTRATOR, Span(span.start, None)),
    ],
}


@pytest.mark.parametrize("make", FROM_THE_START.values(), ids=FROM_THE_START)
def test_it_boots_once_and_not_before(make: Callable[[Span], list[faults.Fault]]) -> None:
    env = simulated(START)
    field = World(env, FieldSpec((one_transformer(3),)), 1, uplinks=lambda name: Wire(env))
    began = env.now
    faults.run(field, make(Span(began, began + CUT_S)))
    env.run(until=began + 1e-6)  # the faults have begun
    field.start()
    device = field.concentrators[CONCENTRATOR]
    assert not device.running
    env.run(until=began + CUT_S - 1)
    assert not device.running
    env.run(until=began + CUT_S + 3600)
    boots = [line["at"] / 1e6 for line in field.log.of_kind("concentrator-boot")]
    assert device.running and len(boots) == 1 and boots[0] >= began + CUT_S


STORY = """
about = "A concentrator gets its power a quarter of an hour after all the others."
start = 2026-07-06T10:00:00
duration = "3h"

[field]
meters = 6
concentrators = 2
outages = "none"
grid = false

[[task]]
name = "load-profile"
objects = ["load-profile"]
every = "15min"
spread_s = 60

[[fault]]
kind = "power-cut"
target = "C-001"
at = "0s"
until = "15m"

[expect]
completeness = { 2h = 1.0 }
completeness_lag = "75m"
blocks_lost_max = 0
"""


def test_it_collects_as_the_others_do() -> None:
    """One collector runs: two would take the same blocks out of one memory."""
    told = run(parse(STORY))
    assert [check.name for check in checks(told) if not check.ok] == []
    boots = [line["concentrator"] for line in told.world.log.of_kind("concentrator-boot")]
    assert sorted(boots) == ["C-001", "C-002"]
