"""What stands before the octets of a captured packet, written and read.

    dlms      LINKTYPE_RAW: IPv4 and TCP that nobody sent, so that a conversation looks like one;
              port 4059 is the meter's
    plc       LINKTYPE_USER0: a header of ours, then the power-line frame
    serial    LINKTYPE_USER1: the same header, then an HDLC frame, or octets that are none
    messages  LINKTYPE_USER3: the same header with the topic as its name, then the message; stock
              Wireshark takes USER2 for Apple's PKTAP
    radio     LINKTYPE_IEEE802_15_4_TAP, see `radio`: strength, then the radio frame

The header, big-endian: version 1, direction (0 down or to the meter, 1 up), detail (below), length
of the name, signal-to-noise ratio (hundredths of a decibel, signed, 2 octets), time on the air
(microseconds, 4 octets), the name (UTF-8).  Ratio and time are zero where there are none.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from protocols.capture.pcapng import Interface
from protocols.errors import ProtocolError

RAW_IP, USER0, USER1, USER3, TAP = 101, 147, 148, 150, 283
DLMS_PORT = 4059
HEADER_VERSION = 1
_HEADER = struct.Struct(">BBBBhI")

DLMS = Interface(RAW_IP, "dlms", "DLMS wrapper PDUs that arrived; TCP and IP are made up")
PLC = Interface(USER0, "plc", "power-line frames, those that were lost included")
SERIAL = Interface(USER1, "serial", "HDLC and other octets of serial lines and ports")
MESSAGES = Interface(USER3, "messages", "messages between head-end and concentrators, by MQTT")
RADIO = Interface(TAP, "radio", "radio frames, those that were lost included")
INTERFACES = (DLMS, PLC, SERIAL, MESSAGES, RADIO)


class Fate(enum.IntEnum):
    """Detail of a power-line or radio frame: what became of it, in the simulation's truth."""

    DELIVERED = 0
    NOISE = 1
    PACKET_LOSS = 2
    MODULE_OFF = 3
    JAMMING = 4  # of the radio alone

    @property
    def words(self) -> str:
        return "delivered" if self is Fate.DELIVERED else f"lost: {self.name.lower()}"


class Kind(enum.IntEnum):
    """Detail of a packet of a serial line."""

    FRAME = 0
    OTHER = 1  # a sign-on, or noise


@dataclass(frozen=True, slots=True)
class Header:
    """Before each packet that is not TCP.  `name`: a meter, a line, or a topic."""

    up: bool
    name: str
    detail: int = 0
    snr_cdb: int = 0
    airtime_us: int = 0

    def encode(self) -> bytes:
        name = self.name.encode()[:255]
        fixed = (HEADER_VERSION, self.up, self.detail, len(name), self.snr_cdb, self.airtime_us)
        return _HEADER.pack(*fixed) + name


def split(octets: bytes) -> tuple[Header, bytes]:
    """Header, and what follows it.  Raises ProtocolError."""
    if len(octets) < _HEADER.size:
        raise ProtocolError(0, "no room for the header of a packet")
    version, up, detail, length, snr_cdb, airtime_us = _HEADER.unpack_from(octets)
    if version != HEADER_VERSION:
        raise ProtocolError(0, f"a header of version {version}, not {HEADER_VERSION}")
    end = _HEADER.size + length
    if end > len(octets):
        raise ProtocolError(3, f"a name of {length} octets, {len(octets) - _HEADER.size} left")
    name = octets[_HEADER.size : end].decode("utf-8", "replace")
    return Header(bool(up), name, detail, snr_cdb, airtime_us), octets[end:]


# --- TCP -----------------------------------------------------------------------------------------

SYN, PUSH, ACK = 0x02, 0x08, 0x10
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_TCP = struct.Struct(">HHIIBBHHH")
_TCP_PROTOCOL = 6
_HEADERS_SIZE = _IPV4.size + _TCP.size


@dataclass(frozen=True, slots=True)
class End:
    """One end of a conversation."""

    address: bytes  # IPv4
    port: int

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.address))}:{self.port}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment and its ends."""

    source: End
    destination: End
    sequence: int
    acknowledged: int
    flags: int
    data: bytes = b""

    def encode(self) -> bytes:
        """With the IPv4 header before it, both with their checksums."""
        source, destination = self.source, self.destination
        tcp = (source.port, destination.port, self.sequence, self.acknowledged, 5 << 4, self.flags)
        pseudo = source.address + destination.address
        pseudo += struct.pack(">BBH", 0, _TCP_PROTOCOL, _TCP.size + len(self.data))
        check = _checksum(pseudo + _TCP.pack(*tcp, 0xFFFF, 0, 0) + self.data)
        ip = (0x45, 0, _HEADERS_SIZE + len(self.data), 0, 0x4000, 64, _TCP_PROTOCOL)
        ends = (source.address, destination.address)
        head = _IPV4.pack(*ip, _checksum(_IPV4.pack(*ip, 0, *ends)), *ends)
        return head + _TCP.pack(*tcp, 0xFFFF, check, 0) + self.data


def read_segment(octets: bytes) -> Segment:
    """The segment in these octets.  Raises ProtocolError for anything else than TCP over IPv4."""
    if len(octets) < _HEADERS_SIZE or octets[0] >> 4 != 4:
        raise ProtocolError(0, "no IPv4 with TCP")
    ip = _IPV4.unpack_from(octets)
    start = (octets[0] & 0x0F) * 4
    if ip[6] != _TCP_PROTOCOL or start < _IPV4.size or len(octets) < start + _TCP.size:
        raise ProtocolError(0, "no TCP in IPv4")
    source, destination, sequence, acknowledged, offset, flags, *_ = _TCP.unpack_from(octets, start)
    end = min(ip[2], len(octets))
    data = octets[start + (offset >> 4) * 4 : end]
    return Segment(End(ip[8], source), End(ip[9], destination), sequence, acknowledged, flags, data)


def _checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
