"""Records of EndDeviceEvents, made from outlines/EndDeviceEvents.txt."""

from __future__ import annotations

from datetime import datetime

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    EndDeviceEventDetail,
    Name,
    Status,
)


class EndDeviceEvents(Record, frozen=True, kw_only=True):
    """EndDeviceEvents of IEC 61968-9."""

    end_device_event: tuple[EndDeviceEvent, ...] = ()
    end_device_event_type: tuple[EndDeviceEventType, ...] = ()


class Asset(Record, frozen=True, kw_only=True):
    """Asset of IEC 61968-9; extensions: serial_number."""

    mrid: str | None = None
    serial_number: str | None = None
    names: tuple[Name, ...] = ()


class EndDeviceEvent(Record, frozen=True, kw_only=True):
    """EndDeviceEvent of IEC 61968-9."""

    mrid: str | None = None
    created_date_time: datetime
    issuer_id: str | None = None
    issuer_tracking_id: str | None = None
    reason: str | None = None
    severity: str | None = None
    user_id: str | None = None
    assets: Asset | None = None
    end_device_event_details: tuple[EndDeviceEventDetail, ...] = ()
    end_device_event_type: str
    names: tuple[Name, ...] = ()
    status: Status | None = None
    usage_point: UsagePoint | None = None


class EndDeviceEventType(Record, frozen=True, kw_only=True):
    """EndDeviceEventType of IEC 61968-9."""

    mrid: str | None = None
    domain: str | None = None
    event_or_action: str | None = None
    sub_domain: str | None = None
    type: str | None = None
    names: tuple[Name, ...]


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
