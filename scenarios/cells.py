"""Which concentrators share a cell of the mobile network: neighbours by number."""

from __future__ import annotations

from scenarios.schema import FieldSpec


def cells_of(field: FieldSpec) -> dict[str, tuple[str, ...]]:
    """The concentrators of each cell, `CELL-001` on."""
    spread = field.transformers()
    names = [each.concentrator for each in spread]
    size = field.cell_size
    return {
        f"CELL-{number:03d}": tuple(names[begin : begin + size])
        for number, begin in enumerate(range(0, len(names), size), 1)
    }
