"""DLMS over wired M-Bus: long frames whose transport layer carries parts of an APDU.

    68 | L | L | 68 | C | A | CI | STSAP | DTSAP | data | checksum | 16

Frames: EN 13757-2.  Transport layer: IEC 62056-7-3; the CI field 00 to 1F counts parts in its low
four bits, and bit 4 says that this is the last.  Meters of several countries push so on their
customer port.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from protocols.errors import ProtocolError

START, STOP = 0x68, 0x16
LAST_PART = 0x10
OVERHEAD = 6  # before what L counts (4) and behind it (2)
_HEAD = struct.Struct(">BBBBBBBBB")
_COUNTED = 5  # C, A, CI, STSAP, DTSAP
LENGTH_MAX = 0xFF


@dataclass(frozen=True, slots=True)
class Frame:
    """One long frame of the transport layer."""

    control: int
    address: int
    ci: int
    source: int  # STSAP
    destination: int  # DTSAP
    part: bytes

    @property
    def number(self) -> int:
        """Of this part, counted from 0."""
        return self.ci & 0x0F

    @property
    def last(self) -> bool:
        """Whether the APDU ends here."""
        return bool(self.ci & LAST_PART)


def encode(frame: Frame) -> bytes:
    """Raises ValueError for a part that no frame can hold."""
    length = _COUNTED + len(frame.part)
    if length > LENGTH_MAX:
        raise ValueError(f"{len(frame.part)} octets do not fit a frame")
    counted = bytes((frame.control, frame.address, frame.ci, frame.source, frame.destination))
    counted += frame.part
    return bytes((START, length, length, START)) + counted + bytes((sum(counted) & 0xFF, STOP))


def decode(octets: bytes, start: int = 0) -> tuple[Frame, int]:
    """The frame at `start`, and where the octets behind it begin.  Raises ProtocolError."""
    if len(octets) - start < _HEAD.size:
        raise ProtocolError(start, "octets of a frame are missing")
    first, length, again, second, control, address, ci, source, destination = _HEAD.unpack_from(
        octets, start
    )
    if (first, second) != (START, START) or length != again:
        raise ProtocolError(start, "no long frame starts here")
    if length < _COUNTED or ci > 0x1F:
        raise ProtocolError(start + 6, f"CI {ci:02X} with {length} octets is no part of an APDU")
    end = start + length + OVERHEAD
    if end > len(octets):
        raise ProtocolError(start, f"{length} octets announced, {len(octets) - start - 4} left")
    checksum = sum(octets[start + 4 : end - 2]) & 0xFF
    if octets[end - 2] != checksum:
        raise ProtocolError(end - 2, f"checksum {octets[end - 2]:02X}, not {checksum:02X}")
    if octets[end - 1] != STOP:
        raise ProtocolError(end - 1, f"{octets[end - 1]:02X} ends no frame")
    part = octets[start + _HEAD.size : end - 2]
    return Frame(control, address, ci, source, destination, part), end
