"""What a MeterConfig or EndDeviceConfig says of one device, judged by itself alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from headend.domain.meter import DIALS_IN, GATEWAY
from headend.domain.usage_point import Told
from headend.soap.registry import told as t
from headend.soap.registry.refusals import refused
from headend.soap.registry.told import Called, Fields
from protocols.cim.errors import Identifier
from protocols.cim.record import Record
from protocols.cim.records.end_device_config_auto import EndDeviceConfig
from protocols.cim.records.meter_config_auto import MeterConfig
from protocols.cim.records.parts_auto import ComFunction, Status

CONCENTRATOR_TYPES: Final = frozenset({"concentrator", "concentrador", "collector"})
"""What EndDevice/type says of one that is no meter."""

_ADDRESS: Final = re.compile(r"(tcp|udp)://[^/\s]{1,200}")
_TITLE: Final = re.compile(r"[0-9A-Fa-f]{16}")
_IDENTITY_MAX: Final = 64
# Of a device these are not kept as they were told: the registry's own, references, and reports.
_OWN: Final = (
    "mrid", "com_function", "connect_disconnect_function", "simple_end_device_function", "status",
    "configuration_events",
)  # fmt: skip
_UNKEPT: Final = {
    "connect_disconnect_function": "ConnectDisconnectFunction",
    "reading_type": "ReadingType",
    "simple_end_device_function": "SimpleEndDeviceFunction",
}


@dataclass(frozen=True, slots=True)
class Device:
    """One Meter or EndDevice of a message.  `own` are fields of a `Meter`, `sim` is a
    concentrator's."""

    one: Called
    kind: Told
    own: dict[str, Any]
    fields: Fields
    sim: str | None = None
    status: Status | None = None
    why: str = ""
    passed_over: tuple[str, ...] = ()


def said(record: MeterConfig | EndDeviceConfig, item: Any, models: Collection[str]) -> Device:
    """What a message says of one device.  Raises `RequestRefused`."""
    one = t.called(item)
    kind = Told.METER
    if isinstance(record, EndDeviceConfig) and (item.type or "").lower() in CONCENTRATOR_TYPES:
        kind = Told.CONCENTRATOR
    at = one.id(kind)
    passed_over = tuple(
        element for name, element in _UNKEPT.items()
        if getattr(record, name) or getattr(item, name, ())
    )  # fmt: skip
    fields = t.fields_of(item, _OWN)
    own: dict[str, Any] = {}
    model = fields.get("end_device_info", {}).get("asset_model", {}).pop("model_number", None)
    if model is not None:
        if model not in models:
            raise refused("2.4", f"MODELO_DESCONOCIDO: {model[:60]!r}", at)
        own["model"] = model
    fields = t.tidied(fields)
    _names(item, one, own, fields, at)
    way = _way(record, item, at)
    t.check(type(record), "meter" if isinstance(record, MeterConfig) else "end_device", item, at)
    event = item.configuration_events
    device = Device(
        one, kind, own, fields, status=item.status, passed_over=passed_over,
        why="" if event is None else event.reason or "",
    )  # fmt: skip
    if kind is Told.CONCENTRATOR:
        return replace(device, own={}, sim=way.amr_address or None)
    return replace(device, own=own | _reached(way, at))


def _names(item: Any, one: Called, own: dict[str, Any], fields: Fields, at: Identifier) -> None:
    """Names that the registry has fields for are taken out of those that are kept as told."""
    for name in item.names:
        match t.typed(name):
            case t.SYSTEM_TITLE:
                if _TITLE.fullmatch(name.name) is None:
                    raise refused("2.4", "TITULO_INVALIDO: 16 cifras hexadecimales", at)
                own["title"] = name.name.upper()
            case t.LOGICAL_DEVICE_NAME:
                if len(name.name) > _IDENTITY_MAX or not name.name.isprintable():
                    raise refused("2.4", "NOMBRE_LOGICO_INVALIDO: 64 signos a lo más", at)
                own["identity"] = name.name
    rest = [name for name in item.names if name.name and t.typed(name) is None]
    fields.pop("names", None)
    if rest and (len(rest) > 1 or rest[0].name_type is not None):
        fields["names"] = t.listed(rest)


def _way(record: MeterConfig | EndDeviceConfig, item: Any, at: Identifier) -> ComFunction:
    """How a device is reached: its ComFunction, by reference.  Raises `RequestRefused` (2.29)."""
    keys = {key: each for each in record.com_function for key in _keys(each)}
    found = []
    for ref in item.com_function:
        if ref not in keys:
            raise refused("2.29", f"FUNCION_NO_RELACIONADA: no hay ComFunction {ref[:60]}", at)
        found.append(keys[ref])
    if len(found) > 1:
        raise refused("2.29", "FUNCION_REPETIDA: se espera una ComFunction", at)
    return found[0] if found else ComFunction()


def _keys(function: ComFunction) -> Iterator[str]:
    if function.mrid:
        yield function.mrid
    yield from (name.name for name in function.names)


def _reached(way: ComFunction, at: Identifier) -> dict[str, Any]:
    """A meter's address and concentrator.  An address that is none is refused (2.4)."""
    found: dict[str, Any] = {}
    if way.amr_address:
        known = way.amr_address in (DIALS_IN, GATEWAY)
        if not known and _ADDRESS.fullmatch(way.amr_address) is None:
            details = "DIRECCION_INVALIDA: tcp://HOST:PUERTO, udp://, dials-in o gateway"
            raise refused("2.4", details, at)
        found["address"] = way.amr_address
    if way.amr_router:
        found["concentrator"] = way.amr_router
    return found


def no_limits(record: Record) -> None:
    """Raises `RequestRefused` (1.8) where a message that is no order sets a limit or connects: what
    changes a supply is never passed over."""
    for function in getattr(record, "connect_disconnect_function", ()):
        if function.rcd_info is not None or function.is_connected is not None:
            details = "LIMITE_NO_ADMITIDO: es una orden; use change MeterConfig"
            raise refused("1.8", details, xpath="ConnectDisconnectFunction")
