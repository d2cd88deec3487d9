"""Values as text: how an attribute looks in XML, in an option's value and in a page's position."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import assert_never

from protocols.cim import xml
from protocols.cim.errors import RequestRefused
from protocols.cim.profile.model import Attribute, Enumeration, Primitive

Value = str | int | float | bool | datetime

INTEGER_MAX = 2**63 - 1  # what a column of a database can hold
TEXT_MAX = (
    16_000  # characters of a value; so a message stays within the bounds of protocols.cim.xml
)

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)


class NotAValue(ValueError):
    """A text that is no value of a type; says, in Spanish, what would be one."""


def read(kind: Primitive | Enumeration, text: str) -> Value:
    """A value from its text, as XSD writes it.  Raises `NotAValue`."""
    if len(text) > TEXT_MAX:
        raise NotAValue(f"se admiten {TEXT_MAX} caracteres")
    if isinstance(kind, Enumeration):
        if text not in kind.literals:
            raise NotAValue(f"se espera uno de {', '.join(kind.literals)}")
        return text
    match kind:
        case Primitive.STRING:
            if "\0" in text:
                raise NotAValue("el texto tiene un carácter nulo")
            return text
        case Primitive.INTEGER:
            if _INTEGER.fullmatch(text) and abs(int(text)) <= INTEGER_MAX:
                return int(text)
            raise NotAValue("se espera un número entero")
        case Primitive.FLOAT:
            if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
                return number
            raise NotAValue("se espera un número")
        case Primitive.BOOLEAN:
            if text in ("true", "1", "false", "0"):
                return text in ("true", "1")
            raise NotAValue("se espera true o false")
        case Primitive.DATE_TIME:
            return _instant(text)
        case _:
            assert_never(kind)


def _instant(text: str) -> datetime:
    try:
        value = xml.date_time(text)
    except RequestRefused as error:
        raise NotAValue("se espera una fecha y hora como 2026-07-06T12:00:00Z") from error
    assert value is not None
    if value.tzinfo is None:
        raise NotAValue("la fecha y hora no tiene zona: termine en Z o +hh:mm")
    try:
        xml.date_time_text(value)
    except OverflowError as error:
        raise NotAValue("la fecha y hora está fuera del calendario") from error
    return value


def write(value: Value) -> str:
    """The text of a value.  Times are UTC with as many digits as they have."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            if value.microsecond % 1000:
                whole = xml.date_time_text(value.replace(microsecond=0))
                return f"{whole[:-1]}.{value.microsecond:06d}Z"
            return xml.date_time_text(value)
        case float():
            return repr(value)
        case _:
            return str(value)


def fits(attribute: Attribute, value: Value) -> bool:
    """Whether a value is one of an attribute's type."""
    kind = attribute.type
    if isinstance(kind, Enumeration):
        return value in kind.literals
    match kind:
        case Primitive.STRING:
            return isinstance(value, str)
        case Primitive.INTEGER:
            return type(value) is int and abs(value) <= INTEGER_MAX
        case Primitive.FLOAT:
            return isinstance(value, float) and math.isfinite(value)
        case Primitive.BOOLEAN:
            return isinstance(value, bool)
        case Primitive.DATE_TIME:
            return isinstance(value, datetime) and value.tzinfo is not None
        case _:
            assert_never(kind)
