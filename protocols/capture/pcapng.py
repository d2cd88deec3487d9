"""The pcapng file format, as much of it as captures of ours need (draft-ietf-opsawg-pcapng).

Written little-endian: one section, an interface for each kind of packet, times in microseconds, a
comment and a direction for each packet.  Read in either byte order, with the offset of every block;
a file that is damaged is read up to there, and says where.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from protocols.errors import ProtocolError

SECTION, INTERFACE, ENHANCED = 0x0A0D0D0A, 1, 6
_ORDER_MARK = 0x1A2B3C4D
_END, _COMMENT, _FLAGS = 0, 1, 2
_APPLICATION = 4  # of a section
_NAME, _DESCRIPTION, _RESOLUTION = 2, 3, 9  # of an interface
_INBOUND, _OUTBOUND = 1, 2
SNAP_OCTETS: Final = 0x40000
"""The longest packet that is written."""
BLOCK_OCTETS_MAX: Final = 1 << 24
"""Of a block that is read: a length beyond it is damage, not data."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Where packets of one kind come from; `link_type` of the registry of link types."""

    link_type: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a file; `offset` is where its block begins."""

    offset: int
    number: int  # from 1, as Wireshark counts
    interface: Interface
    at_us: int  # since 1970
    octets: bytes
    comment: str
    outbound: bool


# --- writing -------------------------------------------------------------------------------------


def section(application: str, comment: str = "") -> bytes:
    """The block that begins a file."""
    head = struct.pack("<IHHq", _ORDER_MARK, 1, 0, -1)
    options = _text(_COMMENT, comment) + _text(_APPLICATION, application)
    return _block(SECTION, head + options + _option(_END, b""))


def interface(described: Interface) -> bytes:
    """The block that describes an interface; packets name it by its place among these."""
    head = struct.pack("<HHI", described.link_type, 0, SNAP_OCTETS)
    options = (
        _text(_NAME, described.name),
        _text(_DESCRIPTION, described.description),
        _option(_RESOLUTION, b"\x06"),
        _option(_END, b""),
    )
    return _block(INTERFACE, head + b"".join(options))


def packet(number: int, at_us: int, octets: bytes, *, comment: str, outbound: bool) -> bytes:
    """The block of one packet, of the interface with this number."""
    high, low = divmod(at_us, 1 << 32)
    head = struct.pack("<IIIII", number, high, low, len(octets), len(octets))
    flags = struct.pack("<I", _OUTBOUND if outbound else _INBOUND)
    options = _text(_COMMENT, comment) + _option(_FLAGS, flags) + _option(_END, b"")
    return _block(ENHANCED, head + _padded(octets) + options)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, octets: bytes) -> bytes:
    return struct.pack("<HH", code, len(octets)) + _padded(octets)


def _text(code: int, text: str) -> bytes:
    return _option(code, text.encode()) if text else b""


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


# --- reading -------------------------------------------------------------------------------------

Read = Callable[[int], bytes]
"""The next octets of a file, fewer at its end."""


def packets(read: Read) -> Iterator[Packet]:
    """Every packet.  Raises ProtocolError, with an offset in the file, where the file is damaged;
    what came before has been given by then."""
    source = _Source(read)
    while (block := source.block()) is not None:
        kind, offset, body = block
        if kind == INTERFACE:
            source.interfaces.append(_read_interface(body, offset, source.order))
        elif kind == ENHANCED:
            source.count += 1
            yield _read_packet(body, offset, source)


class _Source:
    """A file from its start, block by block."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._offset = 0
        self.order = "<"
        self.interfaces: list[tuple[Interface, int]] = []  # with units of its times in a second
        self.count = 0

    def block(self) -> tuple[int, int, bytes] | None:
        """Kind, offset and body of the next block, or None at the end."""
        start = self._offset
        head = self._take(8, start)
        if not head and start:
            return None
        if not head:
            raise ProtocolError(0, "the file is empty")
        if len(head) < 8:
            raise ProtocolError(start, "the file ends inside the head of a block")
        if head[:4] == b"\x0a\x0d\x0d\x0a":
            head += self._begin_section(start)
        elif not start:
            raise ProtocolError(0, "no pcapng file: it does not begin with a section")
        kind, length = struct.unpack(self.order + "II", head[:8])
        if length < 12 or length % 4 or length > BLOCK_OCTETS_MAX:
            raise ProtocolError(start + 4, f"a block of {length} octets")
        rest = self._take(length - len(head), start)
        if len(head) + len(rest) < length:
            cause = f"a block of {length} octets, of which {len(head) + len(rest)} are here"
            raise ProtocolError(start, cause)
        body = head[8:] + rest
        if struct.unpack(self.order + "I", body[-4:])[0] != length:
            raise ProtocolError(start + length - 4, "the lengths at both ends of a block differ")
        return kind, start, body[:-4]

    def _begin_section(self, start: int) -> bytes:
        mark = self._take(4, start)
        for order in "<>":
            if mark == struct.pack(order + "I", _ORDER_MARK):
                self.order = order
                self.interfaces = []
                return mark
        raise ProtocolError(start + 8, "no byte order mark of pcapng")

    def _take(self, count: int, start: int) -> bytes:
        octets = self._read(count)
        self._offset += len(octets)
        return octets


def _read_interface(body: bytes, offset: int, order: str) -> tuple[Interface, int]:
    if len(body) < 8:
        raise ProtocolError(offset, "an interface description that is too short")
    (link_type,) = struct.unpack_from(order + "H", body)
    options = dict(_options(body[8:], offset, order))
    name = options.get(_NAME, b"").decode("utf-8", "replace")
    description = options.get(_DESCRIPTION, b"").decode("utf-8", "replace")
    resolution = (options.get(_RESOLUTION) or b"\x06")[0]
    units = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10 ** (resolution & 0x7F)
    return Interface(link_type, name, description), units


def _read_packet(body: bytes, offset: int, source: _Source) -> Packet:
    order = source.order
    if len(body) < 20:
        raise ProtocolError(offset, "a packet that is too short")
    number, high, low, length, _ = struct.unpack_from(order + "IIIII", body)
    if number >= len(source.interfaces):
        raise ProtocolError(offset + 8, f"interface {number} was never described")
    if length > len(body) - 20:
        raise ProtocolError(offset + 20, f"{length} octets announced, {len(body) - 20} left")
    described, units = source.interfaces[number]
    options = dict(_options(body[20 + length + -length % 4 :], offset, order))
    flags = options.get(_FLAGS, b"").ljust(4, b"\0")[:4]
    return Packet(
        offset,
        source.count,
        described,
        (high << 32 | low) * 1_000_000 // units,
        body[20 : 20 + length],
        options.get(_COMMENT, b"").decode("utf-8", "replace"),
        struct.unpack(order + "I", flags)[0] & 3 == _OUTBOUND,
    )


def _options(octets: bytes, offset: int, order: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(octets):
        code, length = struct.unpack_from(order + "HH", octets, at)
        if code == _END:
            return
        if at + 4 + length > len(octets):
            raise ProtocolError(offset, "an option that is longer than its block")
        yield code, octets[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
