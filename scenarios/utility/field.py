"""The utility's meters as a simulated field: which hang behind which transformer, and where."""

from __future__ import annotations

from dataclasses import replace

from devices.channel.place import Phase, along_streets
from devices.field_spec import FieldSpec, MeterSpec, TransformerSpec, head_meter
from scenarios.utility.model import Meter, Transformer, Utility
from scenarios.utility.naming import transformer_key

SINGLE_PHASE, THREE_PHASE = "city-single-phase", "city-three-phase"
"""Models of the meters whose phases are chosen."""


def field_of(utility: Utility) -> FieldSpec:
    """With a grid: what its systems measure comes from the power flow that its meters see."""
    below: dict[Transformer, list[MeterSpec]] = {each: [] for each in utility.transformers}
    for meter in utility.meters:
        placed = below[meter.transformer]
        placed.append(_spec(meter, len(placed)))
    return FieldSpec(
        tuple(
            TransformerSpec(
                transformer_key(each),
                each.concentrator,
                tuple(meters),
                head=head_meter(each.number) if utility.heads else None,
            )
            for each, meters in below.items()
        ),
        grid=True,
    )


def _spec(meter: Meter, position: int) -> MeterSpec:
    place = along_streets(position)
    if meter.phases is None:
        return MeterSpec(str(meter.index), place)
    place = replace(place, phase=Phase(meter.phases))
    if place.phase is Phase.ALL:
        return MeterSpec(str(meter.index), place, model=THREE_PHASE)
    return MeterSpec(str(meter.index), place, model=SINGLE_PHASE, phases=1)
