"""Services by short names: Read, Write, UnconfirmedWrite, InformationReport (A-XDR).

Meters of before 2005 know attributes and methods by one number, the base name of the object and an
offset; here their APDUs are read and written, so that what is heard can be shown.  No association
of ours speaks so.

Source: IEC 62056-5-3 clause 8.2, COSEMpdu (ReadRequest [5], WriteRequest [6], ReadResponse [12],
WriteResponse [13], UnconfirmedWriteRequest [22], InformationReportRequest [24]); Green Book 9.3.14
to 9.3.18.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import ApduTag, DataAccessResult
from protocols.dlms.values import Value
from protocols.errors import ProtocolError


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


# --- what is accessed: Variable-Access-Specification ----------------------------------------------


class VariableName(msgspec.Struct, frozen=True):
    """One attribute or method.  ObjectName is an Integer16; it is told without its sign, as base
    names are printed: FA00 for the association."""

    name: int

    def encode(self) -> bytes:
        return b"\x02" + _u16(self.name)


class ParameterizedAccess(msgspec.Struct, frozen=True):
    """A part of an attribute, or a method with its parameter."""

    name: int
    selector: int
    parameter: Value

    def encode(self) -> bytes:
        return b"\x04" + _u16(self.name) + bytes((self.selector,)) + axdr.encode(self.parameter)


class BlockNumberAccess(msgspec.Struct, frozen=True):
    """The block after this one, please."""

    block_number: int

    def encode(self) -> bytes:
        return b"\x05" + _u16(self.block_number)


class ReadDataBlockAccess(msgspec.Struct, frozen=True):
    """A part of a ReadRequest that is longer than an APDU."""

    last_block: bool
    block_number: int
    raw: bytes

    def encode(self) -> bytes:
        return b"\x06" + _block(self.last_block, self.block_number) + axdr.encode_octets(self.raw)


class WriteDataBlockAccess(msgspec.Struct, frozen=True):
    """A part of a WriteRequest follows in the list of data."""

    last_block: bool
    block_number: int

    def encode(self) -> bytes:
        return b"\x07" + _block(self.last_block, self.block_number)


VariableAccess = (
    VariableName
    | ParameterizedAccess
    | BlockNumberAccess
    | ReadDataBlockAccess
    | WriteDataBlockAccess
)


def _block(last: bool, number: int) -> bytes:
    return bytes((last,)) + _u16(number)


def _read_access(reader: Reader) -> VariableAccess:
    start = reader.offset
    match reader.u8():
        case 2:
            return VariableName(reader.u16())
        case 4:
            return ParameterizedAccess(reader.u16(), reader.u8(), reader.value())
        case 5:
            return BlockNumberAccess(reader.u16())
        case 6:
            return ReadDataBlockAccess(reader.flag(), reader.u16(), reader.octet_string())
        case 7:
            return WriteDataBlockAccess(reader.flag(), reader.u16())
        case other:
            raise ProtocolError(start, f"{other} is no variable access specification")


# --- what comes back ------------------------------------------------------------------------------


class ShortData(msgspec.Struct, frozen=True):
    """The value of one attribute."""

    value: Value

    def encode(self) -> bytes:
        return b"\x00" + axdr.encode(self.value)


class ShortError(msgspec.Struct, frozen=True):
    """Why there is none, or why it was not written."""

    result: DataAccessResult

    def encode(self) -> bytes:
        return bytes((1, self.result))


class DataBlockResult(msgspec.Struct, frozen=True):
    """A part of a ReadResponse that is longer than an APDU."""

    last_block: bool
    block_number: int
    raw: bytes

    def encode(self) -> bytes:
        return b"\x02" + _block(self.last_block, self.block_number) + axdr.encode_octets(self.raw)


class ReadBlockTaken(msgspec.Struct, frozen=True):
    """A block of a ReadRequest has come."""

    block_number: int

    def encode(self) -> bytes:
        return b"\x03" + _u16(self.block_number)


class Written(msgspec.Struct, frozen=True):
    """An attribute was written."""

    def encode(self) -> bytes:
        return b"\x00"


class WriteBlockTaken(msgspec.Struct, frozen=True):
    """A block of a WriteRequest has come."""

    block_number: int

    def encode(self) -> bytes:
        return b"\x02" + _u16(self.block_number)


ReadResult = ShortData | ShortError | DataBlockResult | ReadBlockTaken
WriteResult = Written | ShortError | WriteBlockTaken


def _read_result(reader: Reader) -> ReadResult:
    start = reader.offset
    match reader.u8():
        case 0:
            return ShortData(reader.value())
        case 1:
            return ShortError(reader.choice("data access result", DataAccessResult))
        case 2:
            return DataBlockResult(reader.flag(), reader.u16(), reader.octet_string())
        case 3:
            return ReadBlockTaken(reader.u16())
        case other:
            raise ProtocolError(start, f"{other} is no result of a read")


def _write_result(reader: Reader) -> WriteResult:
    start = reader.offset
    match reader.u8():
        case 0:
            return Written()
        case 1:
            return ShortError(reader.choice("data access result", DataAccessResult))
        case 2:
            return WriteBlockTaken(reader.u16())
        case other:
            raise ProtocolError(start, f"{other} is no result of a write")


# --- APDUs ----------------------------------------------------------------------------------------


class ReadRequest(msgspec.Struct, frozen=True):
    """Read attributes, invoke methods."""

    accesses: tuple[VariableAccess, ...]

    def encode(self) -> bytes:
        return bytes((ApduTag.READ_REQUEST,)) + _list(self.accesses)


class ReadResponse(msgspec.Struct, frozen=True):
    """One result for each."""

    results: tuple[ReadResult, ...]

    def encode(self) -> bytes:
        return bytes((ApduTag.READ_RESPONSE,)) + _list(self.results)


class WriteRequest(msgspec.Struct, frozen=True):
    """Write attributes, invoke methods."""

    accesses: tuple[VariableAccess, ...]
    data: tuple[Value, ...]

    def encode(self) -> bytes:
        return bytes((ApduTag.WRITE_REQUEST,)) + _list(self.accesses) + _values(self.data)


class WriteResponse(msgspec.Struct, frozen=True):
    """For each whether it was written."""

    results: tuple[WriteResult, ...]

    def encode(self) -> bytes:
        return bytes((ApduTag.WRITE_RESPONSE,)) + _list(self.results)


class UnconfirmedWriteRequest(msgspec.Struct, frozen=True):
    """Write, and say nothing of it."""

    accesses: tuple[VariableAccess, ...]
    data: tuple[Value, ...]

    def encode(self) -> bytes:
        tag = bytes((ApduTag.UNCONFIRMED_WRITE_REQUEST,))
        return tag + _list(self.accesses) + _values(self.data)


class InformationReportRequest(msgspec.Struct, frozen=True):
    """What a server says unasked; `current_time` is a GeneralizedTime as it came."""

    current_time: bytes | None
    accesses: tuple[VariableAccess, ...]
    data: tuple[Value, ...]

    def encode(self) -> bytes:
        time = self.current_time
        said = b"\x00" if time is None else b"\x01" + axdr.encode_octets(time)
        tag = bytes((ApduTag.INFORMATION_REPORT_REQUEST,))
        return tag + said + _list(self.accesses) + _values(self.data)


ShortNameApdu = (
    ReadRequest
    | ReadResponse
    | WriteRequest
    | WriteResponse
    | UnconfirmedWriteRequest
    | InformationReportRequest
)


def _list(items: Sequence[VariableAccess | ReadResult | WriteResult]) -> bytes:
    return axdr.encode_length(len(items)) + b"".join(item.encode() for item in items)


def _values(data: Sequence[Value]) -> bytes:
    return axdr.encode_length(len(data)) + b"".join(map(axdr.encode, data))


def _accesses(reader: Reader) -> tuple[VariableAccess, ...]:
    return tuple(_read_access(reader) for _ in range(reader.count()))


def _data(reader: Reader) -> tuple[Value, ...]:
    return tuple(reader.value() for _ in range(reader.count()))


def _information_report(reader: Reader) -> InformationReportRequest:
    time = reader.octet_string() if reader.flag() else None
    return InformationReportRequest(time, _accesses(reader), _data(reader))


READERS: Mapping[int, Callable[[Reader], ShortNameApdu]] = {
    ApduTag.READ_REQUEST: lambda reader: ReadRequest(_accesses(reader)),
    ApduTag.READ_RESPONSE: lambda reader: ReadResponse(
        tuple(_read_result(reader) for _ in range(reader.count()))
    ),
    ApduTag.WRITE_REQUEST: lambda reader: WriteRequest(_accesses(reader), _data(reader)),
    ApduTag.WRITE_RESPONSE: lambda reader: WriteResponse(
        tuple(_write_result(reader) for _ in range(reader.count()))
    ),
    ApduTag.UNCONFIRMED_WRITE_REQUEST: lambda reader: UnconfirmedWriteRequest(
        _accesses(reader), _data(reader)
    ),
    ApduTag.INFORMATION_REPORT_REQUEST: _information_report,
}
"""What follows each tag."""
