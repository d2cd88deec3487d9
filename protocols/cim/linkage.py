"""MasterDataLinkageConfig: which objects belong together, from when (IEC 61968-9).

The profile lists objects of each class side by side: all that one message names are linked to each
other.  Several usage points with several meters would leave open which is whose, and are refused;
one usage point may have several meters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from protocols.cim.end_device_controls import MeterRef
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.record import Record
from protocols.cim.records import master_linkage_config_auto as m
from protocols.cim.records.parts_auto import (
    ConfigurationEvent,
    Name,
    PricingStructure,
    ServiceSupplier,
    TransformerTank,
)

# Of each field of a linkage: the record's field, and its class.
_OBJECTS: Final[dict[str, tuple[str, type[Record]]]] = {
    "meters": ("meter", m.Meter),
    "usage_points": ("usage_point", m.UsagePoint),
    "customers": ("customer", m.Customer),
    "accounts": ("customer_account", m.CustomerAccount),
    "agreements": ("customer_agreement", m.CustomerAgreement),
    "service_locations": ("service_location", m.ServiceLocation),
    "suppliers": ("service_supplier", ServiceSupplier),
    "tariffs": ("pricing_structure", PricingStructure),
    "transformers": ("transformer_tank", TransformerTank),
    "com_modules": ("com_module", m.ComModule),
    "devices": ("end_device", m.EndDevice),
    "places": ("usage_point_location", m.UsagePointLocation),
    "auxiliary_agreements": ("auxiliary_agreement", m.AuxiliaryAgreement),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Linkage:
    """What belongs together, each object by its first name or its mRID.  `effective` may be
    naive."""

    meters: tuple[MeterRef, ...] = ()
    usage_points: tuple[MeterRef, ...] = ()
    customers: tuple[MeterRef, ...] = ()
    accounts: tuple[MeterRef, ...] = ()
    agreements: tuple[MeterRef, ...] = ()
    service_locations: tuple[MeterRef, ...] = ()
    suppliers: tuple[MeterRef, ...] = ()
    tariffs: tuple[MeterRef, ...] = ()
    transformers: tuple[MeterRef, ...] = ()
    com_modules: tuple[MeterRef, ...] = ()
    devices: tuple[MeterRef, ...] = ()
    places: tuple[MeterRef, ...] = ()
    auxiliary_agreements: tuple[MeterRef, ...] = ()
    effective: datetime | None = None
    reason: str | None = None


def write(linkage: Linkage) -> m.MasterDataLinkageConfig:
    """The record of a linkage."""
    objects: dict[str, Any] = {
        element: tuple(
            kind(
                mrid=ref.value if ref.kind == "uuid" else None,
                names=(Name(name=ref.value),) if ref.kind == "name" else (),
            )
            for ref in getattr(linkage, name)
        )
        for name, (element, kind) in _OBJECTS.items()
    }
    event = None
    if linkage.effective is not None or linkage.reason is not None:
        event = ConfigurationEvent(effective_date_time=linkage.effective, reason=linkage.reason)
    return m.MasterDataLinkageConfig(configuration_event=event, **objects)


def read(record: m.MasterDataLinkageConfig) -> Linkage:
    """The linkage of a record.

    Raises `RequestRefused`: 5.8 for an object without name or a message that names fewer than two,
    2.29 for several meters with several usage points.
    """
    found: dict[str, Any] = {
        name: tuple(map(_ref, getattr(record, element))) for name, (element, _) in _OBJECTS.items()
    }
    if sum(map(len, found.values())) < 2:
        raise _refused("5.8", "VINCULO_INCOMPLETO: se esperan dos objetos o más", None)
    if len(found["meters"]) > 1 and len(found["usage_points"]) > 1:
        raise _refused(
            "2.29",
            "VINCULO_AMBIGUO: varios medidores con varios puntos de suministro",
            "UsagePoint",
        )
    event = record.configuration_event
    return Linkage(
        **found,
        effective=None if event is None else event.effective_date_time,
        reason=None if event is None else event.reason,
    )


def _ref(item: object) -> MeterRef:
    names: tuple[Name, ...] = getattr(item, "names", ())
    mrid: str | None = getattr(item, "mrid", None)
    first = next((name.name for name in names if name.name), None)
    if first is not None:
        return MeterRef(first)
    if mrid:
        return MeterRef(mrid, "uuid")
    kind = type(item).__name__
    raise _refused("5.8", f"NOMBRE_FALTA: {kind} sin nombre ni mRID", kind)


def _refused(code: str, details: str, xpath: str | None) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))
