"""Records of GetMeterReadings, made from outlines/GetMeterReadings.txt."""

from __future__ import annotations

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    DateTimeInterval,
    EndDeviceGroup,
    Name,
    NameType,
    TimeSchedule,
    TransformerTank,
    UsagePointGroup,
)


class GetMeterReadings(Record, frozen=True, kw_only=True):
    """GetMeterReadings of IEC 61968-9."""

    end_device: tuple[EndDevice, ...] = ()
    end_device_group: tuple[EndDeviceGroup, ...] = ()
    meter_readings: MeterReadings | None = None
    reading: tuple[Reading, ...] = ()
    reading_quality: tuple[ReadingQuality, ...] = ()
    reading_type: tuple[ReadingType, ...] = ()
    time_schedule: tuple[TimeSchedule, ...] = ()
    transformer_tank: tuple[TransformerTank, ...] = ()
    usage_point: tuple[UsagePoint, ...] = ()
    usage_point_group: tuple[UsagePointGroup, ...] = ()


class CoincidentReading(Record, frozen=True, kw_only=True):
    """CoincidentReading of IEC 61968-9."""

    reason: str | None = None
    source: str | None = None
    reading_type: ReadingType
    time_period: DateTimeInterval | None = None


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9; extensions: serial_number."""

    mrid: str | None = None
    serial_number: str | None = None
    names: tuple[Name, ...] = ()


class EndDeviceEvent(Record, frozen=True, kw_only=True):
    """EndDeviceEvent of IEC 61968-9."""

    end_device_event_type: EndDeviceEventType


class EndDeviceEventType(Record, frozen=True, kw_only=True):
    """EndDeviceEventType of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9; extensions: serial_number."""

    mrid: str | None = None
    serial_number: str | None = None
    names: tuple[Name, ...] = ()


class MeterReadings(Record, frozen=True, kw_only=True):
    """MeterReadings of IEC 61968-9."""

    is_coincident_trigger: bool | None = None
    end_device_events: EndDeviceEvent | None = None
    meter: Meter | None = None
    readings: CoincidentReading | None = None
    usage_point: UsagePoint | None = None


class Reading(Record, frozen=True, kw_only=True):
    """Reading of IEC 61968-9; extensions: schedule_strategy, connection_method, data_source."""

    reason: str | None = None
    schedule_strategy: str | None = None
    connection_method: str | None = None
    data_source: tuple[DataSource, ...] = ()
    source: str | None = None
    time_period: DateTimeInterval | None = None


class ReadingQuality(Record, frozen=True, kw_only=True):
    """ReadingQuality of IEC 61968-9."""

    reading_quality_type: ReadingQualityType


class ReadingQualityType(Record, frozen=True, kw_only=True):
    """ReadingQualityType of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class DataSource(Record, frozen=True, kw_only=True):
    """DataSource of IEC 61968-9; an extension."""

    name: str
    name_type: NameType


class ReadingType(Record, frozen=True, kw_only=True):
    """ReadingType of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
