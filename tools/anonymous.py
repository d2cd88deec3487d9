"""A meter's values without what tells whose they are.

Every text and every string of octets is replaced by one of the same type, length and kind of
characters, the same one by the same one; what stays are logical names, dates and times.  Numbers
are replaced where they identify: in the meter's identifiers, in the objects of communication, and
wherever the number is an identifier's digits.  Replacements are drawn by the order in which
originals appear, not from them, so that no original can be tried out against the file.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devices import chance
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    Boolean,
    CompactArray,
    EncodedValue,
    Enum,
    OctetString,
    Structure,
    Utf8String,
    Value,
    VisibleString,
)

COMMUNICATION = frozenset({23, 25, 27, 28, 29, 40, *range(41, 49), 90, 91, 92, 100, 101, 151, 152})
"""Classes with addresses, networks, numbers to call (Blue Book 4.7 to 4.13)."""
DIGITS_MIN = 4  # of a number that is some identifier's; fewer say nothing
YEARS = range(2000, 2101)


@dataclass(slots=True)
class Anonymous:
    """The replacements of one recording."""

    seed: int
    known: frozenset[bytes] = frozenset()  # logical names of the meter's own list
    originals: dict[bytes, bytes] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def learn(self, value: Value) -> None:
        """Take an identifier's digits for numbers that identify, wherever they stand."""
        octets = _octets(value)
        text = str(int(value)) if octets is None and isinstance(value, int) else ""
        text = text if octets is None else octets.decode("latin-1")
        for digits in re.findall(rf"\d{{{DIGITS_MIN},}}", text):
            for start in range(len(digits) - DIGITS_MIN + 1):
                if (number := int(digits[start:])) >= 10 ** (DIGITS_MIN - 1):
                    self._number(number)

    def value(self, class_id: int, name: LogicalName, value: Value) -> Value:
        """The value as it may be shown.  Raises ValueError for one that cannot be looked into."""
        identifies = class_id in COMMUNICATION or identifier(class_id, name)
        shown: Value = self._value(value, identifies)
        return shown

    def _value(self, value: Any, identifies: bool) -> Any:
        if isinstance(value, Array | Structure):
            # The class and attribute of an object that is named are no addresses.
            identifies &= not any(_names_object(value, place) for place in range(len(value)))
            return type(value)(
                each if _names_object(value, place) else self._value(each, identifies)
                for place, each in enumerate(value)
            )
        if isinstance(value, CompactArray | EncodedValue):
            raise ValueError("contents that are not looked into are not shown")
        if isinstance(value, OctetString | VisibleString | Utf8String):
            return self._text(value)
        if isinstance(value, int) and not isinstance(value, Boolean | Enum):
            if identifies or int(value) in self.numbers:
                return type(value)(self._bounded(value))
        return value

    def _text(self, value: Any) -> Any:
        octets = _octets(value)
        assert octets is not None
        if not octets or (isinstance(value, OctetString) and self._stays(octets)):
            return value
        if octets not in self.originals:
            self.originals[octets] = self._other(octets)
        found = self.originals[octets]
        return OctetString(found) if isinstance(value, bytes) else type(value)(found.decode())

    def _stays(self, octets: bytes) -> bool:
        return octets in self.known or not any(octets) or is_moment(octets)

    def _other(self, octets: bytes) -> bytes:
        drawn = chance.octets(self.seed, "anonymous", len(self.originals), count=2 * len(octets))
        text = all(32 <= each < 127 for each in octets)
        replace_: Callable[[int, int], int] = _character if text else _any
        found = bytes(
            replace_(each, drawn[2 * i] << 8 | drawn[2 * i + 1]) for i, each in enumerate(octets)
        )
        if found != octets:
            return found
        return bytes([replace_(octets[0], octets[0] + 1)]) + found[1:]

    def _number(self, number: int) -> int:
        if number not in self.numbers:
            drawn = chance.octets(self.seed, "number", len(self.numbers), count=8)
            self.numbers[number] = int.from_bytes(drawn, "big")
        return self.numbers[number]

    def _bounded(self, value: Any) -> int:
        """Another number of its type, with as many digits at most."""
        top = min(value.MAX, 10 ** len(str(abs(int(value)))) - 1)
        found = self._number(int(value)) % (top + 1)
        return found if found != int(value) else (found + 1) % (top + 1)


def identifier(class_id: int, name: LogicalName) -> bool:
    """Whether an object holds what the meter is called by (IEC 62056-6-1: device IDs, COSEM
    logical device name, electricity IDs)."""
    a, _, c, d, *_ = name
    return class_id in (1, 3, 4) and (
        (a == 0 and c == 42) or (a == 0 and c == 96 and d in (1, 12)) or (c == 0 and d == 0)
    )


def is_moment(octets: bytes) -> bool:
    """Whether twelve octets are a date and time of our days, or one that leaves parts open."""
    if len(octets) != 12:
        return False
    try:
        year = DateTime.from_octets(octets).date.year
    except ValueError:
        return False
    return year is None or year in YEARS


def _names_object(value: Any, place: int) -> bool:
    """Whether an element is the logical name behind its class: LongUnsigned, then six octets."""
    if place == 0 or len(value[place] if isinstance(value[place], bytes) else b"") != 6:
        return False
    before = value[place - 1]
    return isinstance(before, int) and not isinstance(before, bool) and value[place][5] == 0xFF


def _octets(value: Any) -> bytes | None:
    if isinstance(value, OctetString):
        return bytes(value)
    if isinstance(value, VisibleString):
        return value.encode("latin-1")
    if isinstance(value, Utf8String):
        return value.encode("utf-8", "surrogateescape")
    return None


def _character(one: int, drawn: int) -> int:
    for among in (string.digits, string.ascii_uppercase, string.ascii_lowercase):
        if chr(one) in among:
            return ord(among[drawn % len(among)])
    return one


def _any(_: int, drawn: int) -> int:
    return drawn & 0x7F
