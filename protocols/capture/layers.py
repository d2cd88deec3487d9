"""Captures of ours for scapy: `from protocols.capture import layers`, then `scapy.utils.rdpcap`.

Binds the header of our link types, power-line frames, HDLC frames and concentrator messages, and
the wrapper behind TCP port 4059.  This module alone imports scapy, which is GPL-2.0-only and an
extra: captures are written and read without it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    ByteField,
    ConditionalField,
    FieldLenField,
    IntField,
    LEShortField,
    ShortField,
    SignedShortField,
    StrField,
    StrFixedLenField,
    StrLenField,
    XByteField,
    XIntField,
    XStrLenField,
)
from scapy.layers.inet import TCP
from scapy.packet import Packet, Raw, bind_layers

from protocols.capture import sign_on
from protocols.capture.packets import DLMS_PORT, HEADER_VERSION, USER0, USER1, USER3
from protocols.hdlc.address import address_size
from protocols.hdlc.frame import FORMAT_TYPE_3, Frame, encode
from protocols.mode_e.messages import without_parity

_DIRECTIONS = {0: "down", 1: "up"}
_FATES = {0: "delivered", 1: "noise", 2: "packet-loss", 3: "module-off", 4: "jamming"}


class DlmsWrapper(Packet):
    """The wrapper of DLMS over TCP (IEC 62056-47)."""

    name = "DLMS wrapper"
    fields_desc: ClassVar[Any] = [
        ShortField("version", 1),
        ShortField("source", 1),
        ShortField("destination", 1),
        FieldLenField("length", None, length_of="apdu", fmt="H"),
        XStrLenField("apdu", b"", length_from=lambda packet: packet.length),
    ]


class _Headed(Packet):
    """The header that stands before every packet of our link types."""

    fields_desc: ClassVar[Any] = [
        ByteField("version", HEADER_VERSION),
        ByteEnumField("direction", 0, _DIRECTIONS),
        ByteField("detail", 0),
        FieldLenField("name_length", None, length_of="of", fmt="B"),
        SignedShortField("snr_cdb", 0),
        IntField("airtime_us", 0),
        StrLenField("of", b"", length_from=lambda packet: packet.name_length),
    ]


class AmiPlc(_Headed):
    """A power-line frame in a capture: `detail` is its fate, `of` the meter."""

    name = "AMI power-line packet"
    fields_desc: ClassVar[Any] = [
        *_Headed.fields_desc[:2],
        ByteEnumField("detail", 0, _FATES),
        *_Headed.fields_desc[3:],
    ]


class _SignOnLine(Packet):
    """A line of a sign-on (IEC 62056-21, 6.3.2), without its parity bits."""

    fields_desc: ClassVar[Any] = []

    def pre_dissect(self, octets: bytes) -> bytes:
        """The fields are of seven bits."""
        return without_parity(octets)


class ModeERequest(_SignOnLine):
    """Who is there?"""

    name = "mode E request"
    address_size: int = 0
    fields_desc: ClassVar[Any] = [
        StrFixedLenField("begin", b"/?", 2),
        StrLenField("address", b"", length_from=lambda packet: packet.address_size),
        StrField("end", b"!\r\n"),
    ]

    def pre_dissect(self, octets: bytes) -> bytes:
        """The address ends where the exclamation mark stands."""
        plain = super().pre_dissect(octets)
        self.address_size = max(0, plain.find(b"!") - 2)
        return plain


class ModeEIdentification(_SignOnLine):
    """A meter's answer: maker, speed, and itself; `\\2` in the text offers mode E."""

    name = "mode E identification"
    fields_desc: ClassVar[Any] = [
        StrFixedLenField("begin", b"/", 1),
        StrFixedLenField("manufacturer", b"XXX", 3),
        StrFixedLenField("baud", b"5", 1),
        StrField("text", b"\\2METER\r\n"),
    ]


class ModeEAcknowledgement(_SignOnLine):
    """The client's choice: protocol, speed, mode."""

    name = "mode E acknowledgement"
    fields_desc: ClassVar[Any] = [
        XByteField("begin", 0x06),
        StrFixedLenField("protocol", b"2", 1),
        StrFixedLenField("baud", b"5", 1),
        StrFixedLenField("mode", b"2", 1),
        StrFixedLenField("end", b"\r\n", 2),
    ]


_SIGN_ON = {
    "request": ModeERequest,
    "identification": ModeEIdentification,
    "acknowledgement": ModeEAcknowledgement,
}


class AmiSerial(_Headed):
    """An HDLC frame, or octets that are none (`detail` 1); `of` is the line."""

    name = "AMI serial packet"
    fields_desc: ClassVar[Any] = _Headed.fields_desc

    def guess_payload_class(self, payload: bytes) -> Any:
        """The line of a sign-on that it is, whose parity bits must be off for its fields."""
        line = sign_on.read(payload) if self.detail == 1 else None
        if line is None:
            return super().guess_payload_class(payload)
        return _SIGN_ON[line.kind]


class AmiMessage(_Headed):
    """A message between head-end and concentrator; `of` is the topic."""

    name = "AMI message packet"
    fields_desc: ClassVar[Any] = _Headed.fields_desc


class PlcFrame(Packet):
    """A frame of the power-line link (protocols.plc.frames); its CRC is computed where none is."""

    name = "PLC frame"
    fields_desc: ClassVar[Any] = [
        BitEnumField("kind", 0, 2, {0: "segment", 1: "acknowledgement"}),
        BitEnumField("direction", 0, 1, _DIRECTIONS),
        BitField("reserved", 0, 5),
        ShortField("node", 0),
        ByteField("message", 0),
        BitField("last", 0, 1),
        BitField("reserved_place", 0, 1),
        BitField("sequence", 0, 6),
        StrField("data", b"", remain=4),
        XIntField("crc", None),
    ]

    def post_build(self, packet: bytes, payload: bytes) -> bytes:
        if self.crc is None:
            packet = packet[:-4] + struct.pack(">I", zlib.crc32(packet[:-4]))
        return packet + payload


class HdlcFrame(Packet):
    """One HDLC frame of format type 3 with both flags.

    Length and checksums are computed where the FCS is left out.
    """

    name = "DLMS HDLC frame"
    sizes: tuple[int, int, int] = (1, 1, 0)  # of both addresses and of the information
    fields_desc: ClassVar[Any] = [
        XByteField("flag", 0x7E),
        BitField("type", FORMAT_TYPE_3 >> 4, 4),
        BitField("segmented", 0, 1),
        BitField("length", None, 11),
        XStrLenField("destination", b"\x03", length_from=lambda packet: packet.sizes[0]),
        XStrLenField("source", b"\x21", length_from=lambda packet: packet.sizes[1]),
        XByteField("control", 0x93),
        ConditionalField(LEShortField("hcs", None), lambda packet: packet.informs()),
        ConditionalField(
            XStrLenField("information", b"", length_from=lambda packet: packet.sizes[2]),
            lambda packet: packet.informs(),
        ),
        LEShortField("fcs", None),
        XByteField("closing_flag", 0x7E),
    ]

    def informs(self) -> bool:
        """Whether there is information, and so a checksum before it."""
        return bool(self.fields.get("information")) or self.sizes[2] > 0

    def pre_dissect(self, octets: bytes) -> bytes:
        """Find where the addresses end, which scapy's fields cannot."""
        end = len(octets)
        destination = address_size(octets, 3, end) or 1
        source = address_size(octets, 3 + destination, end) or 1
        length = (octets[1] & 7) << 8 | octets[2] if end > 2 else 0
        self.sizes = (destination, source, max(0, length - destination - source - 7))
        return octets

    def post_build(self, packet: bytes, payload: bytes) -> bytes:
        if self.fcs is None:
            information = self.fields.get("information", b"")
            ends = self.destination, self.source
            packet = encode(Frame(*ends, self.control, information, bool(self.segmented)))
        return packet + payload


conf.l2types.register(USER0, AmiPlc)
conf.l2types.register(USER1, AmiSerial)
conf.l2types.register(USER3, AmiMessage)
bind_layers(AmiPlc, PlcFrame)
bind_layers(AmiSerial, HdlcFrame, detail=0)
bind_layers(AmiMessage, Raw)
bind_layers(TCP, DlmsWrapper, dport=DLMS_PORT)
bind_layers(TCP, DlmsWrapper, sport=DLMS_PORT)
