"""A radio frame in a capture: LINKTYPE_IEEE802_15_4_TAP, for its received signal strength.

No link type is kept for wireless-M-Bus-like frames.  This one carries what a receiver knows of a
frame in front of it; what follows is ours and no IEEE 802.15.4 frame, so a dissector of that
standard shows the strength and finds the rest malformed.

    octet 0       version 0; octet 1 reserved; octets 2-3 length of all before the frame
    then          type, length (two octets each, little-endian), value padded to four octets:
                  0 FCS type: 0, none;  1 received signal strength: a float, dBm
"""

from __future__ import annotations

import struct

from protocols.errors import ProtocolError

_HEADER = struct.Struct("<BxH")
_FIELD = struct.Struct("<HH")
_FCS_TYPE, _STRENGTH = 0, 1
_NO_FCS = _FIELD.pack(_FCS_TYPE, 1) + bytes(4)


def encode(frame: bytes, strength_dbm: float) -> bytes:
    """The packet of a frame that was received so strong."""
    fields = _NO_FCS + _FIELD.pack(_STRENGTH, 4) + struct.pack("<f", strength_dbm)
    return _HEADER.pack(0, _HEADER.size + len(fields)) + fields + frame


def decode(octets: bytes) -> tuple[float | None, bytes]:
    """The strength in dBm, where it is told, and the frame.  Raises ProtocolError."""
    if len(octets) < _HEADER.size:
        raise ProtocolError(0, "no room for the header of a radio packet")
    version, length = _HEADER.unpack_from(octets)
    if version != 0 or not _HEADER.size <= length <= len(octets):
        raise ProtocolError(0, f"version {version}, {length} octets before the frame")
    strength: float | None = None
    at = _HEADER.size
    while at + _FIELD.size <= length:
        kind, size = _FIELD.unpack_from(octets, at)
        at += _FIELD.size
        if at + size > length:
            raise ProtocolError(at, f"a field of {size} octets, {length - at} left")
        if kind == _STRENGTH and size == 4:
            (strength,) = struct.unpack_from("<f", octets, at)
        at += -(-size // 4) * 4
    return strength, octets[length:]
