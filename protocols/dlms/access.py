"""ACCESS-Request and ACCESS-Response APDUs: reads, writes and methods in one exchange.

Source: Green Book 9.3.11 (service), IEC 62056-5-3 clause 8.2 (Access-Request, Access-Response).
The long invoke id has 24 bits; the upper octet holds priority, service class, processing option
(break on error) and self-descriptive (the response repeats what was asked).
"""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import ActionResult, ApduTag, DataAccessResult
from protocols.dlms.get import write_attribute
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessItem,
    AccessResult,
    AccessService,
    AccessSet,
    AttributeDescriptor,
    MethodDescriptor,
    SelectiveAccess,
)
from protocols.dlms.set import read_values, write_values
from protocols.dlms.values import NULL, NullData, Value
from protocols.errors import ProtocolError

CONFIRMED = 0x40000000
BREAK_ON_ERROR = 0x20000000
SELF_DESCRIPTIVE = 0x10000000
INVOKE_ID = 0x00FFFFFF
_DESCRIPTOR = struct.Struct(">H6sb")
_GET, _SET, _ACTION, _GET_SELECTED, _SET_SELECTED = range(1, 6)


class AccessRequestApdu(msgspec.Struct, frozen=True):
    """Get, set and invoke, in this order."""

    long_invoke_id_and_priority: int
    date_time: bytes
    items: tuple[AccessItem, ...]

    def encode(self) -> bytes:
        data = tuple(map(_data_of, self.items))
        return b"".join(
            (
                _head(ApduTag.ACCESS_REQUEST, self.long_invoke_id_and_priority, self.date_time),
                _write_specifications(self.items),
                write_values(data),
            )
        )


class AccessResponseApdu(msgspec.Struct, frozen=True):
    """One result for each; `asked` repeats the request where that asked for it, without data."""

    long_invoke_id_and_priority: int
    date_time: bytes
    results: tuple[AccessResult, ...]
    asked: tuple[AccessItem, ...] | None = None

    def encode(self) -> bytes:
        asked = self.asked
        codes = b"".join(bytes((result.service, result.code)) for result in self.results)
        return b"".join(
            (
                _head(ApduTag.ACCESS_RESPONSE, self.long_invoke_id_and_priority, self.date_time),
                b"\x00" if asked is None else b"\x01" + _write_specifications(asked),
                write_values(tuple(result.data for result in self.results)),
                axdr.encode_length(len(self.results)),
                codes,
            )
        )


def _head(tag: int, invoke: int, date_time: bytes) -> bytes:
    return tag.to_bytes(1, "big") + invoke.to_bytes(4, "big") + axdr.encode_octets(date_time)


def _data_of(item: AccessItem) -> Value:
    """Each specification has its data; null-data where it needs none."""
    if isinstance(item, AccessSet):
        return item.value
    data = item.parameters if isinstance(item, AccessAction) else item.data
    return NULL if data is None else data


def _write_specifications(items: tuple[AccessItem, ...]) -> bytes:
    return axdr.encode_length(len(items)) + b"".join(map(_write_specification, items))


def _write_specification(item: AccessItem) -> bytes:
    if isinstance(item, AccessAction):
        method = item.method
        return bytes((_ACTION,)) + _DESCRIPTOR.pack(method.class_id, method.instance, method.method)
    attribute, sets = item.attribute, isinstance(item, AccessSet)
    octets = write_attribute(attribute)
    if attribute.selection is None:
        return bytes((_SET if sets else _GET,)) + octets[:-1]  # its choice says: no selection
    return bytes((_SET_SELECTED if sets else _GET_SELECTED,)) + octets[:9] + octets[10:]


def _read_specifications(reader: Reader) -> tuple[AccessItem, ...]:
    return tuple([_read_specification(reader) for _ in range(reader.count())])


def _read_specification(reader: Reader) -> AccessItem:
    """With null-data and without parameters; the data come after all specifications."""
    start = reader.offset
    choice = reader.u8()
    if not _GET <= choice <= _SET_SELECTED:
        raise ProtocolError(start, f"{choice} is no access request specification")
    class_id, instance, index = _DESCRIPTOR.unpack(reader.take(9))
    name = LogicalName(instance)
    if choice == _ACTION:
        return AccessAction(MethodDescriptor(class_id, name, index))
    selection = None
    if choice in (_GET_SELECTED, _SET_SELECTED):
        selection = SelectiveAccess(reader.u8(), reader.value())
    attribute = AttributeDescriptor(class_id, name, index, selection)
    return AccessSet(attribute, NULL) if choice in (_SET, _SET_SELECTED) else AccessGet(attribute)


def _with_data(item: AccessItem, data: Value) -> AccessItem:
    if isinstance(item, AccessSet):
        return AccessSet(item.attribute, data)
    given = None if isinstance(data, NullData) else data
    if isinstance(item, AccessAction):
        return AccessAction(item.method, given)
    return AccessGet(item.attribute, given)


def read_request(reader: Reader) -> AccessRequestApdu:
    """What follows the tag D9."""
    invoke, date_time = reader.u32(), reader.octet_string()
    start, items = reader.offset, _read_specifications(reader)
    data = read_values(reader)
    if len(data) != len(items):
        raise ProtocolError(start, f"{len(data)} data for {len(items)} specifications")
    return AccessRequestApdu(invoke, date_time, tuple(map(_with_data, items, data)))


def read_response(reader: Reader) -> AccessResponseApdu:
    """What follows the tag DA."""
    invoke, date_time = reader.u32(), reader.octet_string()
    asked = _read_specifications(reader) if reader.flag() else None
    start, data = reader.offset, read_values(reader)
    codes = [_read_code(reader) for _ in range(reader.count())]
    if len(data) != len(codes):
        raise ProtocolError(start, f"{len(data)} data for {len(codes)} results")
    results = tuple(
        AccessResult(service, code, value)
        for (service, code), value in zip(codes, data, strict=True)
    )
    return AccessResponseApdu(invoke, date_time, results, asked)


def _read_code(reader: Reader) -> tuple[AccessService, DataAccessResult | ActionResult]:
    service = reader.choice("access response specification", AccessService)
    if service is AccessService.ACTION:
        return service, reader.choice("action result", ActionResult)
    return service, reader.choice("data access result", DataAccessResult)
