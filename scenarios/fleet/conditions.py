"""Under which conditions a fleet is collected: modules, memory, coverage, and what breaks.

Meters come and go as they usually do, sites and cells of the mobile network lose coverage as they
usually do, and besides a share of the concentrators has one fault of some length.  All of it is the
field's own (`devices.outages`, `devices.cellular`, `devices.faults`), drawn for each device by
itself: a greater share hits the same concentrators and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devices import cellular, faults, outages
from devices.chance import octets
from devices.concentrator.memory import OCTETS_MAX
from devices.faults import Fault, Loss, ModemFails, NetworkSilent, Noise, PowerCut, Reboot
from devices.span import Span
from devices.world import World
from scenarios.fleet.city import City

CELL_SIZE = 4
"""Concentrators in a cell of the mobile network, as in scenarios (assumption)."""

WITHIN_S = 6 * 3600
"""Faults begin so long after a midnight at most: while a day is collected."""

SHARE_LOST = 0.5  # of frames, by the fault of packet loss
NOISE_CDB = -1_000

_ONE = 1 << 32


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the field is built, and what happens in it.  Raises ValueError for a share that is none
    and for a fault without length."""

    radio: str | None = "868-50k"  # of `protocols.rf.physical.MODES`; None: no radio modules
    memory_octets: int = OCTETS_MAX  # of a concentrator, for what it collected
    fault_share: float = 0.0  # of concentrators, each day
    fault_s: float = 4 * 3600.0

    def __post_init__(self) -> None:
        if not 0 <= self.fault_share <= 1:
            raise ValueError(f"a share of {self.fault_share}")
        if self.fault_s <= 0:
            raise ValueError(f"faults of {self.fault_s} s")
        if self.memory_octets < 1:
            raise ValueError(f"a memory of {self.memory_octets} octets")


USUAL = Conditions()
"""No faults but those that the field always has."""


def let_happen(world: World, city: City, number: int, conditions: Conditions, days: int) -> None:
    """Have it all happen to one concentrator's meters, and to itself, from now on."""
    name = city.concentrator_name(number)
    outages.run(world, world.meter_names)
    cellular.run(world, [(f"CELL-{number // CELL_SIZE + 1:03d}", (name,))])
    faults.run(world, troubles(city.seed, name, conditions, world.env.now, days))


def troubles(
    seed: int, concentrator: str, conditions: Conditions, midnight: float, days: int
) -> Iterator[Fault]:
    """The faults of a concentrator, one a day at most, from this midnight on."""
    for day in range(days):
        draw = octets(seed, "trouble", concentrator, day, count=12)
        hit, kind, moment = (int.from_bytes(draw[at : at + 4], "big") for at in (0, 4, 8))
        if hit < round(conditions.fault_share * _ONE):
            start = midnight + day * 86_400 + moment % WITHIN_S
            span = Span(start, start + conditions.fault_s)
            yield _fault(kind % _KINDS, concentrator, span)


_KINDS = 8


def _fault(kind: int, name: str, span: Span) -> Fault:
    every: tuple[Fault, ...] = (
        PowerCut(name, span),
        Reboot(name, Span(span.start)),
        NetworkSilent(name, span),
        ModemFails(name, span, "modem dead"),
        ModemFails(name, span, "sim broken"),
        ModemFails(name, span, "apn authentication"),
        Noise(name, span, snr_change_cdb=NOISE_CDB),
        Loss(name, span, share=SHARE_LOST),
    )
    assert len(every) == _KINDS
    return every[kind]
