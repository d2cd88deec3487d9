"""Between our typed values and those of gurux-dlms.

gurux-dlms reads three of the eight integer types as plain `int`, dates as its own objects and an
empty array, in places, as nothing.  So its values cannot stand for themselves: ours, read from the
same octets, carry the type, and `agree` says whether both readings mean the same.
"""

from __future__ import annotations

import math
from typing import Any

from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.quantity import NUMBERS
from protocols.dlms.services import GetResult
from protocols.dlms.values import (
    Array,
    Bcd,
    BitString,
    Boolean,
    Enum,
    Float32,
    Float64,
    NullData,
    OctetString,
    Structure,
    Utf8String,
    Value,
    VisibleString,
)
from protocols.errors import LocalProtocolError


def to_library(value: Value) -> tuple[int, Any]:
    """A value as gurux-dlms takes it: its data type and the Python object.

    Raises LocalProtocolError for what gurux-dlms cannot write as it is.
    """
    kind = int(value.TAG)
    match value:
        case Array() | Structure():
            return kind, axdr.encode(value)  # it would guess the elements' types; octets it copies
        case OctetString():
            return kind, bytes(value)
        case VisibleString() | Utf8String():
            return kind, str(value)
        case Boolean():
            return kind, bool(value)
        case BitString():
            return kind, value.bits
        case Float32() | Float64():
            return kind, float(value)
        case NullData():
            return kind, None
        case int() if isinstance(value, (*NUMBERS, Enum, Bcd)):
            return kind, int(value)
        case _:
            raise LocalProtocolError(f"gurux-dlms cannot write {type(value).__name__}")


def agree(ours: GetResult, theirs: Any) -> bool:
    """Whether gurux-dlms read the same as we did."""
    match ours:
        case DataAccessResult() | NullData():
            return theirs is None
        case Array() | Structure():
            if theirs is None:
                return not ours
            return (
                isinstance(theirs, list)
                and len(theirs) == len(ours)
                and all(map(agree, ours, theirs))
            )
        case OctetString():
            return isinstance(theirs, (bytes, bytearray)) and bytes(theirs) == bytes(ours)
        case Utf8String():
            return _same_text(ours.encode("utf-8", "surrogateescape"), theirs)
        case VisibleString():
            return _same_text(ours.encode("latin-1"), theirs)
        case Boolean():
            return theirs is bool(ours)
        case BitString():
            return bytes(getattr(theirs, "value", b"?")) == BitString.of(ours.bits).octets
        case Float32() | Float64():
            return isinstance(theirs, float) and (
                float(theirs) == float(ours) or math.isnan(theirs) and math.isnan(ours)
            )
        case int():
            return isinstance(theirs, int) and int(theirs) == int(ours)
        case _:
            return theirs is not None  # dates and compact arrays: objects of its own making


def _same_text(ours: bytes, theirs: Any) -> bool:
    """It shows text that is not plain ASCII as hexadecimal digits."""
    return isinstance(theirs, str) and theirs in (
        ours.decode("latin-1"),
        ours.hex(" ").upper(),
    )
