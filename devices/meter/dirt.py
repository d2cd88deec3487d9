"""Dirty data: how a meter with faults spoils what it says.

Values are spoiled on their way out, whole APDUs in the connection; the meter's state stays true, so
that a test can compare what was said with what was so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from msgspec import structs

from devices.meter.cosem import CLOCK, DATA, PROFILE_GENERIC, Context
from devices.meter.state import MeterState
from protocols.dlms import axdr
from protocols.dlms.apdu import Apdu
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import Date, DateTime
from protocols.dlms.get import GetResponseBlock, GetResponseNormal
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import Array, OctetString, Structure, Value

FIRMWARE_NAME = LogicalName("1.0.0.2.0.255")
UNREADABLE = OctetString(b"\xff\xfe\x80\x00\x01\x9d\xc3(")
STRING_OCTETS = 24
"""To which length a meter fills its strings up."""
BAD_ROW_EVERY = 5
TICK_MS = 250
CLOCK_OCTETS = 12

RELEASE_REFUSED = bytes.fromhex("D80102")
"""service-not-allowed, service-not-supported: what such meters answer to RLRQ."""


def spoiled(context: Context, asked: AttributeDescriptor, value: Value) -> Value:
    """A value as this meter says it."""
    if asked.class_id == DATA and asked.attribute == 2 and isinstance(value, OctetString):
        return _string(context.meter, asked.instance, value)
    if asked.class_id == CLOCK and asked.attribute == 2 and isinstance(value, OctetString):
        return _moment(context.meter, value)
    if asked.class_id == PROFILE_GENERIC and asked.attribute == 2 and isinstance(value, Array):
        rows = [_row(context, row, number) for number, row in enumerate(value)]
        return Array(_misplaced(context, rows))
    return value


def spoiled_push(
    meter: MeterState, class_id: int, name: LogicalName, attribute: int, value: Value
) -> Value:
    """An element of a push as this meter says it."""
    if not meter.spoils or attribute != 2 or not isinstance(value, OctetString):
        return value
    if class_id == DATA:
        return _string(meter, name, value)
    return OctetString(spoiled_date(meter, bytes(value))) if class_id == CLOCK else value


def spoiled_date(meter: MeterState, octets: bytes) -> bytes:
    """The date-time of a push as this meter writes it."""
    if not meter.spoils:
        return octets
    moment = bytes(_moment(meter, octets))
    return _thirtieth_of_february(moment) if meter.dirty("invalid-dates") else moment


def _string(meter: MeterState, name: LogicalName, value: OctetString) -> OctetString:
    if name == FIRMWARE_NAME and meter.dirty("firmware-unreadable"):
        return UNREADABLE
    if meter.dirty("nul-in-strings"):
        return OctetString(value.ljust(STRING_OCTETS, b"\0"))
    return value


def _misplaced(context: Context, rows: list[Value]) -> Iterator[Value]:
    """Rows where this meter puts them."""
    twice, shuffled = context.meter.dirty("rows-twice"), context.meter.dirty("rows-shuffled")
    for start in range(0, len(rows), BAD_ROW_EVERY):
        some = rows[start : start + BAD_ROW_EVERY]
        if len(some) == BAD_ROW_EVERY and shuffled:
            some[-2:] = reversed(some[-2:])
        if len(some) == BAD_ROW_EVERY and twice:
            some.append(some[-1])
        yield from some


def _row(context: Context, row: Value, number: int) -> Value:
    if not isinstance(row, Structure) or not row or not isinstance(row[0], OctetString):
        return row
    if len(row[0]) != CLOCK_OCTETS:
        return row
    first = _moment(context.meter, row[0])
    if context.meter.dirty("invalid-dates") and number % BAD_ROW_EVERY == BAD_ROW_EVERY - 1:
        first = OctetString(_thirtieth_of_february(bytes(row[0])))
    return Structure((first, *row[1:]))


def _thirtieth_of_february(octets: bytes) -> bytes:
    moment = DateTime.from_octets(octets)
    date = Date(moment.date.year, 2, 30, moment.date.weekday)
    return replace(moment, date=date).octets


def _moment(meter: MeterState, octets: bytes) -> OctetString:
    """A date-time of twelve octets with this meter's mistakes in it."""
    dirty, moment = meter.dirty, DateTime.from_octets(bytes(octets))
    if dirty("deviation-ignored"):
        moment = replace(moment, deviation_min=0)
    if dirty("deviation-sign") and moment.deviation_min is not None:
        moment = replace(moment, deviation_min=-moment.deviation_min)
    if dirty("hundredths-as-ms"):
        moment = replace(moment, time=replace(moment.time, hundredths=TICK_MS))
    return OctetString(moment.octets)


class DirtyConnection(ServerConnection):
    """A server that spoils APDUs before they are protected."""

    dirty: Callable[[str], bool]

    def _pack(self, apdu: Apdu, *rest: object) -> bytes:
        if (
            isinstance(apdu, GetResponseBlock)
            and apdu.last_block
            and not isinstance(apdu.result, DataAccessResult)
            and self.dirty("last-block-unflagged")
        ):
            apdu = structs.replace(apdu, last_block=False)
        elif (
            isinstance(apdu, GetResponseNormal)
            and isinstance(apdu.result, OctetString)
            and len(apdu.result) == CLOCK_OCTETS
            and self.dirty("clock-twice")
        ):
            apdu = structs.replace(apdu, trailing=axdr.encode(apdu.result))
        return super()._pack(apdu, *rest)  # type: ignore[arg-type]
