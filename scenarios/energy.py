"""Whether a transformer's energy is that of its customers and of what its cables lose."""

from __future__ import annotations

from devices.meter.metering import Metering
from devices.world import World


def energy_mismatch(world: World, begin: float, end: float) -> float:
    """The worst transformer's share of energy that customers' meters and modelled losses leave.

    Between two moments, by the meters' own integrals: each as it counted, with its supply cut or
    not.  Raises ValueError for a field without a grid.
    """
    if world.grid is None:
        raise ValueError("the field has no grid: [field] grid = true gives it one")
    worst = 0.0
    for transformer in world.spec.transformers:
        feeder = world.grid.feeder(transformer.name)
        (first, lost_before), (last, lost) = feeder.head_totals(begin), feeder.head_totals(end)
        head = (last - first).active_import - (last - first).active_export
        drawn = sum(
            _net(world.meter(meter.name).metering, begin, end) for meter in transformer.meters
        )
        missing = abs(head - drawn - (lost - lost_before))
        worst = max(worst, missing / abs(head) if head else float(missing > 0))
    return worst


def _net(metering: Metering, begin: float, end: float) -> int:
    counted = metering.energy(end) - metering.energy(begin)
    return counted.active_import - counted.active_export
