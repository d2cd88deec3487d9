"""The load profiles of a transformer's meters on one day, as the meters themselves would tell them.

What each draws and the voltage that it sees come from the grid's solution; a meter is then read by
range, and what is told are the octets of its buffer.  Registers go on from what the live field's
meters have counted: the grid is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from devices.field_spec import MeterSpec, TransformerSpec
from devices.grid.feeder import Feeder
from devices.grid.field_grid import FieldGrid
from devices.meter.cosem import REGISTER, Context
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import SLOT_S, SLOTS_PER_DAY, ConstantLoad, Energy
from devices.meter.meter_type import MeterType
from devices.meter.models import model
from devices.meter.objects import table
from devices.meter.profile import Design, captured
from devices.meter.profiles import LOAD_PROFILE, designs
from devices.meter.stepped_load import SteppedLoad
from headend.domain.interval import Span
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms import axdr
from protocols.dlms.codes import Conformance
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import Negotiated
from protocols.dlms.values import Structure

_AGREED = Negotiated(Conformance.GET | Conformance.SELECTIVE_ACCESS, 0xFFFF, 1024)
_READER = 1
_SCALER_UNIT = 3


Steps = npt.NDArray[Any]
"""Quarter hours in rows, phases in columns."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """What a meter tells of a span of time, as A-XDR octets."""

    meter: str
    layout: Layout
    octets: bytes


def buffers(grid: FieldGrid, spec: TransformerSpec, seed: int, span: Span) -> Iterator[Buffer]:
    """Of each meter of a transformer its rows that end in a span, which is made of whole quarter
    hours.  Raises NotConverged."""
    feeder = grid.feeder(spec.name)
    for each in spec.modules:
        kind = kind_of(each)
        head = each is spec.head
        load = _head(feeder, span) if head else _customer(feeder, each.name, span)
        meter = Meter(Identity(seed, int(each.name)), load, kind)
        yield Buffer(each.name, layout_of(kind), read(meter, span))


def kind_of(spec: MeterSpec) -> MeterType:
    """The type of one of the division's meters."""
    return model(spec.model)


def _customer(feeder: Feeder, meter: str, span: Span) -> SteppedLoad:
    rows = feeder.places(meter)
    parts = [
        (*feeder.drawn(meter, day), feeder.at(day * SLOTS_PER_DAY * SLOT_S)[0].voltage_dv[:, rows])
        for day in _days(span)
    ]
    return _load(parts, span, feeder.energy(meter, span.begin))


def _head(feeder: Feeder, span: Span) -> SteppedLoad:
    found = [feeder.at(day * SLOTS_PER_DAY * SLOT_S)[0] for day in _days(span)]
    parts = [(each.head_watts, each.head_vars, each.head_voltage_dv) for each in found]
    return _load(parts, span, feeder.head_totals(span.begin)[0])


def _days(span: Span) -> range:
    """With the quarter hour that begins with the last row: a row shows the voltage of its
    moment."""
    day_s = SLOTS_PER_DAY * SLOT_S
    return range(span.begin // day_s, span.end // day_s + 1)


def _load(parts: list[tuple[Steps, Steps, Steps]], span: Span, before: Energy) -> SteppedLoad:
    first = span.begin // SLOT_S
    since = first % SLOTS_PER_DAY
    count = (span.end - span.begin) // SLOT_S + 1
    watts, vars_, voltage = (
        np.concatenate(column).T.astype(np.int64)[:, since : since + count]
        for column in zip(*parts, strict=True)
    )
    return SteppedLoad(first, watts, vars_, voltage, before)


def read(meter: Meter, span: Span) -> bytes:
    """The rows of a span: what a reader is answered who asks for it by range."""
    now = float(span.end)
    meter.advance(now)
    context = Context(meter, meter.clients[_READER], now, _AGREED, bytes(8))
    buffer = captured(context, _design(meter.type), table(meter.type))
    places = buffer.between(span.begin + 1, span.end)
    return axdr.encode(buffer.array(places, range(len(buffer.columns))))


@cache
def _design(kind: MeterType) -> Design:
    return next(each for each in designs(kind) if each.name == LOAD_PROFILE)


@cache
def layout_of(kind: MeterType) -> Layout:
    """The columns of its load profile, as a concentrator tells them."""
    design, objects = _design(kind), table(kind)
    meter = Meter(Identity(0, 1), ConstantLoad.of(*[0] * kind.phases), kind)
    context = Context(meter, meter.clients[_READER], 0.0, _AGREED, bytes(8))

    def told(column: Structure) -> ColumnTold:
        class_id, octets, attribute, index = column
        assert isinstance(octets, bytes)
        assert isinstance(class_id, int) and isinstance(attribute, int) and isinstance(index, int)
        name = LogicalName(octets)
        scaler: int | None = None
        unit: int | None = None
        if class_id == REGISTER:
            scale = objects[name].attributes[_SCALER_UNIT].read(context)
            assert isinstance(scale, Structure)
            scaler, unit = (int(each) if isinstance(each, int) else 0 for each in scale)
        return ColumnTold(int(class_id), str(name), int(attribute), int(index), scaler, unit)

    return Layout(str(LOAD_PROFILE), tuple(map(told, design.columns)), design.period_s)
