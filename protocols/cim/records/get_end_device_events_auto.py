"""Records of GetEndDeviceEvents, made from outlines/GetEndDeviceEvents.txt."""

from __future__ import annotations

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    EndDeviceGroup,
    Name,
    TimeSchedule,
    UsagePointGroup,
)


class GetEndDeviceEvents(Record, frozen=True, kw_only=True):
    """GetEndDeviceEvents of IEC 61968-9."""

    end_device: tuple[EndDevice, ...] = ()
    end_device_event_type: tuple[EndDeviceEventType, ...] = ()
    end_device_group: tuple[EndDeviceGroup, ...] = ()
    meter: tuple[Meter, ...] = ()
    time_schedule: tuple[TimeSchedule, ...] = ()
    usage_point: tuple[UsagePoint, ...] = ()
    usage_point_group: tuple[UsagePointGroup, ...] = ()


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class EndDeviceEventType(Record, frozen=True, kw_only=True):
    """EndDeviceEventType of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
