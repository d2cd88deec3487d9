"""A data readout in clear text: the data message of modes A to C (IEC 62056-21, 6.3.3 and 6.3.12).

STX, lines of data sets `address(value*unit)`, `!`, ETX and a block check character: the exclusive
or of everything behind STX, ETX included (ISO/IEC 1155).  Addresses are reduced OBIS codes, such as
`1.8.0`; an address that is left out is that of the data set before.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from protocols.errors import ProtocolError

STX, ETX, ACK, NAK = 0x02, 0x03, 0x06, 0x15
END = b"!\r\n"
READOUT_MAX = 1 << 16
"""Octets of a data message that is taken; real ones have up to some thousand."""

_SET = re.compile(rb"([^()/!*\r\n]{0,16})\(([^()*/!]{0,128})(?:\*([^()/!*]{0,16}))?\)")


@dataclass(frozen=True, slots=True)
class DataSet:
    """One value as it was printed; `unit` is empty where it has none."""

    address: str
    value: str
    unit: str = ""

    def encode(self) -> bytes:
        """Raises ValueError for what the message cannot carry."""
        unit = f"*{self.unit}" if self.unit else ""
        octets = f"{self.address}({self.value}{unit})".encode("ascii")
        if not _SET.fullmatch(octets):
            raise ValueError(f"{octets!r} is no data set")
        return octets


@dataclass(frozen=True, slots=True)
class Readout:
    """What a meter read out.  `checked` is False where a meter sends no block check character."""

    data: tuple[DataSet, ...]
    raw: bytes
    checked: bool = True


def check_character(octets: bytes) -> int:
    """The exclusive or of these octets: all behind STX, ETX included."""
    return functools.reduce(operator.xor, octets, 0)


def message(data: Sequence[DataSet]) -> bytes:
    """The data message, one data set a line.  Raises ValueError."""
    block = b"".join(each.encode() + b"\r\n" for each in data) + END + bytes((ETX,))
    return bytes((STX,)) + block + bytes((check_character(block),))


def find(octets: bytes) -> Readout | None:
    """The data message among these octets; None while it is not whole.

    Raises ProtocolError where its check character does not fit, or a line is none.
    """
    start = octets.find(STX)
    end = octets.find(ETX, start)
    if start < 0 or end < 0 or end + 1 >= len(octets):
        return None
    block, check = octets[start + 1 : end + 1], octets[end + 1]
    if check_character(block) != check:
        raise ProtocolError(end + 1, f"check character {check:02X}, its octets say otherwise")
    return Readout(_data(block[:-1], start + 1), octets[start : end + 2])


def find_unchecked(octets: bytes) -> Readout | None:
    """One of mode A without STX and check character, up to its end sign.  Raises ProtocolError."""
    end = octets.find(END)
    if end < 0:
        return None
    return Readout(_data(octets[: end + 3], 0), octets[: end + 3], checked=False)


def _data(block: bytes, offset: int) -> tuple[DataSet, ...]:
    found: list[DataSet] = []
    address, at = "", 0
    lines, _, _ = block.rpartition(b"!")
    while at < len(lines):
        if lines[at : at + 1] in (b"\r", b"\n"):
            at += 1
            continue
        match = _SET.match(lines, at)
        if match is None:
            raise ProtocolError(offset + at, "neither a data set nor the end of the data")
        address = match[1].decode("latin-1") or address
        value, unit = match[2].decode("latin-1"), (match[3] or b"").decode("latin-1")
        found.append(DataSet(address, value, unit))
        at = match.end()
    return tuple(found)
