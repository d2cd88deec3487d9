"""A profile's columns as DLMS tells them, and as an upload's layout does."""

from __future__ import annotations

from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.capture import CaptureObject
from protocols.dlms.objects.profile import Column
from protocols.dlms.objects.units import ScalerUnit
from protocols.dlms.procedures import Captured


def layout_of(profile: str, captured: Captured) -> Layout:
    """What a meter told of a profile, for an upload."""
    return Layout(profile, tuple(map(_told, captured.columns)), captured.period_s)


def captured_of(layout: Layout) -> Captured:
    """The same as DLMS has it.  Raises ValueError for a column that no meter can have."""
    return Captured(tuple(map(_column, layout.columns)), layout.period_s)


def _told(column: Column) -> ColumnTold:
    source, scale = column.source, column.scale
    return ColumnTold(
        source.class_id,
        str(source.instance),
        source.attribute,
        source.data_index,
        None if scale is None else scale.scaler,
        None if scale is None else scale.unit,
    )


def _column(told: ColumnTold) -> Column:
    source = CaptureObject(told.class_id, LogicalName(told.name), told.attribute, told.index)
    if told.scaler is None or told.unit is None:
        return Column(source)
    return Column(source, ScalerUnit(told.scaler, told.unit))
