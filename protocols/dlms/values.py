"""The typed values of DLMS: what the CHOICE `Data` can hold (Green Book 9.5, Blue Book 4.1.5).

`DoubleLongUnsigned(1517)` is an `int` that knows its tag.  A value equals the plain Python value it
holds, and a value of its own type, but never one of another DLMS type: a meter that answers
`Unsigned(1)` where `Enum(1)` was due has answered something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from protocols.dlms.codes import DataTag
from protocols.dlms.date_time import Date, DateTime, Time

_CLASS_OF: dict[DataTag, type[Any]] = {}


def class_of(tag: DataTag) -> type[Any]:
    """The class of values with this tag."""
    return _CLASS_OF[tag]


class _Integer(int):
    """An integer of a fixed number of octets.  Raises ValueError when the number does not fit."""

    __slots__ = ()
    TAG: ClassVar[DataTag]
    MIN: ClassVar[int]
    MAX: ClassVar[int]
    FORMAT: ClassVar[str]  # of `struct`

    def __init_subclass__(cls, tag: DataTag, code: str) -> None:
        octets = {"b": 1, "h": 2, "i": 4, "q": 8}[code.lower()]
        cls.TAG, cls.FORMAT = tag, code
        cls.MIN = -(1 << 8 * octets - 1) if code.islower() else 0
        cls.MAX = (1 << 8 * octets - (1 if code.islower() else 0)) - 1
        _CLASS_OF[tag] = cls

    def __new__(cls, number: int) -> Self:
        if not cls.MIN <= number <= cls.MAX:
            raise ValueError(f"{number} is no {cls.__name__}: {cls.MIN}..{cls.MAX}")
        return super().__new__(cls, number)

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self) or not hasattr(other, "TAG"):
            return int.__eq__(self, other) is True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"

    __str__ = int.__repr__


class Integer(_Integer, tag=DataTag.INTEGER, code="b"):
    """Signed, 8 bits."""

    __slots__ = ()


class Long(_Integer, tag=DataTag.LONG, code="h"):
    """Signed, 16 bits."""

    __slots__ = ()


class DoubleLong(_Integer, tag=DataTag.DOUBLE_LONG, code="i"):
    """Signed, 32 bits."""

    __slots__ = ()


class Long64(_Integer, tag=DataTag.LONG64, code="q"):
    """Signed, 64 bits."""

    __slots__ = ()


class Unsigned(_Integer, tag=DataTag.UNSIGNED, code="B"):
    """Unsigned, 8 bits."""

    __slots__ = ()


class LongUnsigned(_Integer, tag=DataTag.LONG_UNSIGNED, code="H"):
    """Unsigned, 16 bits."""

    __slots__ = ()


class DoubleLongUnsigned(_Integer, tag=DataTag.DOUBLE_LONG_UNSIGNED, code="I"):
    """Unsigned, 32 bits."""

    __slots__ = ()


class Long64Unsigned(_Integer, tag=DataTag.LONG64_UNSIGNED, code="Q"):
    """Unsigned, 64 bits."""

    __slots__ = ()


class Enum(_Integer, tag=DataTag.ENUM, code="B"):
    """One of the numbers that the attribute's definition names."""

    __slots__ = ()


class Bcd(_Integer, tag=DataTag.BCD, code="b"):
    """The octet of a `bcd`, unread: the standard defines it as a signed octet."""

    __slots__ = ()


class DeltaInteger(_Integer, tag=DataTag.DELTA_INTEGER, code="b"):
    """Difference to the previous row, signed 8 bits."""

    __slots__ = ()


class DeltaLong(_Integer, tag=DataTag.DELTA_LONG, code="h"):
    """Difference to the previous row, signed 16 bits."""

    __slots__ = ()


class DeltaDoubleLong(_Integer, tag=DataTag.DELTA_DOUBLE_LONG, code="i"):
    """Difference to the previous row, signed 32 bits."""

    __slots__ = ()


class DeltaUnsigned(_Integer, tag=DataTag.DELTA_UNSIGNED, code="B"):
    """Difference to the previous row, unsigned 8 bits."""

    __slots__ = ()


class DeltaLongUnsigned(_Integer, tag=DataTag.DELTA_LONG_UNSIGNED, code="H"):
    """Difference to the previous row, unsigned 16 bits."""

    __slots__ = ()


class DeltaDoubleLongUnsigned(_Integer, tag=DataTag.DELTA_DOUBLE_LONG_UNSIGNED, code="I"):
    """Difference to the previous row, unsigned 32 bits."""

    __slots__ = ()


class Boolean(int):
    """True or false.  Any octet but zero is true; the octet received is kept, to re-encode it.

    `Boolean(True)` is sent as 01.
    """

    __slots__ = ()
    TAG: ClassVar[DataTag] = DataTag.BOOLEAN

    def __new__(cls, octet: int) -> Self:
        if not 0 <= octet <= 0xFF:
            raise ValueError(f"{octet} is no octet")
        return super().__new__(cls, octet)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (bool, Boolean)) and bool(self) is bool(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(bool(self))

    def __repr__(self) -> str:
        return f"Boolean({bool(self)})"

    __str__ = __repr__


class _Float(float):
    __slots__ = ()
    TAG: ClassVar[DataTag]

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self) or not hasattr(other, "TAG"):
            return float.__eq__(self, other) is True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = float.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({float(self)!r})"

    __str__ = float.__repr__


class Float32(_Float):
    """IEEE 754 single.  The number is rounded to what 32 bits hold when it is encoded."""

    __slots__ = ()
    TAG = DataTag.FLOAT32


class Float64(_Float):
    """IEEE 754 double."""

    __slots__ = ()
    TAG = DataTag.FLOAT64


class OctetString(bytes):
    """Octets; also how clocks and logical names usually travel."""

    __slots__ = ()
    TAG: ClassVar[DataTag] = DataTag.OCTET_STRING

    def __eq__(self, other: object) -> bool:
        if type(other) is OctetString or not hasattr(other, "TAG"):
            return bytes.__eq__(self, other) is True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__

    def __repr__(self) -> str:
        return f"OctetString.fromhex('{self.hex()}')"

    __str__ = __repr__


class _Text(str):
    __slots__ = ()
    TAG: ClassVar[DataTag]

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self) or not hasattr(other, "TAG"):
            return str.__eq__(self, other) is True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str.__repr__(self)})"


class VisibleString(_Text):
    """ASCII by the standard; octets above 7F are kept as Latin-1 characters."""

    __slots__ = ()
    TAG = DataTag.VISIBLE_STRING

    def __new__(cls, text: str) -> Self:
        text.encode("latin-1")
        return super().__new__(cls, text)


class Utf8String(_Text):
    """UTF-8; octets that are none are kept as Python's surrogate escapes."""

    __slots__ = ()
    TAG = DataTag.UTF8_STRING

    def __new__(cls, text: str) -> Self:
        text.encode("utf-8", "surrogateescape")
        return super().__new__(cls, text)


class _Sequence(tuple["Value", ...]):
    __slots__ = ()
    TAG: ClassVar[DataTag]

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self) or not hasattr(other, "TAG"):
            return tuple.__eq__(self, other) is True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({tuple.__repr__(self)})"


class Array(_Sequence):
    """Elements of one type, by the standard; meters that mix them are still read."""

    __slots__ = ()
    TAG = DataTag.ARRAY


class Structure(_Sequence):
    """Elements of any types."""

    __slots__ = ()
    TAG = DataTag.STRUCTURE


@dataclass(frozen=True, slots=True)
class BitString:
    """`length` bits in `octets`, the first bit being the most significant one.

    Unused bits of the last octet are kept as they came.
    """

    length: int
    octets: bytes
    TAG: ClassVar[DataTag] = DataTag.BIT_STRING

    def __post_init__(self) -> None:
        if len(self.octets) != (self.length + 7) // 8:
            raise ValueError(f"{len(self.octets)} octets do not hold {self.length} bits")

    @classmethod
    def of(cls, bits: str) -> Self:
        """From text of 0 and 1, first bit first."""
        octets = (len(bits) + 7) // 8
        return cls(len(bits), int(bits.ljust(8 * octets, "0") or "0", 2).to_bytes(octets, "big"))

    @property
    def bits(self) -> str:
        """Text of 0 and 1, first bit first."""
        return "".join(f"{octet:08b}" for octet in self.octets)[: self.length]


@dataclass(frozen=True, slots=True)
class NullData:
    """`null-data`: no value; in a profile, 'as in the row before' (for a clock: one period on)."""

    TAG: ClassVar[DataTag] = DataTag.NULL_DATA


@dataclass(frozen=True, slots=True)
class DontCare:
    """`dont-care`: a place holder in selective access."""

    TAG: ClassVar[DataTag] = DataTag.DONT_CARE


NULL = NullData()
DONT_CARE = DontCare()


@dataclass(frozen=True, slots=True)
class DateTimeValue:
    """A date-time under its own tag 25; most objects carry it in an OctetString instead."""

    moment: DateTime
    TAG: ClassVar[DataTag] = DataTag.DATE_TIME


@dataclass(frozen=True, slots=True)
class DateValue:
    """A date under its own tag 26."""

    date: Date
    TAG: ClassVar[DataTag] = DataTag.DATE


@dataclass(frozen=True, slots=True)
class TimeValue:
    """A time under its own tag 27."""

    time: Time
    TAG: ClassVar[DataTag] = DataTag.TIME


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """Type of a compact array's elements: a simple tag, an array of `count` or a structure."""

    tag: DataTag
    count: int = 0  # of an array
    members: tuple[TypeDescription, ...] = ()  # one for an array, any number for a structure


@dataclass(frozen=True, slots=True)
class CompactArray:
    """`compact-array`: the type once, then the contents without tags.

    `axdr.elements(value)` reads the contents.
    """

    description: TypeDescription
    contents: bytes
    TAG: ClassVar[DataTag] = DataTag.COMPACT_ARRAY


@dataclass(frozen=True, slots=True)
class EncodedValue:
    """A value as its A-XDR octets, tag included: a long buffer that nobody wants as objects.

    Made where the octets are at hand already; decoding never gives one.
    """

    octets: bytes

    @property
    def TAG(self) -> DataTag:  # as of every value
        """What it holds."""
        return DataTag(self.octets[0])


Value = (
    NullData
    | Array
    | Structure
    | Boolean
    | BitString
    | _Integer
    | OctetString
    | VisibleString
    | Utf8String
    | CompactArray
    | Float32
    | Float64
    | DateTimeValue
    | DateValue
    | TimeValue
    | DontCare
    | EncodedValue
)

_CLASS_OF |= {
    kind.TAG: kind
    for kind in (
        NullData, Array, Structure, Boolean, BitString, OctetString, VisibleString, Utf8String,
        CompactArray, Float32, Float64, DateTimeValue, DateValue, TimeValue, DontCare,
    )
}  # fmt: skip
