"""Records of GetMeterConfig, made from outlines/GetMeterConfig.txt."""

from __future__ import annotations

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    EndDeviceGroup,
    Name,
    UsagePointGroup,
)


class GetMeterConfig(Record, frozen=True, kw_only=True):
    """GetMeterConfig of IEC 61968-9."""

    end_device_group: tuple[EndDeviceGroup, ...] = ()
    meter: tuple[Meter, ...] = ()
    usage_point: tuple[UsagePoint, ...] = ()
    usage_point_group: tuple[UsagePointGroup, ...] = ()


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
