"""The registry as the Config nouns tell it: what was told, under what the registry itself knows.

What is told here can be sent as `create` to another head-end and means the same there, but for a
status, which is only reported: a meter becomes commissioned by being asked itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from headend.domain.life_cycle import stage_of
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.domain.usage_point import Told, UsagePoint
from headend.ports import Transaction
from headend.registry.lives import hanging_at, hanging_of
from headend.soap.registry import told as t
from headend.soap.registry.linkages import RELATED
from protocols.cim import linkage
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.linkage import Linkage
from protocols.cim.records import end_device_config_auto as d
from protocols.cim.records import meter_config_auto as m
from protocols.cim.records import usage_point_config_auto as u
from protocols.cim.records.master_linkage_config_auto import MasterDataLinkageConfig
from protocols.cim.records.parts_auto import ComFunction, Name, NameType, Status

COLLECTOR: Final = "concentrator"


def meters(tx: Transaction, some: list[Meter]) -> m.MeterConfig:
    """A MeterConfig of these meters."""
    ways, shown = [], []
    for meter in some:
        way, fields, own = _meter(tx, meter)
        ways += [] if way is None else [way]
        shown.append(t.shown(fields, m.Meter, **own))
    return m.MeterConfig(com_function=tuple(ways), meter=tuple(shown))


def devices(tx: Transaction, some: list[Concentrator | Meter]) -> d.EndDeviceConfig:
    """An EndDeviceConfig of these concentrators and meters."""
    ways, shown = [], []
    for each in some:
        told = _meter(tx, each) if isinstance(each, Meter) else _concentrator(tx, each)
        way, fields, own = told
        ways += [] if way is None else [way]
        shown.append(t.shown(fields, d.EndDevice, **own))
    return d.EndDeviceConfig(com_function=tuple(ways), end_device=tuple(shown))


def _meter(tx: Transaction, meter: Meter) -> tuple[ComFunction | None, t.Fields, dict[str, Any]]:
    fields, mrid = t.kept(tx, Told.METER, meter.name)
    if meter.model != "generic":
        model = {"end_device_info": {"asset_model": {"model_number": meter.model}}}
        fields = t.merged(fields, model)
    # A link of one that hangs is a linkage's to tell; of one in stock it is only expected.
    way = _way(f"com-{meter.name}", meter.address, meter.concentrator)
    names = _names(fields, meter.name) + tuple(
        Name(name=value, name_type=NameType(name=kind))
        for kind, value in (
            (t.LOGICAL_DEVICE_NAME, meter.identity),
            (t.SYSTEM_TITLE, meter.title),
        )
        if value
    )
    status = Status(value=str(stage_of(meter)))
    return way, fields, {**_common(mrid, names, way), "status": status}


def _concentrator(
    tx: Transaction, one: Concentrator
) -> tuple[ComFunction | None, t.Fields, dict[str, Any]]:
    fields, mrid = t.kept(tx, Told.CONCENTRATOR, one.name)
    way = _way(f"com-{one.name}", one.sim, None)
    own = _common(mrid, _names(fields, one.name), way)
    return way, {"type": COLLECTOR, **fields}, own


def _way(key: str, address: str | None, router: str | None) -> ComFunction | None:
    if address is None and router is None:
        return None
    return ComFunction(mrid=key, amr_address=address, amr_router=router)


def _names(fields: t.Fields, name: str) -> tuple[Name, ...]:
    told = t.names_in(fields)
    return told if told and told[0].name == name else (Name(name=name), *told)


def _common(mrid: str | None, names: tuple[Name, ...], way: ComFunction | None) -> dict[str, Any]:
    refs = () if way is None or way.mrid is None else (way.mrid,)
    return {"mrid": mrid, "names": names, "com_function": refs}


def points(tx: Transaction, some: list[Place]) -> u.UsagePointConfig:
    """A UsagePointConfig of these service points."""
    return u.UsagePointConfig(usage_point=tuple(_point(tx, place) for place in some))


def _point(tx: Transaction, place: Place) -> u.UsagePoint:
    fields, mrid = t.kept(tx, Told.USAGE_POINT, place.code)
    if place.name:
        street = {"street_detail": {"address_general": place.name}}
        fields = t.merged(fields, {"usage_point_location": {"main_address": street}})
    contract, phase = _supply(tx, place)
    parent = None if place.parent is None else tx.place(place.parent)
    feeder: tuple[u.Equipment, ...] = ()
    if parent is not None:
        kind = NameType(name=str(parent.kind))
        feeder = (u.Equipment(names=(Name(name=parent.code, name_type=kind),)),)
    return t.shown(
        fields, u.UsagePoint, mrid=mrid, names=_names(fields, place.code), phase_code=phase,
        rated_power=contract, equipments=feeder,
    )  # fmt: skip


def _supply(tx: Transaction, place: Place) -> tuple[Decimal | None, str | None]:
    """Contract and phases; what nobody told of the point is what its meter's record says."""
    point = tx.usage_point(place.code) or UsagePoint(place.code)
    hung = hanging_at(tx, place.code)
    meter = None if hung is None else tx.meter(hung.meter)
    contract, phase = point.contracted_w, point.phase_code
    if meter is not None:
        contract = contract or meter.contracted_w
        phase = phase or meter.recorded_phase
    return contract, phase


def linked_point(tx: Transaction, place: Place) -> MasterDataLinkageConfig | None:
    """What belongs to a service point; None where nothing does."""
    point = tx.usage_point(place.code) or UsagePoint(place.code)
    hung = hanging_at(tx, place.code)
    meter = None if hung is None else tx.meter(hung.meter)
    parent = None if place.parent is None else tx.place(place.parent)
    fed = parent is not None and parent.kind is PlaceKind.TRANSFORMER
    if meter is None and not fed and not point.related:
        return None
    of_class = {name: each for each, name in RELATED.items()}
    related: dict[str, Any] = {
        of_class[name]: (MeterRef(value),) for name, value in point.related.items()
    }
    return linkage.write(
        Linkage(
            usage_points=(MeterRef(place.code),),
            meters=() if meter is None else (MeterRef(meter.name),),
            devices=_behind(meter),
            transformers=(MeterRef(place.parent),) if fed and place.parent else (),
            effective=None if hung is None else hung.since,
            **related,
        )
    )


def linked_meter(tx: Transaction, meter: Meter) -> MasterDataLinkageConfig | None:
    """The concentrator of a meter of which nobody knows where it hangs; None where it has none.  Of
    one in stock it is only expected, and told as its MeterConfig's."""
    behind = _behind(meter)
    if not behind or stage_of(meter) in (Stage.IN_STOCK, Stage.REMOVED):
        return None
    if hanging_of(tx, meter.name) is not None:
        return None
    return linkage.write(Linkage(meters=(MeterRef(meter.name),), devices=behind))


def _behind(meter: Meter | None) -> tuple[MeterRef, ...]:
    return () if meter is None or meter.concentrator is None else (MeterRef(meter.concentrator),)
