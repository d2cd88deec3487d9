"""Typed values of a meter as people and tables show them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.units import number_of
from protocols.dlms.procedures import standard_name
from protocols.dlms.services import GetResult
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    CompactArray,
    DateTimeValue,
    DateValue,
    NullData,
    OctetString,
    Structure,
    TimeValue,
    Utf8String,
    VisibleString,
)
from tools.probe.report import Cell

DATE_TIME_SIZE = 12


def cell_of(result: GetResult) -> Cell:
    """For a table: numbers stay numbers, moments moments; all else becomes text."""
    if isinstance(result, NullData):
        return None
    if isinstance(result, Boolean):
        return bool(result)
    if isinstance(result, int) and not isinstance(result, DataAccessResult):
        return int(result)
    if (number := number_of(result)) is not None and not isinstance(result, DataAccessResult):
        return number
    if isinstance(result, DateTimeValue):
        return moment_of(result.moment) or text_of(result)
    return text_of(result)


def text_of(result: GetResult) -> str:
    """Short, without the type: text where octets are text, dates where they are dates."""
    match result:
        case DataAccessResult():
            return f"({standard_name(result)})"
        case NullData():
            return "-"
        case Boolean():
            return "yes" if result else "no"
        case CompactArray():
            return f"[{', '.join(map(text_of, shape.elements(result, 'array')))}]"
        case Array() | Structure():
            return f"[{', '.join(map(text_of, result))}]"
        case OctetString():
            return _octets(bytes(result))
        case BitString():
            return result.bits
        case VisibleString() | Utf8String():
            return str.__str__(result)
        case DateTimeValue():
            return date_time_text(result.moment)
        case DateValue() | TimeValue():
            return str(result)
        case int():
            return str(int(result))
        case float():
            return repr(float(result))
    return str(result)


def _octets(octets: bytes) -> str:
    if len(octets) == 6 and octets[5] == 0xFF:
        return str(LogicalName(octets))
    if len(octets) == DATE_TIME_SIZE and 0x07 <= octets[0] <= 0x08:  # years 1792 to 2303
        return date_time_text(DateTime.from_octets(octets))
    text = octets.rstrip(b"\0")
    if text and text.isascii() and text.decode("ascii").isprintable():
        return text.decode("ascii")
    return octets.hex().upper() or "(no octets)"


def moment_of(moment: DateTime | None) -> datetime | None:
    """As a date of the calendar, with its zone where it has one; None where it is none."""
    try:
        return None if moment is None else moment.to_datetime()
    except (ValueError, OverflowError):
        return None


def date_time_text(moment: DateTime) -> str:
    """With a * for each part that is not specified."""
    date, time = moment.date, moment.time
    text = f"{_date(date)} {_time(time)}"
    if moment.deviation_min is None:
        return text
    sign, minutes = "-" if moment.deviation_min > 0 else "+", abs(moment.deviation_min)
    return f"{text} {sign}{minutes // 60:02}:{minutes % 60:02}"


def _date(date: Date) -> str:
    year = "****" if date.year is None else f"{date.year:04}"
    return f"{year}-{_two(date.month)}-{_two(date.day)}"


def _time(time: Time) -> str:
    return f"{_two(time.hour)}:{_two(time.minute)}:{_two(time.second)}"


def _two(part: int | None) -> str:
    return "**" if part is None else f"{part:02}"


def shown_number(number: Decimal) -> str:
    """Digits in groups of three, without exponent."""
    return f"{number:,f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
