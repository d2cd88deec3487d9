"""Records of GetEndDeviceConfig, made from outlines/GetEndDeviceConfig.txt."""

from __future__ import annotations

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    EndDeviceGroup,
    Name,
    UsagePointGroup,
)


class GetEndDeviceConfig(Record, frozen=True, kw_only=True):
    """GetEndDeviceConfig of IEC 61968-9."""

    end_device: tuple[EndDevice, ...] = ()
    end_device_group: tuple[EndDeviceGroup, ...] = ()
    usage_point: tuple[UsagePoint, ...] = ()
    usage_point_group: tuple[UsagePointGroup, ...] = ()


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
