"""One HDLC frame of format type 3 (IEC 62056-46, 6.4; Green Book 8.4.1).

    7E | format 2 | destination 1-4 | source 1-4 | control 1 | HCS 2 | information | FCS 2 | 7E

The format field holds the type (1010), the segmentation bit and the length, which counts all octets
between the flags.  Without information there is no HCS.  Numbers are modulo 8.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from protocols.hdlc.checksum import checksum

FLAG = 0x7E
FORMAT_TYPE_3 = 0xA0
SEGMENTED = 0x08  # in the first octet of the format field
LENGTH_MAX = 0x7FF
POLL = 0x10  # P of commands, F of responses
_FLAG = b"\x7e"


class Kind(enum.Enum):
    """Commands and responses (Green Book, table of control fields)."""

    I = "information"  # noqa: E741  the standard's name
    RR = "receive ready"
    RNR = "receive not ready"
    SNRM = "set normal response mode"
    DISC = "disconnect"
    UA = "unnumbered acknowledge"
    DM = "disconnected mode"
    FRMR = "frame reject"
    UI = "unnumbered information"
    UNKNOWN = "unknown control field"


UNNUMBERED = {
    Kind.SNRM: 0x83,
    Kind.DISC: 0x43,
    Kind.UA: 0x63,
    Kind.DM: 0x0F,
    Kind.FRMR: 0x87,
    Kind.UI: 0x03,
}
_RR, _RNR = 0x01, 0x05


def _kind(control: int) -> Kind:
    if control & 1 == 0:
        return Kind.I
    if control & 3 == 1:
        return {_RR: Kind.RR, _RNR: Kind.RNR}.get(control & 0x0F, Kind.UNKNOWN)
    plain = control & ~POLL
    return next((kind for kind, code in UNNUMBERED.items() if code == plain), Kind.UNKNOWN)


_KINDS = tuple(map(_kind, range(256)))


@dataclass(frozen=True, slots=True)
class Frame:
    """What is between two flags, without the checksums.  Addresses as they are on the line."""

    destination: bytes
    source: bytes
    control: int
    information: bytes = b""
    segmented: bool = False

    @property
    def kind(self) -> Kind:
        """Command or response."""
        return _KINDS[self.control]

    @property
    def poll(self) -> bool:
        """P or F: the turn goes to the other side."""
        return bool(self.control & POLL)

    @property
    def ns(self) -> int:
        """N(S) of an I frame."""
        return self.control >> 1 & 7

    @property
    def nr(self) -> int:
        """N(R) of an I, RR or RNR frame: the next one expected."""
        return self.control >> 5

    def __str__(self) -> str:
        numbers = ""
        if self.kind is Kind.I:
            numbers = f" {self.ns} expecting {self.nr}"
        elif self.kind in (Kind.RR, Kind.RNR):
            numbers = f" expecting {self.nr}"
        kind = self.kind.name if self.kind is not Kind.UNKNOWN else f"control {self.control:02X}"
        return f"{kind}{numbers}{' P/F' if self.poll else ''}"


def information_control(ns: int, nr: int, *, poll: bool) -> int:
    """The control field of an I frame."""
    return nr << 5 | poll << 4 | ns << 1


def ready_control(nr: int, *, poll: bool = True) -> int:
    """The control field of RR."""
    return nr << 5 | poll << 4 | _RR


def unnumbered_control(kind: Kind, *, poll: bool = True) -> int:
    """The control field of SNRM, DISC, UA, DM, FRMR and UI."""
    return UNNUMBERED[kind] | poll << 4


def encode(frame: Frame) -> bytes:
    """The frame with both flags.  Raises ValueError when it is longer than its format can say."""
    rest = frame.destination + frame.source + bytes((frame.control,))
    information = frame.information
    length = len(rest) + (len(information) + 6 if information else 4)
    if length > LENGTH_MAX:
        raise ValueError(f"{length} octets: a frame of type 3 has at most {LENGTH_MAX}")
    first = FORMAT_TYPE_3 | frame.segmented << 3 | length >> 8
    body = bytes((first, length & 0xFF)) + rest
    if information:
        body += checksum(body) + information
    return b"".join((_FLAG, body, checksum(body), _FLAG))
