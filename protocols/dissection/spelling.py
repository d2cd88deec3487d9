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
from protocols.dlms.codes import ApduTag
from protocols.errors import ProtocolError

_TRIES_MAX = 100_000
"""Places that are tried before two spellings count as different, so that the time has a bound."""

_Kind = Callable[[bytes, int, bytes, int], tuple[int, int] | None]
"""Takes both octets with their places; returns how many of each a spelling takes, if it is one."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """Octets that came, at their offset, where we write others."""

    offset: int
    came: bytes
    ours: bytes


@dataclass(frozen=True, slots=True)
class _Found:
    """A spelling, and those before it."""

    spelling: Spelling
    before: _Found | None

    def chain(self) -> tuple[Spelling, ...]:
        """All of them in their order."""
        found: list[Spelling] = []
        last: _Found | None = self
        while last is not None:
            found.append(last.spelling)
            last = last.before
        return tuple(reversed(found))


def differences(came: bytes, ours: bytes) -> tuple[Spelling, ...] | None:
    """The spellings in which they differ; None where they differ in anything else.

    81 and above may be TRUE or begin a length: each is tried, and what does not work out to the
    end as one may as the other.
    """
    ways: list[tuple[int, int, _Found | None]] = [(0, 0, None)]
    tried: set[tuple[int, int]] = set()
    while ways:
        at, other, found = ways.pop()
        while at < len(came) and other < len(ours) and came[at] == ours[other]:
            at, other = at + 1, other + 1
        if at == len(came) and other == len(ours):
            return () if found is None else found.chain()
        if at == len(came) or other == len(ours) or (at, other) in tried:
            continue
        if len(tried) == _TRIES_MAX:
            return None
        tried.add((at, other))
        for kind in _KINDS:
            step = kind(came, at, ours, other)
            if step is not None:
                end, other_end = at + step[0], other + step[1]
                spelling = Spelling(at, came[at:end], ours[other:other_end])
                ways.append((end, other_end, _Found(spelling, found)))
    return None


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
    # What it counts grows by no more than all does, but for the old tag, which is one octet less.
    growth = max(len(came) - len(ours), 0) + 1
    inside = wanted and -1 <= counted - wanted <= growth and counted != wanted
    return sizes if inside and at + sizes[0] + counted <= len(came) else None


def _truth(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """TRUE as another octet than 01."""
    return (1, 1) if ours[other] == 1 and came[at] > 1 else None


def _default(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """In an InitiateRequest: response-allowed said, though TRUE is the default."""
    said = came[0] == ApduTag.INITIATE_REQUEST and came[at] and came[at + 1 : at + 2] > b"\0"
    return (2, 1) if said and ours[other] == 0 else None


def _signalling(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """The second octet of a signalling NaN, of which the machine makes a quiet one."""
    no_number = at > 0 and came[at - 1] & 0x7F == 0x7F and came[at] >= 0x80
    return (1, 1) if no_number and came[at] ^ ours[other] == 0x40 == ours[other] & 0x40 else None


def _old_tag(came: bytes, at: int, ours: bytes, other: int) -> tuple[int, int] | None:
    """The conformance block under 5F: [APPLICATION 31] in one octet."""
    old = came[at - 1 : at + 2] == b"\x5f\x04\x00"
    return (0, 1) if old and ours[other : other + 3] == b"\x1f\x04\x00" else None


_KINDS: tuple[_Kind, ...] = (
    _old_tag,
    _signalling,
    _default,
    _truth,
    _length,
)  # the last goes first
