"""HCS and FCS: CRC-16/X.25, sent with its low octet first (IEC 62056-46, 6.4.4; ISO/IEC 13239).

The standard library has the same polynomial for the other order of bits (`crc_hqx`), so octets are
mirrored before it and the result after it, each by a table in C.  Measured on 2026-11-22, CPython
3.11, 140 octets: 0.7 µs; a table of 256 entries in a Python loop 7.2 µs.
"""

from __future__ import annotations

from binascii import crc_hqx

_MIRRORED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
_START = 0xFFFF
_GOOD = 0x1D0F  # what remains over octets followed by their own checksum

SIZE = 2


def checksum(octets: bytes | bytearray) -> bytes:
    """The two octets that follow these on the line."""
    rest = crc_hqx(octets.translate(_MIRRORED), _START) ^ 0xFFFF
    return bytes((_MIRRORED[rest >> 8], _MIRRORED[rest & 0xFF]))


def intact(octets: bytes | bytearray) -> bool:
    """Whether these octets end in their own checksum."""
    return crc_hqx(octets.translate(_MIRRORED), _START) == _GOOD
