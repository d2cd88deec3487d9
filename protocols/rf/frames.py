"""Frames of the radio link: the power line's segments and acknowledgements in radio clothes.

Wireless-M-Bus-like, after EN 13757-4's format A in spirit only: length and control field before,
CRC-16 of EN 13757 (0x3D65) behind.  The layout is ours and conformance is not claimed.

    octet 0       how many octets follow, CRC included
    octet 1       control: 0x44 data up, 0x53 data down, 0x00 acknowledgement up, 0x40 down
    octets 2-3    the node: the meter's module in this concentrator's network
    octet 4       message number, modulo 256
    octet 5       bit 7 set in the last segment; bits 5-0 number of the segment
    octets 6..    data; in an acknowledgement the ratio at which the segment was heard, two octets
    last two      CRC-16 of all before, big-endian

Preamble and synchronization word come before it on the air (`physical.OVERHEAD_OCTETS`).
"""

from __future__ import annotations

import struct

from protocols.errors import LocalProtocolError, ProtocolError
from protocols.plc.frames import SEGMENTS_MAX, Acknowledgement, Direction, Frame, Segment

FRAME_OCTETS_MAX = 248
"""Of a whole frame; what the air adds still fits the length octet of real modules."""

_HEADER = struct.Struct(">BBHBB")
_CRC = struct.Struct(">H")
_HEARD = struct.Struct(">h")
OVERHEAD_OCTETS = _HEADER.size + _CRC.size
ACKNOWLEDGEMENT_OCTETS = OVERHEAD_OCTETS + _HEARD.size

_CONTROLS = {
    (Segment, Direction.DOWN): 0x53,  # SND-UD
    (Segment, Direction.UP): 0x44,  # SND-NR
    (Acknowledgement, Direction.UP): 0x00,  # ACK
    (Acknowledgement, Direction.DOWN): 0x40,
}
_KINDS = {control: kind for kind, control in _CONTROLS.items()}
_LAST = 0x80
_SEQUENCE = 0x3F
_POLYNOMIAL = 0x3D65


def _crc_of_octet(octet: int) -> int:
    register = octet << 8
    for _ in range(8):
        register = register << 1 ^ (_POLYNOMIAL if register & 0x8000 else 0)
    return register & 0xFFFF


_CRC_OF_OCTET = tuple(map(_crc_of_octet, range(256)))


def crc16(octets: bytes) -> int:
    """The CRC of EN 13757-4, 6.5.3: polynomial 0x3D65, start 0, complemented."""
    register = 0
    for octet in octets:
        register = (register << 8 & 0xFF00) ^ _CRC_OF_OCTET[register >> 8 ^ octet]
    return register ^ 0xFFFF


def encode(frame: Frame) -> bytes:
    """The frame's octets.  Raises LocalProtocolError where a field does not fit."""
    if not 0 <= frame.sequence < SEGMENTS_MAX:
        raise LocalProtocolError(f"segment number {frame.sequence} is not 0..{SEGMENTS_MAX - 1}")
    place = frame.sequence
    try:
        if isinstance(frame, Acknowledgement):
            data = _HEARD.pack(frame.heard_snr_cdb)
        else:
            place |= _LAST if frame.last else 0
            data = frame.data
        length = OVERHEAD_OCTETS - 1 + len(data)
        control = _CONTROLS[type(frame), frame.direction]
        body = _HEADER.pack(length & 0xFF, control, frame.node, frame.message, place) + data
    except struct.error as error:
        raise LocalProtocolError(f"{frame}: {error}") from error
    if not data:
        raise LocalProtocolError("a segment carries at least one octet")
    if len(body) + _CRC.size > FRAME_OCTETS_MAX:
        raise LocalProtocolError(f"{len(body) + _CRC.size} octets, over {FRAME_OCTETS_MAX}")
    return body + _CRC.pack(crc16(body))


def decode(octets: bytes) -> Frame:
    """The frame in these octets.  Raises ProtocolError at the first octet that is wrong."""
    if not OVERHEAD_OCTETS < len(octets) <= FRAME_OCTETS_MAX:
        raise ProtocolError(
            0, f"{len(octets)} octets; a frame has {OVERHEAD_OCTETS + 1} to {FRAME_OCTETS_MAX}"
        )
    body, (crc,) = octets[: -_CRC.size], _CRC.unpack(octets[-_CRC.size :])
    if crc16(body) != crc:
        raise ProtocolError(len(body), "the CRC does not match")
    length, control, node, message, place = _HEADER.unpack_from(body)
    data = body[_HEADER.size :]
    if length != len(octets) - 1:
        raise ProtocolError(0, f"the length says {length}, {len(octets) - 1} octets follow")
    if control not in _KINDS:
        raise ProtocolError(1, f"unknown control field {control:#04x}")
    if place & ~(_LAST | _SEQUENCE):
        raise ProtocolError(5, f"the reserved bit is set: {place:#04x}")
    kind, direction = _KINDS[control]
    sequence = place & _SEQUENCE
    if kind is Segment:
        return Segment(direction, node, message, sequence, bool(place & _LAST), data)
    if place & _LAST:
        raise ProtocolError(5, "an acknowledgement with the last-segment bit")
    if len(data) != _HEARD.size:
        raise ProtocolError(6, f"an acknowledgement with {len(data)} octets of data")
    return Acknowledgement(direction, node, message, sequence, _HEARD.unpack(data)[0])
