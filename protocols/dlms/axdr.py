"""A-XDR (IEC 61334-6) as DLMS uses it: lengths, and the CHOICE `Data` to and from typed values.

`decode` and `encode` are exact inverses for canonical octets.  Reading is bounded by what arrived:
a count can not exceed the octets left, nesting stops at MAX_DEPTH, and a compact array that would
expand to many times its octets is refused.  Random octets raise `ProtocolError` and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, cast

from protocols.dlms import values
from protocols.dlms.codes import DataTag
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    DONT_CARE,
    NULL,
    Array,
    BitString,
    Boolean,
    CompactArray,
    DateTimeValue,
    DateValue,
    EncodedValue,
    Float32,
    Float64,
    OctetString,
    Structure,
    TimeValue,
    TypeDescription,
    Utf8String,
    Value,
    VisibleString,
)
from protocols.errors import ProtocolError

MAX_DEPTH = 16  # the deepest standard attribute (access rights in an object list) needs 6
ELEMENTS_PER_OCTET_MAX = 16  # of a compact array; columns of null-data take no octet at all

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_F32 = struct.Struct(">f")
_F64 = struct.Struct(">d")


class Reader:
    """A cursor over octets.  Every method raises `ProtocolError` at the octet that is wrong."""

    __slots__ = ("octets", "offset")

    def __init__(self, octets: bytes, offset: int = 0) -> None:
        self.octets = octets
        self.offset = offset

    def u8(self) -> int:
        """One octet."""
        offset = self.offset
        try:
            octet = self.octets[offset]
        except IndexError:
            raise ProtocolError(offset, "octets are missing") from None
        self.offset = offset + 1
        return octet

    def u16(self) -> int:
        """Two octets, big endian."""
        return cast(int, _U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        """Four octets, big endian."""
        return cast(int, _U32.unpack(self.take(4))[0])

    def take(self, count: int) -> bytes:
        """The next `count` octets."""
        start, end = self.offset, self.offset + count
        if end > len(self.octets):
            raise ProtocolError(start, f"{count} octets announced, {len(self.octets) - start} left")
        self.offset = end
        return self.octets[start:end]

    def length(self) -> int:
        """A length or count: one octet below 128, else 80 + how many octets hold it (at most 4)."""
        length, self.offset = read_length(self.octets, self.offset)
        return length

    def count(self) -> int:
        """How many elements follow; each needs an octet at least."""
        start = self.offset
        count = self.length()
        if count > len(self.octets) - self.offset:
            raise ProtocolError(start, f"{count} elements announced in too few octets")
        return count

    def octet_string(self) -> bytes:
        """Octets behind their length."""
        octets = self.octets
        length, start = read_length(octets, self.offset)
        self.offset = end = start + length
        if end > len(octets):
            raise ProtocolError(start, f"{length} octets announced, {len(octets) - start} left")
        return octets[start:end]

    def flag(self) -> bool:
        """One octet: a BOOLEAN, or whether an optional part is present."""
        return self.u8() != 0

    def choice(self, what: str, kind: type[Any]) -> Any:
        """One octet that must be a member of the enumeration `kind`."""
        start = self.offset
        octet = self.u8()
        found = kind._value2member_map_.get(octet)  # three times as fast as calling the class
        if found is None:
            raise ProtocolError(start, f"{octet} is no {what}")
        return found

    def logical_name(self) -> LogicalName:
        """Six octets."""
        return LogicalName(self.take(6))

    def value(self) -> Value:
        """One value with its tag."""
        value, self.offset = _decode(self.octets, self.offset, 0)
        return value

    def end(self) -> None:
        """Raises when octets are left."""
        left = len(self.octets) - self.offset
        if left:
            raise ProtocolError(self.offset, f"{left} trailing octets")


def decode(octets: bytes) -> Value:
    """The value that fills `octets`."""
    reader = Reader(octets)
    value = reader.value()
    reader.end()
    return value


def encode_length(length: int) -> bytes:
    """Shortest form of a length or count."""
    if length < 0x80:
        return length.to_bytes(1, "big")
    if length < 0x100:
        return b"\x81" + length.to_bytes(1, "big")
    if length < 0x10000:
        return b"\x82" + length.to_bytes(2, "big")
    return b"\x84" + length.to_bytes(4, "big")


def encode_octets(octets: bytes) -> bytes:
    """Octets behind their length."""
    size = len(octets)
    if size < 0x80:
        return size.to_bytes(1, "big") + octets
    return encode_length(size) + octets


# --- Data to values ------------------------------------------------------------------------------

_Decoder = Callable[[bytes, int, int], tuple[Value, int]]


def _decode(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
    try:
        decoder = _DECODERS[octets[offset]]
    except IndexError:
        raise ProtocolError(offset, "a value is missing") from None
    except KeyError:
        raise ProtocolError(offset, f"{octets[offset]} is no data type") from None
    return decoder(octets, offset + 1, depth)


def read_length(octets: bytes, offset: int) -> tuple[int, int]:
    """A length or count and the offset behind it, as `Reader.length` has it."""
    try:
        first = octets[offset]
    except IndexError:
        raise ProtocolError(offset, "octets are missing") from None
    start = offset + 1
    if first < 0x80:
        return first, start
    if not 0x81 <= first <= 0x84:
        raise ProtocolError(offset, f"{first:02X} starts no length")
    end = start + (first & 0x7F)
    if end > len(octets):
        raise ProtocolError(start, f"{first & 0x7F} octets announced, {len(octets) - start} left")
    return int.from_bytes(octets[start:end], "big"), end


def _octets(octets: bytes, offset: int) -> tuple[bytes, int]:
    length, start = read_length(octets, offset)
    end = start + length
    if end > len(octets):
        raise ProtocolError(offset, f"{length} octets announced, {len(octets) - start} left")
    return octets[start:end], end


def _integer_decoder(kind: type[Any]) -> _Decoder:
    layout = struct.Struct(">" + kind.FORMAT)
    unpack, size, new = layout.unpack_from, layout.size, int.__new__

    def decode_integer(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
        try:
            # The octets bound the number, so the class's own check would be a second one.
            return new(kind, unpack(octets, offset)[0]), offset + size
        except struct.error:
            raise ProtocolError(offset, f"octets of {kind.__name__} are missing") from None

    return decode_integer


def _fixed_decoder(size: int, read: Callable[[bytes], Value]) -> _Decoder:
    def decode_fixed(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
        end = offset + size
        if end > len(octets):
            raise ProtocolError(offset, f"{size} octets needed, {len(octets) - offset} left")
        return read(octets[offset:end]), end

    return decode_fixed


def _string_decoder(read: Callable[[bytes], Value]) -> _Decoder:
    def decode_string(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
        content, end = _octets(octets, offset)
        return read(content), end

    return decode_string


def _sequence_decoder(kind: type[Array] | type[Structure]) -> _Decoder:
    def decode_sequence(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
        if depth >= MAX_DEPTH:
            raise ProtocolError(offset, f"nested deeper than {MAX_DEPTH}")
        count, start = read_length(octets, offset)
        if count > len(octets) - start:
            raise ProtocolError(offset, f"{count} elements announced in too few octets")
        depth += 1
        elements = []
        for _ in range(count):
            element, start = _decode(octets, start, depth)
            elements.append(element)
        return kind(elements), start

    return decode_sequence


def _decode_bit_string(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
    reader = Reader(octets, offset)
    length = reader.length()
    return BitString(length, reader.take((length + 7) // 8)), reader.offset


def _decode_compact_array(octets: bytes, offset: int, depth: int) -> tuple[Value, int]:
    reader = Reader(octets, offset)
    description = _read_description(reader, 0)
    return CompactArray(description, reader.octet_string()), reader.offset


def _read_description(reader: Reader, depth: int) -> TypeDescription:
    start = reader.offset
    if depth >= MAX_DEPTH:
        raise ProtocolError(start, f"nested deeper than {MAX_DEPTH}")
    tag = reader.choice("data type", DataTag)
    if tag == DataTag.ARRAY:
        return TypeDescription(tag, reader.u16(), (_read_description(reader, depth + 1),))
    if tag == DataTag.STRUCTURE:
        members = range(reader.count())
        return TypeDescription(tag, 0, tuple(_read_description(reader, depth + 1) for _ in members))
    if tag == DataTag.COMPACT_ARRAY:
        raise ProtocolError(start, "a compact array cannot hold compact arrays")
    return TypeDescription(tag)


_DECODERS: dict[int, _Decoder] = {
    kind.TAG: _integer_decoder(kind)
    for kind in map(values.class_of, DataTag)
    if hasattr(kind, "FORMAT")
} | {
    DataTag.NULL_DATA: lambda octets, offset, depth: (NULL, offset),
    DataTag.DONT_CARE: lambda octets, offset, depth: (DONT_CARE, offset),
    DataTag.ARRAY: _sequence_decoder(Array),
    DataTag.STRUCTURE: _sequence_decoder(Structure),
    DataTag.BOOLEAN: _fixed_decoder(1, lambda part: Boolean(part[0])),
    DataTag.BIT_STRING: _decode_bit_string,
    DataTag.OCTET_STRING: _string_decoder(OctetString),
    DataTag.VISIBLE_STRING: _string_decoder(lambda part: VisibleString(part.decode("latin-1"))),
    DataTag.UTF8_STRING: _string_decoder(
        lambda part: Utf8String(part.decode("utf-8", "surrogateescape"))
    ),
    DataTag.COMPACT_ARRAY: _decode_compact_array,
    DataTag.FLOAT32: _fixed_decoder(4, lambda part: Float32(_F32.unpack(part)[0])),
    DataTag.FLOAT64: _fixed_decoder(8, lambda part: Float64(_F64.unpack(part)[0])),
    DataTag.DATE_TIME: _fixed_decoder(12, lambda part: DateTimeValue(DateTime.from_octets(part))),
    DataTag.DATE: _fixed_decoder(5, lambda part: DateValue(Date.from_octets(part))),
    DataTag.TIME: _fixed_decoder(4, lambda part: TimeValue(Time.from_octets(part))),
}


def elements(array: CompactArray) -> Array:
    """The elements of a compact array.  Raises `ProtocolError` with offsets in its contents."""
    reader = Reader(array.contents)
    budget = [ELEMENTS_PER_OCTET_MAX * (len(array.contents) + 1)]
    found = []
    while reader.offset < len(array.contents):
        before = reader.offset
        found.append(_element(reader, array.description, budget))
        if reader.offset == before:
            raise ProtocolError(before, "contents for elements that need none")
    return Array(found)


def _element(reader: Reader, description: TypeDescription, budget: list[int]) -> Value:
    budget[0] -= 1
    if budget[0] < 0:
        raise ProtocolError(reader.offset, "more elements than the octets can hold")
    if description.tag == DataTag.ARRAY:
        (member,) = description.members
        return Array(_element(reader, member, budget) for _ in range(description.count))
    if description.tag == DataTag.STRUCTURE:
        return Structure(_element(reader, member, budget) for member in description.members)
    value, reader.offset = _DECODERS[description.tag](reader.octets, reader.offset, 0)
    return value


def compact(array: Array) -> CompactArray:
    """The inverse of `elements`: the type once, then the contents without tags.

    Raises ValueError for no elements, for elements of different types (an array within an element
    must have as many elements in each), and for types that a compact array cannot hold.
    """
    if not array:
        raise ValueError("no element tells the type of a compact array")
    description = _description_of(array[0])
    parts: list[bytes] = []
    for element in array:
        if _description_of(element) != description:
            raise ValueError("the elements of a compact array have one type")
        _write_contents(element, parts)
    return CompactArray(description, b"".join(parts))


def _description_of(value: Value) -> TypeDescription:
    if isinstance(value, CompactArray):
        raise ValueError("a compact array cannot hold compact arrays")
    if isinstance(value, Structure):
        return TypeDescription(value.TAG, 0, tuple(map(_description_of, value)))
    if isinstance(value, Array):
        kinds = list(map(_description_of, value))
        if not kinds or len(kinds) > 0xFFFF or any(kind != kinds[0] for kind in kinds):
            raise ValueError("an array within a compact array has elements of one type")
        return TypeDescription(value.TAG, len(kinds), (kinds[0],))
    return TypeDescription(value.TAG)


def _write_contents(value: Value, parts: list[bytes]) -> None:
    if isinstance(value, Array | Structure):
        for element in value:
            _write_contents(element, parts)
    else:
        parts.append(encode(value)[1:])


# --- values to Data ------------------------------------------------------------------------------


def encode(value: Value) -> bytes:
    """The octets of one value with its tag.

    Raises ValueError for what a value cannot hold (nested deeper than MAX_DEPTH, a Float32 out of
    range) and TypeError for a plain Python object: only typed values have an encoding.
    """
    parts: list[bytes] = []
    _encode(value, parts, 0)
    return b"".join(parts)


def _encode(value: Value, parts: list[bytes], depth: int) -> None:
    kind = type(value)
    if kind is Array or kind is Structure:
        if depth >= MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        sequence = cast(tuple[Value, ...], value)
        parts.append(kind.TAG.to_bytes(1, "big") + encode_length(len(sequence)))
        for element in sequence:
            _encode(element, parts, depth + 1)
        return
    try:
        encoder = _ENCODERS[kind]
    except KeyError:
        raise TypeError(f"{kind.__name__} is no DLMS value") from None
    parts.append(encoder(value))


def _integer_encoder(kind: type[Any]) -> Callable[[Any], bytes]:
    pack, tag = struct.Struct(">B" + kind.FORMAT).pack, int(kind.TAG)
    return lambda value: pack(tag, value)


def _encode_float32(value: Float32) -> bytes:
    try:
        return b"\x17" + _F32.pack(value)
    except OverflowError:
        raise ValueError(f"{value!r} does not fit 32 bits") from None


def _write_description(description: TypeDescription) -> bytes:
    tag = description.tag.to_bytes(1, "big")
    members = b"".join(map(_write_description, description.members))
    if description.tag == DataTag.ARRAY:
        return tag + description.count.to_bytes(2, "big") + members
    if description.tag == DataTag.STRUCTURE:
        return tag + encode_length(len(description.members)) + members
    return tag


_ENCODERS: dict[type[Any], Callable[[Any], bytes]] = {
    kind: _integer_encoder(kind)
    for kind in map(values.class_of, DataTag)
    if hasattr(kind, "FORMAT")
} | {
    values.NullData: lambda value: b"\x00",
    values.DontCare: lambda value: b"\xff",
    Boolean: lambda value: bytes((DataTag.BOOLEAN, value)),
    BitString: lambda value: b"\x04" + encode_length(value.length) + value.octets,
    OctetString: lambda value: b"\x09" + encode_length(len(value)) + value,
    VisibleString: lambda value: b"\x0a" + encode_octets(value.encode("latin-1")),
    Utf8String: lambda value: b"\x0c" + encode_octets(value.encode("utf-8", "surrogateescape")),
    CompactArray: lambda value: (
        b"\x13" + _write_description(value.description) + encode_octets(value.contents)
    ),
    Float32: _encode_float32,
    Float64: lambda value: b"\x18" + _F64.pack(value),
    DateTimeValue: lambda value: b"\x19" + value.moment.octets,
    DateValue: lambda value: b"\x1a" + value.date.octets,
    TimeValue: lambda value: b"\x1b" + value.time.octets,
    EncodedValue: lambda value: value.octets,
}
