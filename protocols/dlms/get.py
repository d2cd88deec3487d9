"""GET-Request and GET-Response APDUs (IEC 62056-5-3 clause 8.2, Get-Request, Get-Response)."""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor, GetResult, SelectiveAccess
from protocols.errors import ProtocolError

_DESCRIPTOR = struct.Struct(">H6sb")
_BLOCK = struct.Struct(">?I")


def read_attribute(reader: Reader) -> AttributeDescriptor:
    """Cosem-Attribute-Descriptor with its optional access selection."""
    class_id, instance, attribute = _DESCRIPTOR.unpack(reader.take(9))
    selection = None
    if reader.flag():
        selection = SelectiveAccess(reader.u8(), reader.value())
    return AttributeDescriptor(class_id, LogicalName(instance), attribute, selection)


def write_attribute(descriptor: AttributeDescriptor) -> bytes:
    """Inverse of `read_attribute`."""
    octets = _DESCRIPTOR.pack(descriptor.class_id, descriptor.instance, descriptor.attribute)
    selection = descriptor.selection
    if selection is None:
        return octets + b"\x00"
    return octets + bytes((1, selection.selector)) + axdr.encode(selection.parameters)


def read_result(reader: Reader) -> GetResult:
    """Get-Data-Result: a value, or why there is none."""
    start = reader.offset
    choice = reader.u8()
    if choice == 0:
        return reader.value()
    if choice != 1:
        raise ProtocolError(start, f"{choice} is neither data nor access result")
    result: DataAccessResult = reader.choice("data access result", DataAccessResult)
    return result


def write_result(result: GetResult) -> bytes:
    """Inverse of `read_result`."""
    if isinstance(result, DataAccessResult):
        return bytes((1, result))
    return b"\x00" + axdr.encode(result)


def read_results(reader: Reader) -> tuple[GetResult, ...]:
    """SEQUENCE OF Get-Data-Result; what the blocks of a response with list join to."""
    return tuple([read_result(reader) for _ in range(reader.count())])


def write_results(results: tuple[GetResult, ...]) -> bytes:
    """Inverse of `read_results`."""
    return axdr.encode_length(len(results)) + b"".join(map(write_result, results))


class GetRequestNormal(msgspec.Struct, frozen=True):
    """Read one attribute."""

    invoke_id_and_priority: int
    attribute: AttributeDescriptor

    def encode(self) -> bytes:
        return bytes((0xC0, 1, self.invoke_id_and_priority)) + write_attribute(self.attribute)


class GetRequestNext(msgspec.Struct, frozen=True):
    """Ask for the block after `block_number`."""

    invoke_id_and_priority: int
    block_number: int

    def encode(self) -> bytes:
        return bytes((0xC0, 2, self.invoke_id_and_priority)) + self.block_number.to_bytes(4, "big")


class GetRequestWithList(msgspec.Struct, frozen=True):
    """Read several attributes."""

    invoke_id_and_priority: int
    attributes: tuple[AttributeDescriptor, ...]

    def encode(self) -> bytes:
        head = bytes((0xC0, 3, self.invoke_id_and_priority))
        attributes = b"".join(map(write_attribute, self.attributes))
        return head + axdr.encode_length(len(self.attributes)) + attributes


class GetResponseNormal(msgspec.Struct, frozen=True):
    """The attribute, or why there is none."""

    invoke_id_and_priority: int
    result: GetResult
    trailing: bytes = b""  # what some meters send behind it, see `tolerant`; never read strictly

    def encode(self) -> bytes:
        head = bytes((0xC4, 1, self.invoke_id_and_priority))
        return head + write_result(self.result) + self.trailing


class GetResponseBlock(msgspec.Struct, frozen=True):
    """A part of the encoded answer, or why it ends here."""

    invoke_id_and_priority: int
    last_block: bool
    block_number: int
    result: bytes | DataAccessResult

    def encode(self) -> bytes:
        head = bytes((0xC4, 2, self.invoke_id_and_priority)) + _BLOCK.pack(
            self.last_block, self.block_number
        )
        if isinstance(self.result, DataAccessResult):
            return head + bytes((1, self.result))
        return head + b"\x00" + axdr.encode_octets(self.result)


class GetResponseWithList(msgspec.Struct, frozen=True):
    """One result for each attribute."""

    invoke_id_and_priority: int
    results: tuple[GetResult, ...]

    def encode(self) -> bytes:
        return bytes((0xC4, 3, self.invoke_id_and_priority)) + write_results(self.results)


GetRequestApdu = GetRequestNormal | GetRequestNext | GetRequestWithList
GetResponseApdu = GetResponseNormal | GetResponseBlock | GetResponseWithList


def read_request(reader: Reader) -> GetRequestApdu:
    """What follows the tag C0."""
    start = reader.offset
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return GetRequestNormal(invoke, read_attribute(reader))
    if kind == 2:
        return GetRequestNext(invoke, reader.u32())
    if kind == 3:
        attributes = [read_attribute(reader) for _ in range(reader.count())]
        return GetRequestWithList(invoke, tuple(attributes))
    raise ProtocolError(start, f"{kind} is no GET request")


def read_response(reader: Reader) -> GetResponseApdu:
    """What follows the tag C4."""
    start = reader.offset
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return GetResponseNormal(invoke, read_result(reader))
    if kind == 2:
        last_block, number, choice = reader.flag(), reader.u32(), reader.offset
        refused = reader.u8()
        if refused == 0:
            return GetResponseBlock(invoke, last_block, number, reader.octet_string())
        if refused == 1:
            result = reader.choice("data access result", DataAccessResult)
            return GetResponseBlock(invoke, last_block, number, result)
        raise ProtocolError(choice, f"{refused} is neither raw data nor access result")
    if kind == 3:
        return GetResponseWithList(invoke, read_results(reader))
    raise ProtocolError(start, f"{kind} is no GET response")
