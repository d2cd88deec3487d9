"""One APDU, or one value, taken apart down to what is inside it, and put together again.

Inside are: the initiate APDU in the user information of ACSE, what a signed APDU carries, and what
keys at hand open.  `reencoded` is written anew from the innermost outwards, so that it equals what
came in only if nothing was lost on the way (`spelling` says what is no loss).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from msgspec import structs

from protocols.dissection import tree
from protocols.dissection.opening import CannotOpen, KeyRing, Opening, open_apdu
from protocols.dissection.spelling import Spelling, differences
from protocols.dissection.tree import Element
from protocols.dlms import axdr
from protocols.dlms.apdu import (
    AARE,
    AARQ,
    RLRE,
    RLRQ,
    Apdu,
    Ciphered,
    GeneralCiphered,
    GeneralCiphering,
    GeneralSigning,
    decode,
    encode,
)
from protocols.dlms.values import Value
from protocols.errors import ProtocolError

DEPTH_MAX = 4
"""APDUs in APDUs: signed, general-ciphered and glo-ciphered at once are three."""

NO_KEYS = KeyRing()


@dataclass(frozen=True, slots=True)
class Dissected:
    """An APDU with what was inside it."""

    octets: bytes
    apdu: Apdu
    element: Element
    reencoded: bytes
    inside: Dissected | None = None  # in the clear: user information, signed content
    opening: Opening | None = None
    opened: Dissected | None = None  # the plain APDU of a ciphered one
    spellings: tuple[Spelling, ...] = ()  # put back into `reencoded`

    @property
    def openings(self) -> tuple[tuple[Opening, Dissected], ...]:
        """What keys opened here or further inside, outermost first."""
        found = []
        if self.opening is not None and self.opened is not None:
            found = [(self.opening, self.opened), *self.opened.openings]
        return (*found, *(self.inside.openings if self.inside is not None else ()))


class InsideError(ProtocolError):
    """The APDU could be read, and something inside it could not; `outer` is what could."""

    def __init__(self, offset: int, cause: str, outer: Dissected) -> None:
        super().__init__(offset, cause)
        self.outer = outer


def dissect(
    octets: bytes, ring: KeyRing = NO_KEYS, title: bytes = b"", depth: int = 0
) -> Dissected:
    """The APDU in `octets`.  Raises ProtocolError, InsideError where only a part is wrong.

    `title` is the sender's system title where something before said it.
    """
    apdu = decode(octets)
    if isinstance(apdu, Ciphered | GeneralCiphered | GeneralCiphering):
        return _ciphered(octets, apdu, ring, title, depth)
    carried, place = _carried(apdu)
    if carried is None or depth >= DEPTH_MAX:
        return _closed(octets, apdu)
    start = octets.rfind(carried)
    try:
        inside = dissect(carried, ring, _title(apdu) or title, depth + 1)
    except InsideError as error:
        outer = _around(octets, apdu, place, error.outer)
        raise InsideError(start + error.offset, error.cause, outer) from None
    except ProtocolError:
        return _closed(octets, apdu)  # what a vendor puts there need not be an APDU
    return _around(octets, apdu, place, inside)


def _closed(octets: bytes, apdu: Apdu) -> Dissected:
    reencoded, spellings = _spelled(octets, encode(apdu))
    return Dissected(octets, apdu, tree.of_apdu(apdu), reencoded, spellings=spellings)


def _spelled(octets: bytes, again: bytes) -> tuple[bytes, tuple[Spelling, ...]]:
    """What is written again, in the spelling in which it came where nothing else differs."""
    if octets == again:
        return again, ()
    spellings = differences(octets, again)
    return (again, ()) if spellings is None else (octets, spellings)


def _around(octets: bytes, apdu: Apdu, place: str, inside: Dissected) -> Dissected:
    element = tree.of_apdu(apdu, {place: inside.element})
    if isinstance(apdu, GeneralSigning):
        again: Apdu = structs.replace(apdu, content=inside.reencoded)
    else:
        assert isinstance(apdu, AARQ | AARE | RLRQ | RLRE)
        again = structs.replace(apdu, user_information=inside.reencoded)
    reencoded, spellings = _spelled(octets, encode(again))
    return Dissected(octets, apdu, element, reencoded, inside=inside, spellings=spellings)


def _carried(apdu: Apdu) -> tuple[bytes | None, str]:
    """The octets of an APDU in the clear inside this one, and in which field."""
    match apdu:
        case AARQ() | AARE() | RLRQ() | RLRE():
            return apdu.user_information or None, "user_information"
        case GeneralSigning():
            return apdu.content or None, "content"
    return None, ""


def _title(apdu: Apdu) -> bytes:
    """The system title of its sender, if the APDU says it."""
    match apdu:
        case AARQ(calling_ap_title=bytes() as title) | AARE(responding_ap_title=bytes() as title):
            return title if len(title) == 8 else b""
        case GeneralSigning():
            return apdu.header.originator
    return b""


def _ciphered(
    octets: bytes,
    apdu: Ciphered | GeneralCiphered | GeneralCiphering,
    ring: KeyRing,
    title: bytes,
    depth: int,
) -> Dissected:
    closed = _closed(octets, apdu)
    if depth >= DEPTH_MAX:
        return closed
    try:
        opening = open_apdu(apdu, ring, title)
    except CannotOpen as error:
        raise InsideError(error.offset, error.cause, closed) from None
    if opening is None:
        return closed
    try:
        opened = dissect(opening.plain, ring, title, depth + 1)
    except ProtocolError as error:
        cause = f"deciphered, and then: {error.cause}"
        if opening.tag != "verified":
            cause += " (a wrong key would look the same)"
        raise InsideError(error.offset, cause, closed) from None
    again = structs.replace(apdu, payload=opening.seal(opened.reencoded))
    reencoded, spellings = _spelled(octets, encode(again))
    return replace(closed, opening=opening, opened=opened, reencoded=reencoded, spellings=spellings)


@dataclass(frozen=True, slots=True)
class DissectedValue:
    """A value that stands alone, such as one side of an A-XDR vector."""

    octets: bytes
    value: Value
    element: Element
    reencoded: bytes
    spellings: tuple[Spelling, ...] = ()


def dissect_value(octets: bytes) -> DissectedValue:
    """The value that fills `octets`.  Raises ProtocolError."""
    value = axdr.decode(octets)
    reencoded, spellings = _spelled(octets, axdr.encode(value))
    return DissectedValue(octets, value, tree.of_value(value), reencoded, spellings)
