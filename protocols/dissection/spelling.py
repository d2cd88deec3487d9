"""Other spellings of one APDU: what BER and A-XDR allow beside the shortest form that we write.

A length may take more octets than it needs, TRUE may be any octet but zero, a default may be
said, a float32 that is no number may be a signalling one, and the conformance block had a tag of
one octet in older editions.  Meters do the first three and the last.  The typed APDU does not
keep it, so what is written again is compared with what came, and where nothing but spellings
differs, they are put back and told.  Anything else that differs is a loss, and stays visible.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocols.dlms.axdr import Reader
from protocols.errors import ProtocolError

_GROWTH_MAX = 64
"""Octets by which a length may count more than ours, for spellings inside of what it counts."""

_Kind = Callable[[bytes, int, bytes, int], tuple[int, int] | None]
"""Takes both octets with their places; returns how many of each a spelling takes, if it is one."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """Octets that came, at their offset, where we write others."""

    offset: int
    came: bytes
    ours: bytes


def differences(came: bytes, ours: bytes) -> tuple[Spelling, ...] | None:
    """The spellings in which they differ; None where they differ in anything else.

    81 and above may be TRUE or begin a length: what does not work out as one may as the other.
    """
    first = _differences(came, ours, (_length, _truth, _signalling, _old_tag))
    if first is not None:
        return first
    return _differences(came, ours, (_truth, _length, _signalling, _old_tag))


def _differences(came: bytes, ours: bytes, kinds: tuple[_Kind, ...]) -> tuple[Spelling, ...] | None:
    found: list[Spelling] = []
    at, other = 0, 0
    while at < len(came) and other < len(ours):
        if came[at] == ours[other]:
            at, other = at + 1, other + 1
            continue
        steps = (kind(came, at, ours, other) for kind in kinds)
        step = next(filter(None, steps), None)
        if step is None:
            return None
        found.append(Spelling(at, came[at : at + step[0]], ours[other : other + step[1]]))
        at, other = at + step[0], other + step[1]
    if at != len(came) or other != len(ours):
        return None
    return tuple(found)


def _length(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """A length in more octets than it needs, or one that counts such inside."""
    first, second = Reader(came, at), Reader(ours, other)
    try:
        counted, wanted = first.length(), second.length()
    except ProtocolError:
        return None
    sizes = first.offset - at, second.offset - other
    if counted == wanted and sizes[0] > sizes[1]:
        return sizes
    inside = wanted and -1 <= counted - wanted <= _GROWTH_MAX and counted != wanted
    return sizes if inside and at + sizes[0] + counted <= len(came) else None


def _truth(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """TRUE as another octet than 01; response-allowed said though it is the default."""
    if ours[other] == 1 and came[at] > 1:
        return 1, 1
    if ours[other] == 0 and came[at] == 1 and came[at + 1 : at + 2] > b"\0":
        return 2, 1
    return None


def _signalling(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """The second octet of a signalling NaN, of which the machine makes a quiet one."""
    no_number = at > 0 and came[at - 1] & 0x7F == 0x7F and came[at] >= 0x80
    return (1, 1) if no_number and came[at] ^ ours[other] == 0x40 == ours[other] & 0x40 else None


def _old_tag(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """The conformance block under 5F: [APPLICATION 31] in one octet."""
    old = came[at - 1 : at + 2] == b"\x5f\x04\x00"
    return (0, 1) if old and ours[other : other + 3] == b"\x1f\x04\x00" else None
