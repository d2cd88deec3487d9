"""Records of MeterConfig, made from outlines/MeterConfig.txt."""

from __future__ import annotations

from decimal import Decimal

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    ActivityRecord,
    ComFunction,
    ConfigurationEvent,
    ConnectDisconnectFunction,
    ElectronicAddress,
    EndDeviceCapability,
    LifecycleDate,
    Name,
    ProductAssetModel,
    RationalNumber,
    ReadingInterharmonic,
    Seal,
    SimpleEndDeviceFunction,
    Status,
)


class MeterConfig(Record, frozen=True, kw_only=True):
    """MeterConfig of IEC 61968-9."""

    com_function: tuple[ComFunction, ...] = ()
    connect_disconnect_function: tuple[ConnectDisconnectFunction, ...] = ()
    meter: tuple[Meter, ...] = ()
    reading_type: tuple[ReadingType, ...] = ()
    simple_end_device_function: tuple[SimpleEndDeviceFunction, ...] = ()


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9."""

    mrid: str | None = None
    amr_system: str | None = None
    form_number: str | None = None
    initial_condition: str | None = None
    initial_loss_of_life: Decimal | None = None
    is_virtual: bool | None = None
    lot_number: str | None = None
    purchase_price: Decimal | None = None
    serial_number: str | None = None
    time_zone_offset: Decimal | None = None
    type: str | None = None
    utc_number: str | None = None
    activity_records: tuple[ActivityRecord, ...] = ()
    configuration_events: ConfigurationEvent | None = None
    electronic_address: ElectronicAddress | None = None
    com_function: tuple[str, ...] = ()
    connect_disconnect_function: tuple[str, ...] = ()
    simple_end_device_function: tuple[str, ...] = ()
    end_device_info: EndDeviceInfo | None = None
    lifecycle: LifecycleDate | None = None
    meter_multipliers: tuple[MeterMultiplier, ...] = ()
    names: tuple[Name, ...] = ()
    seals: tuple[Seal, ...] = ()
    status: Status | None = None


class MeterMultiplier(Record, frozen=True, kw_only=True):
    """MeterMultiplier of IEC 61968-9."""

    mrid: str | None = None
    kind: str | None = None
    value: Decimal | None = None


class EndDeviceInfo(Record, frozen=True, kw_only=True):
    """EndDeviceInfo of IEC 61968-9."""

    is_solid_state: bool | None = None
    phase_count: int | None = None
    rated_current: Decimal | None = None
    rated_voltage: Decimal | None = None
    asset_model: ProductAssetModel | None = None
    capability: EndDeviceCapability | None = None


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
