"""Whether a transformer's energy is that of its customers and of what its cables lose."""

from __future__ import annotations

from collections.abc import Iterator

from devices.field_spec import TransformerSpec
from devices.meter.clients import MANAGEMENT
from devices.meter.cosem import Context
from devices.meter.device import Meter
from devices.meter.metering import W_MS_PER_WH
from devices.meter.objects import table
from devices.meter.services import ITSELF
from devices.world import World
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import DoubleLongUnsigned

IMPORTED = LogicalName("1.0.1.8.0.255")
EXPORTED = LogicalName("1.0.2.8.0.255")


ROUNDING_SHARE = 1e-5
"""Of the energy: powers at the head are whole watts."""


def unclosed(world: World, begin: float, end: float) -> Iterator[str]:
    """Transformers whose registers differ by more than rounding explains, between two moments.

    Each register may be out by its own step at either moment.  Only where a head meter was read in
    the run: a feeder whose totals nobody looked at is not solved for this alone.
    """
    if world.grid is None:
        return
    for transformer in world.spec.transformers:
        feeder = world.grid.made(transformer.name)
        if transformer.head is None or feeder is None or not feeder.head_was_read:
            continue
        head_wh, drawn_wh, lost_wh = _told(world, transformer, begin, end)
        meters = [world.meter(each.name) for each in (*transformer.meters, transformer.head)]
        steps_wh = sum(4 * 10**meter.type.energy_scaler for meter in meters)
        missing_wh = head_wh - drawn_wh - lost_wh
        if abs(missing_wh) > steps_wh + ROUNDING_SHARE * abs(head_wh):
            yield (
                f"{transformer.name}: {head_wh} Wh at the head, {drawn_wh} Wh at its customers,"
                f" {lost_wh:.0f} Wh lost"
            )


def energy_mismatch(world: World, begin: float, end: float) -> float:
    """The worst transformer's share of energy that customers' meters and modelled losses leave.

    Between two moments, by what the registers of the head meter and of the customers' meters show,
    in whole watt hours: over a few minutes their rounding alone is a per mille.  Raises ValueError
    for a field without a grid, or without head meters.
    """
    if world.grid is None:
        raise ValueError("the field has no grid: [field] grid = true gives it one")
    worst = 0.0
    for transformer in world.spec.transformers:
        if transformer.head is None:
            raise ValueError(f"{transformer.name} has no head meter")
        head_wh, drawn_wh, lost_wh = _told(world, transformer, begin, end)
        missing_wh = abs(head_wh - drawn_wh - lost_wh)
        worst = max(worst, missing_wh / abs(head_wh) if head_wh else float(missing_wh > 0))
    return worst


def _told(
    world: World, transformer: TransformerSpec, begin: float, end: float
) -> tuple[int, int, float]:
    """Watt hours by the head's registers, by the customers' together, and lost by the model."""
    assert world.grid is not None and transformer.head is not None
    feeder = world.grid.feeder(transformer.name)
    lost_wh = (feeder.head_totals(end)[1] - feeder.head_totals(begin)[1]) / W_MS_PER_WH
    head_wh = _net_wh(world.meter(transformer.head.name), begin, end)
    drawn_wh = sum(_net_wh(world.meter(meter.name), begin, end) for meter in transformer.meters)
    return head_wh, drawn_wh, lost_wh


def _net_wh(meter: Meter, begin: float, end: float) -> int:
    return _counted_wh(meter, IMPORTED, begin, end) - _counted_wh(meter, EXPORTED, begin, end)


def _counted_wh(meter: Meter, name: LogicalName, begin: float, end: float) -> int:
    """By the register's own words; 0 of a model without it."""
    register = table(meter.type).get(name)
    if register is None:
        return 0
    shown = [
        register.attributes[2].read(Context(meter, MANAGEMENT, at, ITSELF)) for at in (begin, end)
    ]
    before, after = (int(each) for each in shown if isinstance(each, DoubleLongUnsigned))
    steps = (after - before) % (DoubleLongUnsigned.MAX + 1)  # a full register begins again at 0
    return int(steps * 10**meter.type.energy_scaler)
