"""What the division's head-end is told of its field: concentrators, meters, and where they hang."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from devices.grid.phase_records import recorded_phases
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation
from headend.ports import Transaction
from headend.registry.places import settle
from scenarios.field import sim_of
from scenarios.utility.field import THREE_PHASE, field_of
from scenarios.utility.model import Utility
from scenarios.utility.naming import System, head_meter_key
from scenarios.utility.places import places

WRONG_PHASE_SHARE = 0.05
"""Of the customers with one phase: the records name another (assumption)."""
_LONG: Final = timedelta(days=400)  # since when the meters hang
_HEAD_W = Decimal(400_000)
_PROFILES = {True: "sim-3p", False: "sim-1p"}


def enter(tx: Transaction, utility: Utility, now: datetime) -> None:
    """Enter all of it into an empty registry."""
    tx.put_concentrators(
        Concentrator(each.concentrator, sim_of(each.concentrator)) for each in utility.transformers
    )
    tx.put_meters(meters(utility))
    wrong = settle(tx, (*places(utility),))
    if wrong:
        raise ValueError("; ".join(wrong))
    for each in utility.meters:
        tx.add_installation(Installation(str(each.index), f"P-{each.index}", now - _LONG))


def meters(utility: Utility) -> Iterator[Meter]:
    """Customers' meters, those of transformers, and those at the heads of feeders, which the
    head-end does not read."""
    transformers = field_of(utility).transformers
    true = [(meter.name, meter.place.phase) for each in transformers for meter in each.modules]
    recorded = recorded_phases(utility.seed, true, WRONG_PHASE_SHARE)
    contracts = {str(each.index): Decimal(each.contracted_w) for each in utility.meters}
    for each in transformers:
        for meter in each.modules:
            yield Meter(
                meter.name,
                each.concentrator,
                commissioned=True,
                contracted_w=contracts.get(meter.name, _HEAD_W),
                model=_PROFILES[meter.model == THREE_PHASE or meter is each.head],
                recorded_phase=recorded[meter.name].value,
            )
    for feeder in utility.feeders:
        yield Meter(head_meter_key(System.AMI, feeder))
