"""ACTION-Request and ACTION-Response APDUs (IEC 62056-5-3 clause 8.2)."""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import ActionResult
from protocols.dlms.get import read_result, write_result
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import MethodDescriptor, MethodReturn
from protocols.dlms.set import DataBlock, read_block, read_values, write_values
from protocols.dlms.values import Value
from protocols.errors import ProtocolError

_DESCRIPTOR = struct.Struct(">H6sb")


def _read_method(reader: Reader) -> MethodDescriptor:
    class_id, instance, method = _DESCRIPTOR.unpack(reader.take(9))
    return MethodDescriptor(class_id, LogicalName(instance), method)


def _write_method(descriptor: MethodDescriptor) -> bytes:
    return _DESCRIPTOR.pack(descriptor.class_id, descriptor.instance, descriptor.method)


def _read_methods(reader: Reader) -> tuple[MethodDescriptor, ...]:
    return tuple([_read_method(reader) for _ in range(reader.count())])


def _write_methods(methods: tuple[MethodDescriptor, ...]) -> bytes:
    return axdr.encode_length(len(methods)) + b"".join(map(_write_method, methods))


def read_return(reader: Reader) -> MethodReturn:
    """Action-Response-With-Optional-Data."""
    result = reader.choice("action result", ActionResult)
    return MethodReturn(result, read_result(reader) if reader.flag() else None)


def write_return(item: MethodReturn) -> bytes:
    """Inverse of `read_return`."""
    if item.returned is None:
        return bytes((item.result, 0))
    return bytes((item.result, 1)) + write_result(item.returned)


def read_returns(reader: Reader) -> tuple[MethodReturn, ...]:
    """SEQUENCE OF Action-Response-With-Optional-Data."""
    return tuple([read_return(reader) for _ in range(reader.count())])


def write_returns(results: tuple[MethodReturn, ...]) -> bytes:
    """Inverse of `read_returns`."""
    return axdr.encode_length(len(results)) + b"".join(map(write_return, results))


class ActionRequestNormal(msgspec.Struct, frozen=True):
    """Invoke one method."""

    invoke_id_and_priority: int
    method: MethodDescriptor
    parameters: Value | None

    def encode(self) -> bytes:
        head = bytes((0xC3, 1, self.invoke_id_and_priority)) + _write_method(self.method)
        if self.parameters is None:
            return head + b"\x00"
        return head + b"\x01" + axdr.encode(self.parameters)


class ActionRequestNext(msgspec.Struct, frozen=True):
    """Ask for the block of the answer after `block_number`."""

    invoke_id_and_priority: int
    block_number: int

    def encode(self) -> bytes:
        return bytes((0xC3, 2, self.invoke_id_and_priority)) + self.block_number.to_bytes(4, "big")


class ActionRequestWithList(msgspec.Struct, frozen=True):
    """Invoke several methods; null-data where one takes no parameters."""

    invoke_id_and_priority: int
    methods: tuple[MethodDescriptor, ...]
    parameters: tuple[Value, ...]

    def encode(self) -> bytes:
        head = bytes((0xC3, 3, self.invoke_id_and_priority))
        return head + _write_methods(self.methods) + write_values(self.parameters)


class ActionRequestFirstBlock(msgspec.Struct, frozen=True):
    """Begin to send the parameters of one method in blocks."""

    invoke_id_and_priority: int
    method: MethodDescriptor
    block: DataBlock

    def encode(self) -> bytes:
        head = bytes((0xC3, 4, self.invoke_id_and_priority))
        return head + _write_method(self.method) + self.block.encode()


class ActionRequestWithListFirstBlock(msgspec.Struct, frozen=True):
    """Begin to send the parameters of several methods in blocks."""

    invoke_id_and_priority: int
    methods: tuple[MethodDescriptor, ...]
    block: DataBlock

    def encode(self) -> bytes:
        head = bytes((0xC3, 5, self.invoke_id_and_priority))
        return head + _write_methods(self.methods) + self.block.encode()


class ActionRequestBlock(msgspec.Struct, frozen=True):
    """Go on with a block of parameters."""

    invoke_id_and_priority: int
    block: DataBlock

    def encode(self) -> bytes:
        return bytes((0xC3, 6, self.invoke_id_and_priority)) + self.block.encode()


class ActionResponseNormal(msgspec.Struct, frozen=True):
    """How the method ended."""

    invoke_id_and_priority: int
    response: MethodReturn

    def encode(self) -> bytes:
        return bytes((0xC7, 1, self.invoke_id_and_priority)) + write_return(self.response)


class ActionResponseBlock(msgspec.Struct, frozen=True):
    """A part of the encoded answer."""

    invoke_id_and_priority: int
    block: DataBlock

    def encode(self) -> bytes:
        return bytes((0xC7, 2, self.invoke_id_and_priority)) + self.block.encode()


class ActionResponseWithList(msgspec.Struct, frozen=True):
    """How each of the methods ended."""

    invoke_id_and_priority: int
    responses: tuple[MethodReturn, ...]

    def encode(self) -> bytes:
        return bytes((0xC7, 3, self.invoke_id_and_priority)) + write_returns(self.responses)


class ActionResponseNext(msgspec.Struct, frozen=True):
    """This block of parameters has been taken; send the next."""

    invoke_id_and_priority: int
    block_number: int

    def encode(self) -> bytes:
        return bytes((0xC7, 4, self.invoke_id_and_priority)) + self.block_number.to_bytes(4, "big")


ActionRequestApdu = (
    ActionRequestNormal
    | ActionRequestNext
    | ActionRequestWithList
    | ActionRequestFirstBlock
    | ActionRequestWithListFirstBlock
    | ActionRequestBlock
)
ActionResponseApdu = (
    ActionResponseNormal | ActionResponseBlock | ActionResponseWithList | ActionResponseNext
)


def read_request(reader: Reader) -> ActionRequestApdu:
    """What follows the tag C3."""
    start = reader.offset
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        method = _read_method(reader)
        return ActionRequestNormal(invoke, method, reader.value() if reader.flag() else None)
    if kind == 2:
        return ActionRequestNext(invoke, reader.u32())
    if kind == 3:
        return ActionRequestWithList(invoke, _read_methods(reader), read_values(reader))
    if kind == 4:
        return ActionRequestFirstBlock(invoke, _read_method(reader), read_block(reader))
    if kind == 5:
        return ActionRequestWithListFirstBlock(invoke, _read_methods(reader), read_block(reader))
    if kind == 6:
        return ActionRequestBlock(invoke, read_block(reader))
    raise ProtocolError(start, f"{kind} is no ACTION request")


def read_response(reader: Reader) -> ActionResponseApdu:
    """What follows the tag C7."""
    start = reader.offset
    kind, invoke = reader.u8(), reader.u8()
    if kind == 1:
        return ActionResponseNormal(invoke, read_return(reader))
    if kind == 2:
        return ActionResponseBlock(invoke, read_block(reader))
    if kind == 3:
        return ActionResponseWithList(invoke, read_returns(reader))
    if kind == 4:
        return ActionResponseNext(invoke, reader.u32())
    raise ProtocolError(start, f"{kind} is no ACTION response")
