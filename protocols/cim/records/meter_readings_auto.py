"""Records of MeterReadings, made from outlines/MeterReadings.txt."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    DateTimeInterval,
    EndDeviceEventDetail,
    Name,
    RationalNumber,
    ReadingInterharmonic,
    Status,
)


class MeterReadings(Record, frozen=True, kw_only=True):
    """MeterReadings of IEC 61968-9; extensions: load_profile, register_group."""

    end_device_event_type: tuple[EndDeviceEventType, ...] = ()
    meter_reading: tuple[MeterReading, ...] = ()
    reading_quality_type: tuple[ReadingQualityType, ...] = ()
    reading_type: tuple[ReadingType, ...] = ()
    load_profile: tuple[LoadProfile, ...] = ()
    register_group: tuple[RegisterGroup, ...] = ()


class Asset(Record, frozen=True, kw_only=True):
    """Asset of IEC 61968-9."""

    mrid: str | None = None
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


class IntervalBlock(Record, frozen=True, kw_only=True):
    """IntervalBlock of IEC 61968-9."""

    interval_readings: tuple[IntervalReading, ...] = ()
    pending_calculation: PendingCalculation | None = None
    reading_type: str


class IntervalReading(Record, frozen=True, kw_only=True):
    """IntervalReading of IEC 61968-9."""

    reported_date_time: datetime | None = None
    source: str | None = None
    time_stamp: datetime | None = None
    value: str | None = None
    reading_qualities: tuple[ReadingQuality, ...] = ()
    time_period: DateTimeInterval | None = None


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9; extensions: serial_number."""

    mrid: str | None = None
    serial_number: str | None = None
    names: tuple[Name, ...] = ()
    status: Status | None = None


class MeterReading(Record, frozen=True, kw_only=True):
    """MeterReading of IEC 61968-9."""

    is_coincident_trigger: bool | None = None
    end_device_events: tuple[EndDeviceEvent, ...] = ()
    interval_blocks: tuple[IntervalBlock, ...] = ()
    meter: Meter | None = None
    readings: tuple[Reading, ...] = ()
    usage_point: UsagePoint | None = None
    values_interval: DateTimeInterval | None = None


class PendingCalculation(Record, frozen=True, kw_only=True):
    """PendingCalculation of IEC 61968-9."""

    multiply_before_add: bool | None = None
    offset: int | None = None
    scalar_denominator: int | None = None
    scalar_float: Decimal | None = None
    scalar_numerator: int | None = None
    reading_type: str


class Reading(Record, frozen=True, kw_only=True):
    """Reading of IEC 61968-9."""

    reason: str | None = None
    reported_date_time: datetime | None = None
    source: str | None = None
    time_stamp: datetime | None = None
    value: str | None = None
    reading_qualities: tuple[ReadingQuality, ...] = ()
    reading_type: str
    time_period: DateTimeInterval | None = None


class ReadingQuality(Record, frozen=True, kw_only=True):
    """ReadingQuality of IEC 61968-9."""

    comment: str | None = None
    source: str | None = None
    time_stamp: datetime | None = None
    reading_quality_type: str


class ReadingQualityType(Record, frozen=True, kw_only=True):
    """ReadingQualityType of IEC 61968-9."""

    mrid: str | None = None
    category: str | None = None
    sub_category: str | None = None
    system_id: str | None = None
    names: tuple[Name, ...]


class ReadingType(Record, frozen=True, kw_only=True):
    """ReadingType of IEC 61968-9."""

    mrid: str | None = None
    accumulation: str | None = None
    aggregate: str | None = None
    commodity: str | None = None
    consumption_tier: int | None = None
    cpp: int | None = None
    currency: str | None = None
    flow_direction: str | None = None
    macro_period: str | None = None
    measurement_kind: str | None = None
    measuring_period: str | None = None
    multiplier: str | None = None
    phases: str | None = None
    tou: int | None = None
    unit: str | None = None
    argument: RationalNumber | None = None
    interharmonic: ReadingInterharmonic | None = None
    names: tuple[Name, ...]


class LoadProfile(Record, frozen=True, kw_only=True):
    """LoadProfile of IEC 61968-9; an extension."""

    name: str | None = None
    reading_type: tuple[str, ...] = ()


class RegisterGroup(Record, frozen=True, kw_only=True):
    """RegisterGroup of IEC 61968-9; an extension."""

    name: str | None = None
    reading_type: tuple[str, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
