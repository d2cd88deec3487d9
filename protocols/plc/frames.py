"""Frames of the power-line link: a message cut into segments, and put together again.

PRIME-like, after the segmentation sublayer of PRIME 1.3 (ITU-T G.9904), and no more than like it:
header and acknowledgement are ours, and conformance is not claimed.  A message is what a layer
above hands over, such as a DLMS wrapper PDU; this one knows nothing of what is in it.

    octet 0       bits 7-6 kind: 0 data, 1 acknowledgement; bit 5 direction: 0 down, 1 up; rest zero
    octets 1-2    the node: the meter's module in this concentrator's network
    octet 3       message number, modulo 256: tells a repeated segment from a new message's
    octet 4       bit 7 set in the last segment; bit 6 zero; bits 5-0 number of the segment
    octets 5..    data: a piece of the message; in an acknowledgement the signal-to-noise ratio at
                  which the segment was heard, hundredths of a decibel, signed, two octets
    last four     CRC-32 (IEEE 802.3) of all before, big-endian

Every data frame is acknowledged before the next is sent, so segments arrive in order or again.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

from protocols.errors import LocalProtocolError, ProtocolError

FRAME_OCTETS_MAX = 256  # PRIME LLC
SEGMENTS_MAX = 64  # six bits of numbering

_HEADER = struct.Struct(">BHBB")  # bit fields by hand: five octets at the heart of each simulation
_CRC = struct.Struct(">I")
_HEARD = struct.Struct(">h")
OVERHEAD_OCTETS = _HEADER.size + _CRC.size
ACKNOWLEDGEMENT_OCTETS = OVERHEAD_OCTETS + _HEARD.size

_UP = 0x20
_RESERVED = 0x1F
_LAST = 0x80
_RESERVED_PLACE = 0x40
_SEQUENCE = 0x3F


class Direction(enum.Enum):
    """Down from the concentrator to a meter, up from the meter."""

    DOWN = 0
    UP = _UP

    @property
    def opposite(self) -> Direction:
        """The way an acknowledgement takes."""
        return Direction.UP if self is Direction.DOWN else Direction.DOWN


@dataclass(frozen=True, slots=True)
class Segment:
    """A data frame: one piece of a message."""

    direction: Direction
    node: int  # 0..65535
    message: int  # 0..255
    sequence: int  # 0..63, from 0
    last: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The other module has this segment, and heard it at this signal-to-noise ratio."""

    direction: Direction  # of the acknowledgement itself
    node: int
    message: int
    sequence: int
    heard_snr_cdb: int  # hundredths of a decibel


Frame = Segment | Acknowledgement


def encode(frame: Frame) -> bytes:
    """The frame's octets.  Raises LocalProtocolError where a field does not fit."""
    if not 0 <= frame.sequence < SEGMENTS_MAX:
        raise LocalProtocolError(f"segment number {frame.sequence} is not 0..{SEGMENTS_MAX - 1}")
    place = frame.sequence
    kind = 0
    try:
        if isinstance(frame, Acknowledgement):
            kind = 1
            data = _HEARD.pack(frame.heard_snr_cdb)
        else:
            place |= _LAST if frame.last else 0
            data = frame.data
        flags = kind << 6 | frame.direction.value
        body = _HEADER.pack(flags, frame.node, frame.message, place) + data
    except struct.error as error:
        raise LocalProtocolError(f"{frame}: {error}") from error
    if not data:
        raise LocalProtocolError("a segment carries at least one octet")
    if len(body) + _CRC.size > FRAME_OCTETS_MAX:
        raise LocalProtocolError(f"{len(body) + _CRC.size} octets, over {FRAME_OCTETS_MAX}")
    return body + _CRC.pack(zlib.crc32(body))


def decode(octets: bytes) -> Frame:
    """The frame in these octets.  Raises ProtocolError at the first octet that is wrong."""
    if not OVERHEAD_OCTETS < len(octets) <= FRAME_OCTETS_MAX:
        raise ProtocolError(
            0, f"{len(octets)} octets; a frame has {OVERHEAD_OCTETS + 1} to {FRAME_OCTETS_MAX}"
        )
    body, (crc,) = octets[: -_CRC.size], _CRC.unpack(octets[-_CRC.size :])
    if zlib.crc32(body) != crc:
        raise ProtocolError(len(body), "the CRC does not match")
    flags, node, message, place = _HEADER.unpack_from(body)
    data = body[_HEADER.size :]
    if flags & _RESERVED:
        raise ProtocolError(0, f"reserved bits are set: {flags:#04x}")
    if place & _RESERVED_PLACE:
        raise ProtocolError(4, f"the reserved bit is set: {place:#04x}")
    direction = Direction(flags & _UP)
    sequence = place & _SEQUENCE
    kind = flags >> 6
    if kind == 0:
        return Segment(direction, node, message, sequence, bool(place & _LAST), data)
    if kind != 1:
        raise ProtocolError(0, f"kind {kind} is neither data nor acknowledgement")
    if place & _LAST:
        raise ProtocolError(4, "an acknowledgement with the last-segment bit")
    if len(data) != _HEARD.size:
        raise ProtocolError(5, f"an acknowledgement with {len(data)} octets of data")
    return Acknowledgement(direction, node, message, sequence, _HEARD.unpack(data)[0])


def segment(
    message: bytes,
    *,
    direction: Direction,
    node: int,
    number: int,
    frame_octets_max: int = FRAME_OCTETS_MAX,
) -> tuple[Segment, ...]:
    """Cut a message into segments whose frames have at most `frame_octets_max` octets.

    Raises LocalProtocolError where the message is empty or needs more than 64 of them.
    """
    room = min(frame_octets_max, FRAME_OCTETS_MAX) - OVERHEAD_OCTETS
    if room < 1:
        raise LocalProtocolError(f"a frame of {frame_octets_max} octets has no room for data")
    pieces = [message[start : start + room] for start in range(0, len(message), room)]
    if not 0 < len(pieces) <= SEGMENTS_MAX:
        raise LocalProtocolError(
            f"{len(message)} octets make {len(pieces)} segments of {room}; 1 to {SEGMENTS_MAX} may"
        )
    return tuple(
        Segment(direction, node, number % 256, sequence, sequence == len(pieces) - 1, piece)
        for sequence, piece in enumerate(pieces)
    )


class Reassembler:
    """Puts the segments of one sender's messages together.

    A repeated segment is dropped: its acknowledgement was lost.  A segment of another message, from
    its first, drops what was incomplete: the sender had given it up.
    """

    def __init__(self) -> None:
        self._message: int | None = None
        self._pieces: list[bytes] = []
        self._complete = False

    def receive(self, segment: Segment) -> bytes | None:
        """The message, with its last segment; None while it is incomplete.

        Raises ProtocolError where a segment is missing, which acknowledgements make impossible.
        """
        if segment.message != self._message:
            self._message = segment.message
            self._pieces = []
            self._complete = False
        if self._complete or segment.sequence < len(self._pieces):
            return None
        if segment.sequence > len(self._pieces):
            raise ProtocolError(
                4, f"segment {segment.sequence} where {len(self._pieces)} was to come"
            )
        self._pieces.append(segment.data)
        if not segment.last:
            return None
        message = b"".join(self._pieces)
        self._pieces = []
        self._complete = True
        return message
