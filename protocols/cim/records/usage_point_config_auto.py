"""Records of UsagePointConfig, made from outlines/UsagePointConfig.txt."""

from __future__ import annotations

from decimal import Decimal

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    ConfigurationEvent,
    Name,
    PricingStructure,
    ServiceSupplier,
)


class UsagePointConfig(Record, frozen=True, kw_only=True):
    """UsagePointConfig of IEC 61968-9."""

    usage_point: tuple[UsagePoint, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    ami_billing_ready: str | None = None
    check_billing: bool | None = None
    connection_state: str | None = None
    estimated_load: Decimal | None = None
    grounded: bool | None = None
    is_sdp: bool | None = None
    is_virtual: bool | None = None
    minimal_usage_expected: bool | None = None
    nominal_service_voltage: Decimal | None = None
    outage_region: str | None = None
    phase_code: str | None = None
    rated_current: Decimal | None = None
    rated_power: Decimal | None = None
    read_cycle: str | None = None
    read_route: str | None = None
    service_delivery_remark: str | None = None
    service_priority: str | None = None
    configuration_events: ConfigurationEvent | None = None
    equipments: tuple[Equipment, ...] = ()
    names: tuple[Name, ...] = ()
    pricing_structures: tuple[PricingStructure, ...] = ()
    service_category: ServiceCategory | None = None
    service_location: ServiceLocation | None = None
    service_supplier: ServiceSupplier | None = None
    usage_point_location: UsagePointLocation | None = None


class ServiceCategory(Record, frozen=True, kw_only=True):
    """ServiceCategory of IEC 61968-9."""

    mrid: str | None = None
    kind: str | None = None
    names: tuple[Name, ...] = ()


class UsagePointLocation(Record, frozen=True, kw_only=True):
    """UsagePointLocation of IEC 61968-9."""

    mrid: str | None = None
    access_method: str | None = None
    remark: str | None = None
    site_access_problem: str | None = None
    main_address: StreetAddress | None = None
    names: tuple[Name, ...] = ()
    position_points: tuple[PositionPoint, ...] = ()


class PositionPoint(Record, frozen=True, kw_only=True):
    """PositionPoint of IEC 61968-9."""

    group_number: int | None = None
    sequence_number: int | None = None
    x_position: str | None = None
    y_position: str | None = None
    z_position: str | None = None


class StreetAddress(Record, frozen=True, kw_only=True):
    """StreetAddress of IEC 61968-9."""

    postal_code: str | None = None
    street_detail: StreetDetail | None = None
    town_detail: TownDetail | None = None


class StreetDetail(Record, frozen=True, kw_only=True):
    """StreetDetail of IEC 61968-9."""

    address_general: str | None = None
    building_name: str | None = None
    code: str | None = None
    name: str | None = None
    number: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    suite_number: str | None = None
    type: str | None = None
    within_town_limits: bool | None = None


class TownDetail(Record, frozen=True, kw_only=True):
    """TownDetail of IEC 61968-9."""

    code: str | None = None
    country: str | None = None
    name: str | None = None
    section: str | None = None
    state_or_province: str | None = None


class Equipment(Record, frozen=True, kw_only=True):
    """Equipment of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class ServiceLocation(Record, frozen=True, kw_only=True):
    """ServiceLocation of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
