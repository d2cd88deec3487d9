"""Classes that several nouns have alike."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from protocols.cim.record import Record


class ActivityRecord(Record, frozen=True, kw_only=True):
    """ActivityRecord of IEC 61968-9."""

    mrid: str | None = None
    created_date_time: datetime | None = None
    reason: str | None = None
    severity: str | None = None
    type: str | None = None
    names: tuple[Name, ...] = ()
    status: Status | None = None


class Channel(Record, frozen=True, kw_only=True):
    """Channel of IEC 61968-9."""

    mrid: str | None = None
    is_virtual: bool | None = None
    names: tuple[Name, ...] = ()
    reading_type: str | None = None


class ComFunction(Record, frozen=True, kw_only=True):
    """ComFunction of IEC 61968-9."""

    mrid: str | None = None
    amr_address: str | None = None
    amr_router: str | None = None
    config_id: str | None = None
    direction: str | None = None
    enabled: bool | None = None
    firmware_id: str | None = None
    hardware_id: str | None = None
    password: str | None = None
    program_id: str | None = None
    technology: str | None = None
    names: tuple[Name, ...] = ()


class ConfigurationEvent(Record, frozen=True, kw_only=True):
    """ConfigurationEvent of IEC 61968-9."""

    mrid: str | None = None
    created_date_time: datetime | None = None
    effective_date_time: datetime | None = None
    modified_by: str | None = None
    reason: str | None = None
    remark: str | None = None
    severity: str | None = None
    type: str | None = None
    names: tuple[Name, ...] = ()
    status: Status | None = None


class ConnectDisconnectFunction(Record, frozen=True, kw_only=True):
    """ConnectDisconnectFunction of IEC 61968-9."""

    mrid: str | None = None
    enabled: bool | None = None
    event_count: int | None = None
    is_connected: bool | None = None
    is_delayed_discon: bool | None = None
    is_local_auto_discon_op: bool | None = None
    is_local_auto_recon_op: bool | None = None
    is_remote_auto_discon_op: bool | None = None
    is_remote_auto_recon_op: bool | None = None
    password: str | None = None
    names: tuple[Name, ...] = ()
    rcd_info: RemoteConnectDisconnectInfo | None = None


class DateTimeInterval(Record, frozen=True, kw_only=True):
    """DateTimeInterval of IEC 61968-9."""

    end: datetime | None = None
    start: datetime | None = None


class ElectronicAddress(Record, frozen=True, kw_only=True):
    """ElectronicAddress of IEC 61968-9."""

    email1: str | None = None
    email2: str | None = None
    lan: str | None = None
    mac: str | None = None
    password: str | None = None
    radio: str | None = None
    user_id: str | None = None
    web: str | None = None


class EndDeviceCapability(Record, frozen=True, kw_only=True):
    """EndDeviceCapability of IEC 61968-9."""

    autonomous_dst: bool | None = None
    communication: bool | None = None
    connect_disconnect: bool | None = None
    demand_response: bool | None = None
    electric_metering: bool | None = None
    gas_metering: bool | None = None
    metrology: bool | None = None
    on_request_read: bool | None = None
    outage_history: bool | None = None
    pressure_compensation: bool | None = None
    pricing_info: bool | None = None
    pulse_output: bool | None = None
    relays_programming: bool | None = None
    reverse_flow: bool | None = None
    super_compressibility_compensation: bool | None = None
    temperature_compensation: bool | None = None
    text_message: bool | None = None
    water_metering: bool | None = None


class EndDeviceEventDetail(Record, frozen=True, kw_only=True):
    """EndDeviceEventDetail of IEC 61968-9."""

    name: str
    value: str | None = None


class EndDeviceGroup(Record, frozen=True, kw_only=True):
    """EndDeviceGroup of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class LifecycleDate(Record, frozen=True, kw_only=True):
    """LifecycleDate of IEC 61968-9."""

    installation_date: str | None = None
    manufactured_date: str | None = None
    purchase_date: str | None = None
    received_date: str | None = None
    removal_date: str | None = None
    retired_date: str | None = None


class Manufacturer(Record, frozen=True, kw_only=True):
    """Manufacturer of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class Name(Record, frozen=True, kw_only=True):
    """Name of IEC 61968-9."""

    name: str
    name_type: NameType | None = None


class NameType(Record, frozen=True, kw_only=True):
    """NameType of IEC 61968-9."""

    description: str | None = None
    name: str
    name_type_authority: NameTypeAuthority | None = None


class NameTypeAuthority(Record, frozen=True, kw_only=True):
    """NameTypeAuthority of IEC 61968-9."""

    description: str | None = None
    name: str


class PricingStructure(Record, frozen=True, kw_only=True):
    """PricingStructure of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class ProductAssetModel(Record, frozen=True, kw_only=True):
    """ProductAssetModel of IEC 61968-9."""

    model_number: str | None = None
    model_version: str | None = None
    manufacturer: Manufacturer | None = None
    names: tuple[Name, ...] = ()


class RationalNumber(Record, frozen=True, kw_only=True):
    """RationalNumber of IEC 61968-9."""

    denominator: int
    numerator: int


class ReadingInterharmonic(Record, frozen=True, kw_only=True):
    """ReadingInterharmonic of IEC 61968-9."""

    denominator: int
    numerator: int


class Register(Record, frozen=True, kw_only=True):
    """Register of IEC 61968-9."""

    mrid: str | None = None
    is_virtual: bool | None = None
    left_digit_count: int | None = None
    right_digit_count: int | None = None
    tou_tier_name: str | None = None
    channels: tuple[Channel, ...] = ()
    names: tuple[Name, ...] = ()
    tou_tier: TimeInterval | None = None


class RemoteConnectDisconnectInfo(Record, frozen=True, kw_only=True):
    """RemoteConnectDisconnectInfo of IEC 61968-9."""

    armed_timeout: Decimal | None = None
    customer_voltage_limit: Decimal | None = None
    energy_limit: Decimal | None = None
    energy_usage_start_date_time: datetime | None = None
    energy_usage_warning: Decimal | None = None
    is_arm_connect: bool | None = None
    is_arm_disconnect: bool | None = None
    is_energy_limiting: bool | None = None
    needs_power_limit_check: bool | None = None
    needs_voltage_limit_check: bool | None = None
    power_limit: Decimal | None = None
    use_pushbutton: bool | None = None


class Seal(Record, frozen=True, kw_only=True):
    """Seal of IEC 61968-9."""

    mrid: str | None = None
    applied_date_time: datetime | None = None
    condition: str | None = None
    kind: str | None = None
    seal_number: str | None = None
    names: tuple[Name, ...] = ()


class ServiceSupplier(Record, frozen=True, kw_only=True):
    """ServiceSupplier of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class SimpleEndDeviceFunction(Record, frozen=True, kw_only=True):
    """SimpleEndDeviceFunction of IEC 61968-9."""

    mrid: str | None = None
    config_id: str | None = None
    enabled: bool | None = None
    firmware_id: str | None = None
    hardware_id: str | None = None
    kind: str | None = None
    password: str | None = None
    program_id: str | None = None
    names: tuple[Name, ...] = ()
    registers: tuple[Register, ...] = ()


class Status(Record, frozen=True, kw_only=True):
    """Status of IEC 61968-9."""

    date_time: datetime | None = None
    reason: str | None = None
    remark: str | None = None
    value: str | None = None


class TimeInterval(Record, frozen=True, kw_only=True):
    """TimeInterval of IEC 61968-9."""

    end: str | None = None
    start: str | None = None


class TimeSchedule(Record, frozen=True, kw_only=True):
    """TimeSchedule of IEC 61968-9."""

    schedule_interval: DateTimeInterval


class TransformerTank(Record, frozen=True, kw_only=True):
    """TransformerTank of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePointGroup(Record, frozen=True, kw_only=True):
    """UsagePointGroup of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
