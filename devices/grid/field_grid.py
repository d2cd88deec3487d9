"""The grids of a field: one feeder for each transformer, made when somebody asks for it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from devices.field_spec import FieldSpec, MeterSpec, TransformerSpec
from devices.grid.feeder import Feeder
from devices.grid.feeder_loads import CustomerLoad, HeadLoad
from devices.grid.street import street_of
from devices.meter.load import Load


def standard_offset_min(zone: ZoneInfo) -> int:
    """Minutes ahead of UTC outside of daylight saving time, which the sun does not observe."""
    offsets = (
        datetime(2026, month, 1, tzinfo=UTC).astimezone(zone).utcoffset() for month in (1, 7)
    )
    return min(round(offset.total_seconds() / 60) for offset in offsets if offset is not None)


class FieldGrid:
    """By the transformers' names."""

    def __init__(self, seed: int, spec: FieldSpec):
        self._seed = seed
        self._transformers = {each.name: each for each in spec.transformers}
        self._of_meter = {
            meter.name: each.name for each in spec.transformers for meter in each.meters
        }
        self._of_head = {
            each.head.name: each.name for each in spec.transformers if each.head is not None
        }
        self._utc_offset_min = standard_offset_min(spec.zone)
        self._feeders: dict[str, Feeder] = {}

    def feeder(self, transformer: str) -> Feeder:
        """A transformer's.  Raises KeyError for one that there is not."""
        found = self._feeders.get(transformer)
        if found is None:
            found = self._feeders[transformer] = self._made(self._transformers[transformer])
        return found

    def made(self, transformer: str) -> Feeder | None:
        """A transformer's feeder, if anybody has asked for it yet."""
        return self._feeders.get(transformer)

    def load_of(self, meter: str) -> Load:
        """What a customer's installation draws, at the voltage of its place; or what a
        transformer's head meter measures."""
        if meter in self._of_head:
            return self.head(self._of_head[meter])
        return CustomerLoad(self.feeder(self._of_meter[meter]), meter)

    def head(self, transformer: str) -> HeadLoad:
        """What the head meter of a transformer measures."""
        return HeadLoad(self.feeder(transformer))

    def _made(self, spec: TransformerSpec) -> Feeder:
        street = street_of(
            self._seed, spec.name, [(meter.name, meter.place) for meter in spec.meters]
        )
        fixed = {meter.name: _fixed(meter) for meter in spec.meters if meter.load_w is not None}
        return Feeder(self._seed, street, self._utc_offset_min, fixed)


def _fixed(meter: MeterSpec) -> tuple[int, ...]:
    """A constant load on the phases that the meter has."""
    assert meter.load_w is not None
    return meter.load_w if meter.phases == 3 else (sum(meter.load_w),)
