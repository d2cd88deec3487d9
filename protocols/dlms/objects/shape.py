"""Taking values apart as their interface class says, with a sentence for what is wrong.

Types of numbers are not insisted on: meters in the field send an `unsigned` where an `enum` is due,
and what they mean is plain.  Structures are: with a member missing, nothing after it is certain.
"""

from __future__ import annotations

from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    Boolean,
    CompactArray,
    DateTimeValue,
    OctetString,
    Structure,
    Value,
    VisibleString,
)
from protocols.errors import ProtocolError


class Misshapen(ValueError):
    """A value that the attribute's definition does not allow; the text says which and where."""


def members(value: Value, what: str, least: int) -> tuple[Value, ...]:
    """A structure's members: `least` of them or more, as later versions of a class append."""
    if not isinstance(value, Structure) or len(value) < least:
        raise Misshapen(f"{what} is not a structure of {least} or more, but {_kind(value)}")
    return value


def elements(value: Value, what: str) -> tuple[Value, ...]:
    """An array's elements, also of a compact one."""
    if isinstance(value, CompactArray):
        try:
            return axdr.elements(value)
        except ProtocolError as error:
            raise Misshapen(f"{what}: {error}") from error
    if not isinstance(value, Array):
        raise Misshapen(f"{what} is no array, but {_kind(value)}")
    return value


def integer(value: Value, what: str) -> int:
    """A number of any integer type."""
    if not isinstance(value, int):
        raise Misshapen(f"{what} is no integer, but {_kind(value)}")
    return int(value)


def truth(value: Value, what: str) -> bool:
    """A boolean, or a number as C knows it."""
    if not isinstance(value, int):
        raise Misshapen(f"{what} is no boolean, but {_kind(value)}")
    return bool(value) if isinstance(value, Boolean) else int(value) != 0


def octets(value: Value, what: str) -> bytes:
    """An octet-string, or text that stands where one is due."""
    if isinstance(value, OctetString):
        return bytes(value)
    if isinstance(value, VisibleString):
        return value.encode("latin-1")
    raise Misshapen(f"{what} is no octet-string, but {_kind(value)}")


def name(value: Value, what: str) -> LogicalName:
    """Six octets."""
    found = octets(value, what)
    if len(found) != 6:
        raise Misshapen(f"{what} has {len(found)} octets, a logical name has six")
    return LogicalName(found)


def moment(value: Value, what: str) -> DateTime:
    """A date-time, under its own tag or in an octet-string; octets behind the twelfth are left."""
    if isinstance(value, DateTimeValue):
        return value.moment
    found = octets(value, what)
    if len(found) < 12:
        raise Misshapen(f"{what} has {len(found)} octets, a date-time has twelve")
    return DateTime.from_octets(found[:12])


def _kind(value: Value) -> str:
    if isinstance(value, Structure | Array):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__
