"""Records of MasterDataLinkageConfig, made from outlines/MasterDataLinkageConfig.txt."""

from __future__ import annotations

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    ConfigurationEvent,
    Name,
    PricingStructure,
    ServiceSupplier,
    TransformerTank,
)


class MasterDataLinkageConfig(Record, frozen=True, kw_only=True):
    """MasterDataLinkageConfig of IEC 61968-9."""

    auxiliary_agreement: tuple[AuxiliaryAgreement, ...] = ()
    com_module: tuple[ComModule, ...] = ()
    configuration_event: ConfigurationEvent | None = None
    customer: tuple[Customer, ...] = ()
    customer_account: tuple[CustomerAccount, ...] = ()
    customer_agreement: tuple[CustomerAgreement, ...] = ()
    end_device: tuple[EndDevice, ...] = ()
    meter: tuple[Meter, ...] = ()
    pricing_structure: tuple[PricingStructure, ...] = ()
    service_location: tuple[ServiceLocation, ...] = ()
    service_supplier: tuple[ServiceSupplier, ...] = ()
    transformer_tank: tuple[TransformerTank, ...] = ()
    usage_point: tuple[UsagePoint, ...] = ()
    usage_point_location: tuple[UsagePointLocation, ...] = ()


class AuxiliaryAgreement(Record, frozen=True, kw_only=True):
    """AuxiliaryAgreement of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class ComModule(Record, frozen=True, kw_only=True):
    """ComModule of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class Customer(Record, frozen=True, kw_only=True):
    """Customer of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class CustomerAccount(Record, frozen=True, kw_only=True):
    """CustomerAccount of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class CustomerAgreement(Record, frozen=True, kw_only=True):
    """CustomerAgreement of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class ServiceLocation(Record, frozen=True, kw_only=True):
    """ServiceLocation of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePointLocation(Record, frozen=True, kw_only=True):
    """UsagePointLocation of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
