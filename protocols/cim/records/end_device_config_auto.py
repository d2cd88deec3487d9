"""Records of EndDeviceConfig, made from outlines/EndDeviceConfig.txt."""

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


class EndDeviceConfig(Record, frozen=True, kw_only=True):
    """EndDeviceConfig of IEC 61968-9."""

    com_function: tuple[ComFunction, ...] = ()
    connect_disconnect_function: tuple[ConnectDisconnectFunction, ...] = ()
    end_device: tuple[EndDevice, ...] = ()
    reading_type: tuple[ReadingType, ...] = ()
    simple_end_device_function: tuple[SimpleEndDeviceFunction, ...] = ()


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9."""

    mrid: str | None = None
    amr_system: str | None = None
    initial_condition: str | None = None
    initial_loss_of_life: Decimal | None = None
    install_code: str | None = None
    is_pan: bool | None = None
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
    names: tuple[Name, ...] = ()
    seals: tuple[Seal, ...] = ()
    status: Status | None = None


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
