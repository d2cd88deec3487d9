"""SET-Request and SET-Response APDUs (IEC 62056-5-3 clause 8.2, Set-Request, Set-Response)."""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.get import read_attribute, write_attribute
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import Value
from protocols.errors import ProtocolError

_BLOCK = struct.Struct(">?I")


class DataBlock(msgspec.Struct, frozen=True):
    """DataBlock-SA: a part of the encoded values or parameters, numbered from 1."""

    last_block: bool
    block_number: int
    raw: bytes

    def encode(self) -> bytes:
        return _BLOCK.pack(self.last_block, self.block_number) + axdr.encode_octets(self.raw)


def read_block(reader: Reader) -> DataBlock:
    """Inverse of `DataBlock.encode`."""
    return DataBlock(reader.flag(), reader.u32(), reader.octet_string())


def read_values(reader: Reader) -> tuple[Value, ...]:
    """SEQUENCE OF Data; what the blocks of a request with list join to."""
    return tuple([reader.value() for _ in range(reader.count())])


def write_values(values: tuple[Value, ...]) -> bytes:
    """Inverse of `read_values`."""
    return axdr.encode_length(len(values)) + b"".join(map(axdr.encode, values))


def _read_attributes(reader: Reader) -> tuple[AttributeDescriptor, ...]:
    return tuple([read_attribute(reader) for _ in range(reader.count())])


def _write_attributes(attributes: tuple[AttributeDescriptor, ...]) -> bytes:
    return axdr.encode_length(len(attributes)) + b"".join(map(write_attribute, attributes))


class SetRequestNormal(msgspec.Struct, frozen=True):
    """Write one attribute."""

    invoke_id_and_priority: int
    attribute: AttributeDescriptor
    value: Value

    def encode(self) -> bytes:
        head = bytes((0xC1, 1, self.invoke_id_and_priority))
        return head + write_attribute(self.attribute) + axdr.encode(self.value)


class SetRequestFirstBlock(msgspec.Struct, frozen=True):
    """Begin to write one attribute in blocks."""

    invoke_id_and_priority: int
    attribute: AttributeDescriptor
    block: DataBlock

    def encode(self) -> bytes:
        head = bytes((0xC1, 2, self.invoke_id_and_priority))
        return head + write_attribute(self.attribute) + self.block.encode()


class SetRequestBlock(msgspec.Struct, frozen=True):
    """Go on with a block, of one attribute or of a list."""

    invoke_id_and_priority: int
    block: DataBlock

    def encode(self) -> bytes:
        return bytes((0xC1, 3, self.invoke_id_and_priority)) + self.block.encode()


class SetRequestWithList(msgspec.Struct, frozen=True):
    """Write several attributes."""

    invoke_id_and_priority: int
    attributes: tuple[AttributeDescriptor, ...]
    values: tuple[Value, ...]

    def encode(self) -> bytes:
        head = bytes((0xC1, 4, self.invoke_id_and_priority))
        return head + _write_attributes(self.attributes) + write_values(self.values)


class SetRequestWithListFirstBlock(msgspec.Struct, frozen=True):
    """Begin to write several attributes in blocks."""

    invoke_id_and_priority: int
    attributes: tuple[AttributeDescriptor, ...]
    block: DataBlock

    def encode(self) -> bytes:
        head = bytes((0xC1, 5, self.invoke_id_and_priority))
        return head + _write_attributes(self.attributes) + self.block.encode()


class SetResponseNormal(msgspec.Struct, frozen=True):
    """Whether the attribute was written."""

    invoke_id_and_priority: int
    result: DataAccessResult

    def encode(self) -> bytes:
        return bytes((0xC5, 1, self.invoke_id_and_priority, self.result))


class SetResponseBlock(msgspec.Struct, frozen=True):
    """This block has been taken; send the next."""

    invoke_id_and_priority: int
    block_number: int

    def encode(self) -> bytes:
        return bytes((0xC5, 2, self.invoke_id_and_priority)) + self.block_number.to_bytes(4, "big")


class SetResponseLastBlock(msgspec.Struct, frozen=True):
    """Whether the attribute sent in blocks was written."""

    invoke_id_and_priority: int
    result: DataAccessResult
    block_number: int

    def encode(self) -> bytes:
        head = bytes((0xC5, 3, self.invoke_id_and_priority, self.result))
        return head + self.block_number.to_bytes(4, "big")


class SetResponseLastBlockWithList(msgspec.Struct, frozen=True):
    """Whether each of the attributes sent in blocks was written."""

    invoke_id_and_priority: int
    results: tuple[DataAccessResult, ...]
    block_number: int

    def encode(self) -> bytes:
        head = bytes((0xC5, 4, self.invoke_id_and_priority))
        return head + axdr.encode_octets(bytes(self.results)) + self.block_number.to_bytes(4, "big")


class SetResponseWithList(msgspec.Struct, frozen=True):
    """Whether each of the attributes was written."""

    invoke_id_and_priority: int
    results: tuple[DataAccessResult, ...]

    def encode(self) -> bytes:
        head = bytes((0xC5, 5, self.invoke_id_and_priority))
        return head + axdr.encode_octets(bytes(self.results))


SetRequestApdu = (
    SetRequestNormal
    | SetRequestFirstBlock
    | SetRequestBlock
    | SetRequestWithList
    | SetRequestWithListFirstBlock
)
SetResponseApdu = (
    SetResponseNormal
    | SetResponseBlock
    | SetResponseLastBlock
    | SetResponseLastBlockWithList
    | SetResponseWithList
)


def read_request(reader: Reader) -> SetRequestApdu:
    """What follows the tag C1."""
    start = reader.offset
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return SetRequestNormal(invoke, read_attribute(reader), reader.value())
    if kind == 2:
        return SetRequestFirstBlock(invoke, read_attribute(reader), read_block(reader))
    if kind == 3:
        return SetRequestBlock(invoke, read_block(reader))
    if kind == 4:
        return SetRequestWithList(invoke, _read_attributes(reader), read_values(reader))
    if kind == 5:
        return SetRequestWithListFirstBlock(invoke, _read_attributes(reader), read_block(reader))
    raise ProtocolError(start, f"{kind} is no SET request")


def _read_result(reader: Reader) -> DataAccessResult:
    result: DataAccessResult = reader.choice("data access result", DataAccessResult)
    return result


def _read_results(reader: Reader) -> tuple[DataAccessResult, ...]:
    return tuple([_read_result(reader) for _ in range(reader.count())])


def read_response(reader: Reader) -> SetResponseApdu:
    """What follows the tag C5."""
    start = reader.offset
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return SetResponseNormal(invoke, _read_result(reader))
    if kind == 2:
        return SetResponseBlock(invoke, reader.u32())
    if kind == 3:
        return SetResponseLastBlock(invoke, _read_result(reader), reader.u32())
    if kind == 4:
        return SetResponseLastBlockWithList(invoke, _read_results(reader), reader.u32())
    if kind == 5:
        return SetResponseWithList(invoke, _read_results(reader))
    raise ProtocolError(start, f"{kind} is no SET response")
