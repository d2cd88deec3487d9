"""What a system tells of an object besides what the registry acts upon.

It is kept as JSON by the fields of the noun's records, so that what is told of a meter as
MeterConfig is shown as EndDeviceConfig as well; a `change` writes over what it tells, and leaves
the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from headend.domain.usage_point import Particulars, Told
from headend.ports import Transaction
from headend.registry.lives import By
from headend.soap.registry.refusals import refused
from protocols.cim import codec
from protocols.cim.errors import Identifier, RequestRefused
from protocols.cim.record import Record
from protocols.cim.records.parts_auto import Name

R = TypeVar("R", bound=Record)
Fields = dict[str, Any]

NAME_MAX: Final = 255
# No secret travels by SOAP: messages are kept as they came.
_SECRETS: Final = frozenset({"password", "install_code"})

OBJECT_TYPES: Final = {
    Told.METER: "Meter",
    Told.CONCENTRATOR: "EndDevice",
    Told.USAGE_POINT: "UsagePoint",
}


@dataclass(frozen=True, slots=True)
class Called:
    """How a message names an object: its name here, and its mRID in the sender's system."""

    name: str
    mrid: str | None
    by_mrid: bool  # nothing but the mRID names it

    def id(self, kind: Told) -> Identifier:
        """As errors name it."""
        return Identifier(self.name, "uuid" if self.by_mrid else "name", OBJECT_TYPES[kind])


def called(item: Any) -> Called:
    """The first of its names that says no type, else the mRID, else the serial number.

    Raises `RequestRefused` (5.8) for an object without any, 1.8 for a name that is too long.
    """
    names = [name.name for name in item.names if name.name and not typed(name)]
    mrid: str | None = item.mrid or None
    serial: str | None = getattr(item, "serial_number", None) or None
    name = next(iter(names), None) or mrid or serial
    what = type(item).__name__
    if name is None:
        raise refused("5.8", f"NOMBRE_FALTA: {what} sin nombre ni mRID", xpath=what)
    if max(len(name), len(mrid or "")) > NAME_MAX:
        raise refused("1.8", f"CAMPO_DEMASIADO_LARGO: nombre de {what}", xpath="Names")
    return Called(name, mrid, by_mrid=not names and mrid is not None)


# Types of names that the registry acts upon, and its fields.
LOGICAL_DEVICE_NAME: Final = "LogicalDeviceName"
SYSTEM_TITLE: Final = "SystemTitle"
_TYPED: Final = frozenset({LOGICAL_DEVICE_NAME, SYSTEM_TITLE})


def typed(name: Name) -> str | None:
    """The type of a name that the registry has a field of its own for."""
    kind = None if name.name_type is None else name.name_type.name
    return kind if kind in _TYPED else None


def known_as(tx: Transaction, kind: Told, one: Called) -> str:
    """An object's name here, by what a message calls it."""
    if one.by_mrid:
        known = tx.particulars_called(kind, one.name)
        if known is not None:
            return known.name
    return one.name


def fields_of(item: Record, without: Iterable[str]) -> Fields:
    """What is filled in of a record, as JSON would have it, without these fields."""
    found: Fields = msgspec.to_builtins(item)
    return _slim({name: value for name, value in found.items() if name not in set(without)})


def tidied(fields: Fields) -> Fields:
    """The fields without those that are empty."""
    slim: Fields = _slim(fields)
    return slim


def listed(records: Iterable[Record]) -> list[Fields]:
    """Several records, as fields."""
    return [fields_of(each, ()) for each in records]


def _slim(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: slim for k, v in value.items() if (slim := _slim(v)) not in (None, "", {}, [])}
    if isinstance(value, list | tuple):
        return [slim for each in value if (slim := _slim(each)) not in (None, "", {}, [])]
    return value


def merged(before: Fields, told: Fields) -> Fields:
    """The fields after a change: what it tells, over what was told before."""
    both = dict(before)
    for name, value in told.items():
        there = both.get(name)
        nested = isinstance(value, dict) and isinstance(there, dict)
        both[name] = merged(there, value) if nested else value  # type: ignore[arg-type]
    return both


def contradicts(before: Fields, told: Fields) -> bool:
    """Whether something is told otherwise than before; what is told for the first time is not."""
    for name, value in told.items():
        there = before.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            if contradicts(there, value):
                return True
        elif there is not None and there != value:
            return True
    return False


def no_secrets(record: Record) -> None:
    """Raises `RequestRefused` (7.7) where a message carries a password or an install code: it would
    be kept with the message."""
    if found := _secret(msgspec.to_builtins(record)):
        details = "CLAVE_NO_ADMITIDA: las claves no viajan por SOAP; llegan con el despacho"
        raise refused("7.7", details, xpath=found)


def _secret(value: Any) -> str | None:
    if isinstance(value, dict):
        for name, each in value.items():
            if name in _SECRETS and each:
                return "installCode" if name == "install_code" else name
            if inner := _secret(each):
                return inner
    if isinstance(value, list | tuple):
        return next(filter(None, map(_secret, value)), None)
    return None


def check(noun: type[Record], field: str, item: Record, at: Identifier) -> None:
    """Raises `RequestRefused` (1.8) for what could not be told again: a time without its zone."""
    try:
        codec.encode(noun(**{field: (item,)}), extensions=True)
    except ValueError as error:
        if isinstance(error, RequestRefused):
            raise
        details = "FECHA_SIN_ZONA: las horas llevan Z o su desfase"
        raise refused("1.8", details, at) from error


def kept(tx: Transaction, kind: Told, name: str) -> tuple[Fields, str | None]:
    """What was told of an object before, and its mRID."""
    known = tx.particulars(kind, name)
    if known is None:
        return {}, None
    fields: Fields = msgspec.json.decode(known.told)
    return fields, known.mrid


def keep(tx: Transaction, kind: Told, one: Called, name: str, fields: Fields, by: By) -> None:
    """Write down what is told.  Raises `RequestRefused` (2.4, 2.12) where another object of the
    kind has the mRID."""
    before, mrid = kept(tx, kind, name)
    wanted = one.mrid or mrid
    if (fields, wanted) == (before, mrid):
        return
    other = None if wanted is None else tx.particulars_called(kind, wanted)
    if other is not None and other.name != name:
        code = "2.12" if kind is Told.USAGE_POINT else "2.4"
        raise refused(code, f"MRID_REPETIDO: es de {other.name}", one.id(kind))
    told = msgspec.json.encode(fields, order="sorted").decode()
    tx.put_particulars(Particulars(kind, name, told, wanted, by.at, by.who))


def names_in(fields: Fields) -> tuple[Name, ...]:
    """The names that were told of an object."""
    return msgspec.convert(fields.get("names", []), tuple[Name, ...])


def shown(fields: Fields, kind: type[R], **more: Any) -> R:
    """A record of what was told; `more` are fields that the registry itself tells."""
    return msgspec.structs.replace(msgspec.convert(fields, kind), **more)
