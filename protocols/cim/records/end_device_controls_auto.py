"""Records of EndDeviceControls, made from outlines/EndDeviceControls.txt."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    DateTimeInterval,
    ElectronicAddress,
    EndDeviceGroup,
    Name,
    UsagePointGroup,
)


class EndDeviceControls(Record, frozen=True, kw_only=True):
    """EndDeviceControls of IEC 61968-9."""

    end_device_control: tuple[EndDeviceControl, ...] = ()
    end_device_control_type: tuple[EndDeviceControlType, ...] = ()


class ControlledAppliance(Record, frozen=True, kw_only=True):
    """ControlledAppliance of IEC 61968-9."""

    is_electric_vehicle: bool | None = None
    is_exterior_lighting: bool | None = None
    is_generation_system: bool | None = None
    is_hvac_compressor_or_furnace: bool | None = None
    is_interior_lighting: bool | None = None
    is_irrigation_pump: bool | None = None
    is_managed_commercial_industrial_load: bool | None = None
    is_pool_pump_spa_jacuzzi: bool | None = None
    is_simple_misc_load: bool | None = None
    is_smart_appliance: bool | None = None
    is_strip_and_baseboard_heater: bool | None = None
    is_water_heater: bool | None = None


class Customer(Record, frozen=True, kw_only=True):
    """Customer of IEC 61968-9."""


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9; extensions: serial_number."""

    mrid: str | None = None
    serial_number: str | None = None
    install_code: str | None = None
    is_pan: bool | None = None
    electronic_address: ElectronicAddress | None = None
    names: tuple[Name, ...] = ()


class EndDeviceAction(Record, frozen=True, kw_only=True):
    """EndDeviceAction of IEC 61968-9."""

    command: str | None = None
    duration: Decimal | None = None
    duration_indefinite: bool | None = None
    start_date_time: datetime | None = None


class EndDeviceControl(Record, frozen=True, kw_only=True):
    """EndDeviceControl of IEC 61968-9; extensions: schedule_strategy, end_device_control_attribute."""

    mrid: str | None = None
    dr_program_level: int | None = None
    dr_program_mandatory: bool | None = None
    issuer_id: str | None = None
    issuer_tracking_id: str | None = None
    price_signal: Decimal | None = None
    reason: str | None = None
    pan_demand_response: PanDemandResponse | None = None
    pan_display: PanDisplay | None = None
    pan_pricing: PanPricing | None = None
    schedule_strategy: str | None = None
    end_device_control_type: str
    end_device_control_attribute: tuple[EndDeviceControlAttribute, ...] = ()
    end_device_groups: tuple[EndDeviceGroup, ...] = ()
    end_devices: tuple[EndDevice, ...] = ()
    primary_device_timing: EndDeviceTiming | None = None
    secondary_device_timing: EndDeviceTiming | None = None
    usage_point_groups: tuple[UsagePointGroup, ...] = ()
    usage_points: tuple[UsagePoint, ...] = ()


class EndDeviceControlAttribute(Record, frozen=True, kw_only=True):
    """EndDeviceControlAttribute of IEC 61968-9; an extension."""

    name: str
    value: str


class EndDeviceControlType(Record, frozen=True, kw_only=True):
    """EndDeviceControlType of IEC 61968-9."""

    mrid: str | None = None
    domain: str | None = None
    event_or_action: str | None = None
    sub_domain: str | None = None
    type: str | None = None
    names: tuple[Name, ...]


class EndDeviceInfo(Record, frozen=True, kw_only=True):
    """EndDeviceInfo of IEC 61968-9."""


class EndDeviceTiming(Record, frozen=True, kw_only=True):
    """EndDeviceTiming of IEC 61968-9."""

    duration: Decimal | None = None
    duration_indefinite: bool | None = None
    randomisation: str | None = None
    interval: DateTimeInterval | None = None


class PanDemandResponse(Record, frozen=True, kw_only=True):
    """PanDemandResponse of IEC 61968-9."""

    avg_load_adjustment: Decimal | None = None
    cancel_control_mode: str | None = None
    cancel_date_time: datetime | None = None
    cancel_now: bool | None = None
    command: str | None = None
    cooling_offset: Decimal | None = None
    cooling_setpoint: Decimal | None = None
    criticality_level: str | None = None
    duration: Decimal | None = None
    duration_indefinite: bool | None = None
    duty_cycle: Decimal | None = None
    enrollment_group: str | None = None
    heating_offset: Decimal | None = None
    heating_setpoint: Decimal | None = None
    start_date_time: datetime | None = None
    appliance: ControlledAppliance | None = None


class PanDisplay(Record, frozen=True, kw_only=True):
    """PanDisplay of IEC 61968-9."""

    command: str | None = None
    confirmation_required: bool | None = None
    duration: Decimal | None = None
    duration_indefinite: bool | None = None
    priority: str | None = None
    start_date_time: datetime | None = None
    text_message: str | None = None
    transmission_mode: str | None = None


class PanPricing(Record, frozen=True, kw_only=True):
    """PanPricing of IEC 61968-9."""

    command: str | None = None
    duration: Decimal | None = None
    duration_indefinite: bool | None = None
    provider_id: int | None = None
    start_date_time: datetime | None = None
    pan_pricing_details: tuple[PanPricingDetail, ...] = ()


class PanPricingDetail(Record, frozen=True, kw_only=True):
    """PanPricingDetail of IEC 61968-9."""

    alternate_cost_delivered: Decimal | None = None
    alternate_cost_unit: str | None = None
    current_time_date: datetime | None = None
    generation_price: Decimal | None = None
    generation_price_ratio: Decimal | None = None
    price: Decimal | None = None
    price_ratio: Decimal | None = None
    price_tier: int | None = None
    price_tier_count: int | None = None
    price_tier_label: str | None = None
    rate_label: str | None = None
    register_tier: str | None = None
    unit_of_measure: str | None = None


class ServiceLocation(Record, frozen=True, kw_only=True):
    """ServiceLocation of IEC 61968-9."""


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
