"""Whether a transformer's energy is that of its customers and of what its cables lose."""

from __future__ import annotations

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
        feeder = world.grid.feeder(transformer.name)
        lost_wh = (feeder.head_totals(end)[1] - feeder.head_totals(begin)[1]) / W_MS_PER_WH
        head_wh = _net_wh(world.meter(transformer.head.name), begin, end)
        drawn_wh = sum(_net_wh(world.meter(meter.name), begin, end) for meter in transformer.meters)
        missing_wh = abs(head_wh - drawn_wh - lost_wh)
        worst = max(worst, missing_wh / abs(head_wh) if head_wh else float(missing_wh > 0))
    return worst


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
