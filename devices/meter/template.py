"""What a template says of the objects that a real meter had: `[[object]]` of a model's file.

An object that says `live` is the simulated meter's own; every other has its rights and the values
that were read, in A-XDR.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.errors import ProtocolError

_ACCESS = frozenset({"", "r", "w", "rw"})


@dataclass(frozen=True, slots=True)
class RecordedAttribute:
    """One attribute.  `octets` is its value in A-XDR; None where it was not read, and `error` says
    what it answers then."""

    index: int
    access: str  # "r", "w", "rw" or ""
    selectors: tuple[int, ...] = ()
    octets: bytes | None = None
    error: int = DataAccessResult.TEMPORARY_FAILURE


@dataclass(frozen=True, slots=True)
class RecordedObject:
    """One object of the list."""

    class_id: int
    version: int
    name: LogicalName
    live: bool = False
    attributes: tuple[RecordedAttribute, ...] = ()
    methods: tuple[tuple[int, bool], ...] = ()  # its number, and whether it may be invoked


def read(tables: Iterable[Mapping[str, Any]]) -> tuple[RecordedObject, ...]:
    """The `[[object]]` tables of a template.  Raises ValueError."""
    return tuple(map(_object, tables))


def _object(table: Mapping[str, Any]) -> RecordedObject:
    strange = table.keys() - {
        "class", "version", "name", "live", "access", "selectors", "values", "errors", "methods"
    }  # fmt: skip
    if strange or not {"class", "name"} <= table.keys():
        raise ValueError(f"an object has class and name, and no {', '.join(sorted(strange))}")
    access, selectors = table.get("access", {}), table.get("selectors", {})
    values, errors = table.get("values", {}), table.get("errors", {})
    if not set(access.values()) <= _ACCESS:
        raise ValueError(f"{table['name']}: access is r, w, rw or nothing")
    attributes = tuple(
        RecordedAttribute(
            int(index),
            access[index],
            tuple(selectors.get(index, ())),
            bytes.fromhex(values[index]) if index in values else None,
            errors.get(index, DataAccessResult.TEMPORARY_FAILURE),
        )
        for index in access
    )
    for each in attributes:
        DataAccessResult(each.error)
        if each.octets is not None:
            _is_a_value(table["name"], each)
    return RecordedObject(
        table["class"],
        table.get("version", 0),
        LogicalName(table["name"]),
        table.get("live", False),
        attributes,
        tuple((int(number), may) for number, may in table.get("methods", {}).items()),
    )


def _is_a_value(name: str, each: RecordedAttribute) -> None:
    try:
        axdr.decode(each.octets or b"")
    except ProtocolError as error:
        raise ValueError(f"{name}: attribute {each.index} is no value: {error}") from error
