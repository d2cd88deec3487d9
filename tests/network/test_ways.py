"""A meter with two modules: the better way first, the other when it fails, each with its faults."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices import faults
from devices.clock import world as simulated
from devices.faults import Fault
from devices.field_spec import FieldSpec, one_transformer
from devices.span import Span
from devices.world import World
from protocols.concentrator.messages import LinkChanged, Status
from tests.concentrator.head_end import CONCENTRATOR, METER, START, Stage, Wire


def two_ways(mode: str = "169-4.8k") -> Stage:
    """A stage whose meters have both modules."""
    return Stage(radio=mode)


def links(stage: Stage) -> list[tuple[str, str]]:
    """Each message that was carried to or from the meter: which way, by what."""
    return [
        (line["way"], line["link"])
        for line in stage.world.log.of_kind("transfer")
        if line["meter"] == METER
    ]


def after(stage: Stage, *broken: Fault) -> Stage:
    faults.run(stage.world, broken)
    stage.run(2)
    stage.send(stage.execute())
    stage.run(280)
    return stage


ALWAYS = Span()
FIRST: dict[str, tuple[str, str]] = {
    # mode: which way goes first.  64 octets take some 35 ms on the line, 127 and 12 by radio.
    "169-4.8k": ("169-4.8k", "plc"),
    "868-50k": ("868-50k", "rf"),
}


@pytest.mark.parametrize("mode, expected", FIRST.values(), ids=FIRST)
def test_the_quicker_way_goes_first(mode: str, expected: str) -> None:
    stage = after(two_ways(mode))
    assert {by for _, by in links(stage)} == {expected}
    (result,) = stage.head_end.results()
    assert result.status is Status.DONE
    assert {frame.link for frame in result.frames} == {expected}


FALLBACKS: dict[str, tuple[Callable[[], Fault], str, set[str]]] = {
    # name: (fault, mode, by which bearers it was tried)
    "the line's module is off": (
        lambda: faults.ModuleOff(METER, ALWAYS, bearer="plc"), "169-4.8k", {"plc", "rf"},
    ),
    "noise on the line": (
        lambda: faults.Noise(METER, ALWAYS, -9000), "169-4.8k", {"plc", "rf"},
    ),
    "frames get lost on the line": (
        lambda: faults.Loss(METER, ALWAYS, 1.0, bearer="plc"), "169-4.8k", {"plc", "rf"},
    ),
    "the radio's module is off": (
        lambda: faults.ModuleOff(METER, ALWAYS, bearer="rf"), "868-50k", {"rf", "plc"},
    ),
    "a jammer": (lambda: faults.Jammed(METER, ALWAYS, -1000), "868-50k", {"rf", "plc"}),
    "a fault of the way that nobody takes": (
        lambda: faults.ModuleOff(METER, ALWAYS, bearer="rf"), "169-4.8k", {"plc"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault, mode, tried", FALLBACKS.values(), ids=FALLBACKS)
def test_one_module_fails_and_the_other_carries(
    fault: Callable[[], Fault], mode: str, tried: set[str]
) -> None:
    stage = after(two_ways(mode), fault())
    (result,) = stage.head_end.results()
    assert result.status is Status.DONE and result.link is not None and result.link.registered
    assert {by for _, by in links(stage)} == tried
    assert len(stage.deeds("limit-written")) == 1


def test_both_fail_and_the_meter_is_unreachable() -> None:
    stage = two_ways()
    faults.run(stage.world, [faults.ModuleOff(METER, ALWAYS)])
    stage.run(300)
    stage.send(stage.execute())
    stage.run(60)
    (result,) = stage.head_end.results()
    assert result.status is Status.UNREACHABLE
    assert [frame.fate for frame in result.frames] == ["no-route"]
    told = [each.link for each in stage.head_end.of(LinkChanged)]
    # Four keep-alives of each network; while the other lasts, the meter holds a place.
    assert sorted(str(each.link) for each in told) == ["plc", "rf"]
    assert [each.registered for each in told] == [True, False]


def test_a_way_that_failed_comes_last_until_its_module_is_heard() -> None:
    stage = after(two_ways(), faults.Noise(METER, Span(None, START.timestamp() + 100), -9000))
    assert ("down", "rf") in links(stage)
    before = len(links(stage))
    stage.send(stage.execute(order="2"))
    stage.run(60)
    assert {by for _, by in links(stage)[before:]} == {"plc"}


def test_a_meter_without_radio_has_one_way() -> None:
    env = simulated(START)
    world = World(env, FieldSpec((one_transformer(1),)), 1, uplinks=lambda name: Wire(env))
    assert world.networks[CONCENTRATOR].radio is None
    assert [way.network.bearer for way in world.entry(METER).leg.ways] == ["plc"]
    assert world.links_of(METER, "rf") == () and world.entry(METER).leg.radio is None
