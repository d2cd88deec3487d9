"""The utility's meters as a simulated field: which hang behind which transformer, and where."""

from __future__ import annotations

from devices.channel.place import along_streets
from devices.field_spec import FieldSpec, MeterSpec, TransformerSpec
from scenarios.utility.model import Transformer, Utility
from scenarios.utility.naming import transformer_key


def field_of(utility: Utility) -> FieldSpec:
    """With a grid: what its systems measure comes from the power flow that its meters see."""
    below: dict[Transformer, list[MeterSpec]] = {each: [] for each in utility.transformers}
    for meter in utility.meters:
        placed = below[meter.transformer]
        placed.append(MeterSpec(str(meter.index), along_streets(len(placed))))
    return FieldSpec(
        tuple(
            TransformerSpec(transformer_key(each), each.concentrator, tuple(meters))
            for each, meters in below.items()
        ),
        grid=True,
    )
