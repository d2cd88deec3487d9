"""An external router: four things fail by themselves, and each leaves other evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from devices import faults
from devices.clock import world as simulated
from devices.faults import Fault
from devices.field_spec import FieldSpec, one_transformer
from devices.modem import Registry
from devices.router_faults import RouterPortCut, RouterPowerCut
from devices.span import Span
from devices.world import World
from tests.concentrator.head_end import CONCENTRATOR, METER, START, Wire

LASTS_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the operator's portal shows an hour after the fault, and the log after its end."""

    registry: Registry
    registered: bool
    silent: bool  # no contact since the fault
    told: tuple[str, ...]  # components in the concentrator's fault log, each once, in order
    running: bool = True  # the concentrator itself, meanwhile


CASES: dict[str, tuple[Callable[[Span], Fault], Seen]] = {
    "power": (
        lambda span: RouterPowerCut(CONCENTRATOR, span),
        Seen(Registry.ACTIVE, False, True, ("router",)),
    ),
    "port": (
        lambda span: RouterPortCut(CONCENTRATOR, span),
        Seen(Registry.ACTIVE, True, False, ("network",)),
    ),
    "modem": (
        lambda span: faults.ModemFails(CONCENTRATOR, span, "modem dead"),
        Seen(Registry.ACTIVE, False, True, ("modem",)),
    ),
    "SIM": (
        lambda span: faults.ModemFails(CONCENTRATOR, span, "sim barred"),
        Seen(Registry.BARRED, False, False, ("sim",)),
    ),
    "the concentrator's own power": (
        lambda span: faults.PowerCut(CONCENTRATOR, span),
        Seen(Registry.ACTIVE, True, False, ("concentrator",), running=False),
    ),
}


def field_with_router() -> tuple[World, Wire]:
    env = simulated(START)
    wire = Wire(env)
    spec = FieldSpec((replace(one_transformer(2), router=True),))
    world = World(env, spec, 1, uplinks=lambda name: wire)
    world.start()
    env.run(until=env.now + 10)
    return world, wire


@pytest.mark.parametrize("make, seen", CASES.values(), ids=CASES)
def test_what_fails_shows(make: Callable[[Span], Fault], seen: Seen) -> None:
    world, wire = field_with_router()
    env, concentrator = world.env, world.concentrators[CONCENTRATOR]
    assert wire.connected
    began = env.now
    faults.run(world, [make(Span(began, began + LASTS_S))])
    env.run(until=began + 2 * 3600)
    assert not concentrator.online.has_session
    assert concentrator.running is seen.running
    view = concentrator.modem.seen_by_carrier(env.now)
    assert (view.registry, view.registered) == (seen.registry, seen.registered)
    assert view.last_contact is not None
    assert (view.last_contact.timestamp() <= began) is seen.silent
    env.run(until=began + LASTS_S + 600)
    assert concentrator.online.has_session
    told = [entry.component for entry in concentrator._faults.since(START - timedelta(days=1))]
    assert tuple(dict.fromkeys(told)) == seen.told


def test_a_dead_port_hides_the_routers_log() -> None:
    """It is read over the same cable."""
    world, _ = field_with_router()
    began = world.env.now
    modem = world.modem(CONCENTRATOR)
    faults.run(
        world,
        [
            RouterPortCut(CONCENTRATOR, Span(began + 600, began + 3600)),
            faults.ModemFails(CONCENTRATOR, Span(began, began + 300), "no network"),
        ],
    )
    world.env.run(until=began + 500)
    assert [entry.component for entry in modem.fault_log()] != []
    world.env.run(until=began + 700)
    assert modem.fault_log() == ()
    world.env.run(until=began + 3700)
    assert [entry.component for entry in modem.fault_log()] != []


def test_two_cuts_of_a_port_overlap() -> None:
    world, _ = field_with_router()
    began = world.env.now
    spans = (Span(began, began + 100), Span(began + 50, began + 200))
    faults.run(world, [RouterPortCut(CONCENTRATOR, span) for span in spans])
    router = world.modem(CONCENTRATOR)
    world.env.run(until=began + 150)
    assert not router.serves and router.online
    world.env.run(until=began + 201)
    assert router.serves


def test_a_meters_own_router() -> None:
    world, _ = field_with_router()
    began = world.env.now
    assert world.line_stands(METER) and world.own_lines.carries(METER)
    faults.run(
        world,
        [
            RouterPowerCut(METER, Span(began, began + 100)),
            RouterPortCut(METER, Span(began + 300, began + 400)),
        ],
    )
    seen = []
    for moment in (50, 110, 200, 350, 450):  # it boots for half a minute
        world.env.run(until=began + moment)
        seen.append((world.line_stands(METER), world.own_lines.carries(METER)))
    assert seen == [(False, True), (False, True), (True, True), (True, False), (True, True)]


def test_a_modem_that_is_built_in_has_no_port() -> None:
    env = simulated(START)
    world = World(env, FieldSpec((one_transformer(1),)), 1, uplinks=lambda name: Wire(env))
    with pytest.raises(TypeError, match="no external router"):
        world.set_port(CONCENTRATOR, False)
    with pytest.raises(KeyError):
        world.modem("77")
