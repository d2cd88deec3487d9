"""Association control: AARQ, AARE, RLRQ, RLRE in BER (IEC 62056-5-3 clause 7.2.1).

The user information is kept as octets: an initiate APDU, plain or ciphered, for `apdu.decode`.
`order` of a message that came holds the tags of its fields, where they stood in another order than
the standard's, and `wide` the sizes of INTEGERs that came in more octets than they need (X.690
8.3.2 forbids it, yet the number is not in doubt), so that it is written again as it came.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ApduTag,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
    ReleaseRequestReason,
    ReleaseResponseReason,
)
from protocols.dlms.discreet import Discreet
from protocols.errors import ProtocolError

_CONTEXT_OID = bytes.fromhex("60857405 0801")  # 2.16.756.5.8.1, the arc of the context follows
_MECHANISM_OID = bytes.fromhex("60857405 0802")
_Code = TypeVar("_Code", bound=enum.IntEnum)
_AARQ_ORDER = bytes.fromhex("80A1A2A3A4A5A6A7A8A98A8BACBDBE")
_AARE_ORDER = bytes.fromhex("80A1A2A3A4A5A6A78889AABDBE")
_RELEASE_ORDER = bytes.fromhex("80BE")
AUTHENTICATION_UNIT = b"\x07\x80"  # ACSE requirements: one bit, authentication


class AARQ(Discreet, frozen=True):
    """Ask for an association.  Context and mechanism are plain numbers if unknown."""

    HIDDEN = frozenset(("authentication_value",))

    application_context: int
    user_information: bytes | None = None
    calling_ap_title: bytes | None = None
    mechanism: int | None = None
    authentication_value: bytes | None = None
    acse_requirements: bytes | None = None
    protocol_version: bytes | None = None
    called_ap_title: bytes | None = None
    called_ae_qualifier: bytes | None = None
    called_ap_invocation_id: int | None = None
    called_ae_invocation_id: int | None = None
    calling_ae_qualifier: bytes | None = None
    calling_ap_invocation_id: int | None = None
    calling_ae_invocation_id: int | None = None  # the user identification of the client
    implementation_information: bytes | None = None
    order: tuple[int, ...] = ()
    wide: tuple[tuple[int, int], ...] = ()  # tags of fields, octets of their INTEGERs

    def encode(self) -> bytes:
        wide = dict(self.wide)
        return _arranged(
            ApduTag.AARQ,
            self.order,
            _optional(0x80, self.protocol_version),
            _tlv(0xA1, _tlv(0x06, _oid(_CONTEXT_OID, self.application_context))),
            _octets(0xA2, self.called_ap_title),
            _octets(0xA3, self.called_ae_qualifier),
            _number(0xA4, self.called_ap_invocation_id, wide),
            _number(0xA5, self.called_ae_invocation_id, wide),
            _octets(0xA6, self.calling_ap_title),
            _octets(0xA7, self.calling_ae_qualifier),
            _number(0xA8, self.calling_ap_invocation_id, wide),
            _number(0xA9, self.calling_ae_invocation_id, wide),
            _optional(0x8A, self.acse_requirements),
            _mechanism(0x8B, self.mechanism),
            _octets(0xAC, self.authentication_value, 0x80),
            _optional(0xBD, self.implementation_information),
            _octets(0xBE, self.user_information),
        )


class AARE(msgspec.Struct, frozen=True):
    """Answer to an AARQ."""

    application_context: int
    result: AssociationResult
    diagnostic: AcseUserDiagnostic | AcseProviderDiagnostic
    user_information: bytes | None = None
    responding_ap_title: bytes | None = None
    mechanism: int | None = None
    authentication_value: bytes | None = None
    acse_requirements: bytes | None = None
    protocol_version: bytes | None = None
    responding_ae_qualifier: bytes | None = None
    responding_ap_invocation_id: int | None = None
    responding_ae_invocation_id: int | None = None
    implementation_information: bytes | None = None
    order: tuple[int, ...] = ()
    wide: tuple[tuple[int, int], ...] = ()

    def encode(self) -> bytes:
        wide = dict(self.wide)
        source = 0xA1 if isinstance(self.diagnostic, AcseUserDiagnostic) else 0xA2
        return _arranged(
            ApduTag.AARE,
            self.order,
            _optional(0x80, self.protocol_version),
            _tlv(0xA1, _tlv(0x06, _oid(_CONTEXT_OID, self.application_context))),
            _number(0xA2, self.result, wide),
            _tlv(0xA3, _number(source, self.diagnostic, wide, 0xA3)),
            _octets(0xA4, self.responding_ap_title),
            _octets(0xA5, self.responding_ae_qualifier),
            _number(0xA6, self.responding_ap_invocation_id, wide),
            _number(0xA7, self.responding_ae_invocation_id, wide),
            _optional(0x88, self.acse_requirements),
            _mechanism(0x89, self.mechanism),
            _octets(0xAA, self.authentication_value, 0x80),
            _optional(0xBD, self.implementation_information),
            _octets(0xBE, self.user_information),
        )


class RLRQ(msgspec.Struct, frozen=True):
    """Ask to close the association."""

    reason: ReleaseRequestReason | None = ReleaseRequestReason.NORMAL
    user_information: bytes | None = None
    order: tuple[int, ...] = ()

    def encode(self) -> bytes:
        reason = None if self.reason is None else bytes((self.reason,))
        return _arranged(
            ApduTag.RLRQ,
            self.order,
            _optional(0x80, reason),
            _octets(0xBE, self.user_information),
        )


class RLRE(msgspec.Struct, frozen=True):
    """The association is closed."""

    reason: ReleaseResponseReason | None = ReleaseResponseReason.NORMAL
    user_information: bytes | None = None
    order: tuple[int, ...] = ()

    def encode(self) -> bytes:
        reason = None if self.reason is None else bytes((self.reason,))
        return _arranged(
            ApduTag.RLRE,
            self.order,
            _optional(0x80, reason),
            _octets(0xBE, self.user_information),
        )


# --- BER -----------------------------------------------------------------------------------------


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag,)) + axdr.encode_octets(content)


def _arranged(tag: int, order: tuple[int, ...], *fields: bytes) -> bytes:
    """The fields in the standard's order, or in that in which they came: a SEQUENCE has one order,
    and peers are in use that have another."""
    if not order:
        return _tlv(tag, b"".join(fields))
    held = {field[0]: field for field in fields if field}
    places = {tag: place for place, tag in enumerate(order)}
    return _tlv(tag, b"".join(held[each] for each in sorted(held, key=lambda t: places.get(t, 99))))


def _optional(tag: int, content: bytes | None) -> bytes:
    return b"" if content is None else _tlv(tag, content)


def _octets(tag: int, octets: bytes | None, inner: int = 0x04) -> bytes:
    return b"" if octets is None else _tlv(tag, _tlv(inner, octets))


def _number(
    tag: int, number: int | None, wide: Mapping[int, int], field: int | None = None
) -> bytes:
    """`field` is the tag by which `wide` knows it, where that is another."""
    if number is None:
        return b""
    size = number.bit_length() // 8 + 1  # one bit for the sign
    size = max(size, wide.get(tag if field is None else field, 0))
    return _tlv(tag, _tlv(0x02, number.to_bytes(size, "big")))


def _oid(prefix: bytes, arc: int) -> bytes:
    return prefix + arc.to_bytes(1, "big")


def _mechanism(tag: int, mechanism: int | None) -> bytes:
    return b"" if mechanism is None else _tlv(tag, _oid(_MECHANISM_OID, mechanism))


# Others than these are kept as numbers, for the association to refuse with the right diagnostic.
_MECHANISMS: dict[int, int] = {int(known): known for known in AuthenticationMechanism}
_CONTEXTS: dict[int, int] = {int(known): known for known in ApplicationContext}


class _Fields:
    """The TLV fields of one APDU, each taken once; offsets count from the start of the APDU."""

    def __init__(self, reader: Reader) -> None:
        start = reader.offset
        size = reader.length()
        if size != len(reader.octets) - reader.offset:
            raise ProtocolError(start, f"length {size}, {len(reader.octets) - reader.offset} left")
        self._octets = octets = reader.octets
        self._parts: dict[int, tuple[int, int]] = {}
        at, end = reader.offset, len(octets)
        while at < end:
            tag = octets[at]
            if tag in self._parts:
                raise ProtocolError(at, f"field {tag:02X} twice")
            length, begin = axdr.read_length(octets, at + 1)
            at = begin + length
            if at > end:
                raise ProtocolError(begin, f"{length} octets announced, {end - begin} left")
            self._parts[tag] = begin, at
        reader.offset = end
        self._order = bytes(self._parts)
        self._wide: list[tuple[int, int]] = []

    def order(self, standard: bytes) -> tuple[int, ...]:
        """The tags in the order in which they came; nothing where it is the standard's."""
        return _unusual(self._order, standard)

    @property
    def wide(self) -> tuple[tuple[int, int], ...]:
        """Of the INTEGERs read so far."""
        return tuple(self._wide)

    def raw(self, tag: int) -> bytes | None:
        """The content of the field, or None."""
        place = self._parts.pop(tag, None)
        return None if place is None else self._octets[place[0] : place[1]]

    def octets(self, tag: int, inner: int = 0x04) -> bytes | None:
        """The octets that the field wraps under the tag `inner`."""
        place = self._parts.pop(tag, None)
        if place is None:
            return None
        start, end = place
        return self._octets[_inside(self._octets, start, end, inner) : end]

    def number(self, tag: int) -> int | None:
        """The INTEGER that the field wraps."""
        place = self._parts.pop(tag, None)
        return None if place is None else self._integer(tag, *place)

    def code(self, tag: int, kind: type[_Code]) -> _Code:
        """The same, of a field that must be there and says one of these."""
        start, end = self._required(tag)
        return _known(kind, self._integer(tag, start, end), start)

    def diagnostic(self) -> AcseUserDiagnostic | AcseProviderDiagnostic:
        """What an AARE says of the source that the tag within A3 names."""
        start, end = self._required(0xA3)
        source = self._octets[start] if start < end else 0
        if source not in (0xA1, 0xA2):
            raise ProtocolError(start, f"{source:02X} is no source of diagnostics")
        number = self._integer(0xA3, _inside(self._octets, start, end, source), end)
        if source == 0xA1:
            return _known(AcseUserDiagnostic, number, start)
        return _known(AcseProviderDiagnostic, number, start)

    def mechanism(self, tag: int) -> int | None:
        """The last arc of the mechanism name."""
        place = self._parts.pop(tag, None)
        if place is None:
            return None
        arc = self._arc(*place, _MECHANISM_OID)
        return _MECHANISMS.get(arc, arc)

    def context(self) -> int:
        """The last arc of the application context name."""
        start, end = self._required(0xA1)
        arc = self._arc(_inside(self._octets, start, end, 0x06), end, _CONTEXT_OID)
        return _CONTEXTS.get(arc, arc)

    def end(self) -> None:
        """Raises for fields that nobody took."""
        for tag, (start, _) in self._parts.items():
            raise ProtocolError(start, f"field {tag:02X} is unknown")

    def _required(self, tag: int) -> tuple[int, int]:
        place = self._parts.pop(tag, None)
        if place is None:
            raise ProtocolError(len(self._octets), f"field {tag:02X} is missing")
        return place

    def _integer(self, tag: int, start: int, end: int) -> int:
        """The INTEGER from `start` to `end`, within the field `tag`."""
        begin = _inside(self._octets, start, end, 0x02)
        size = end - begin
        if not 1 <= size <= 5:
            raise ProtocolError(start, f"an INTEGER of {size} octets")
        number = int.from_bytes(self._octets[begin:end], "big", signed=True)
        if number < 0:
            raise ProtocolError(start, f"{number} is negative")
        if size > number.bit_length() // 8 + 1:
            self._wide.append((tag, size))
        return number

    def _arc(self, start: int, end: int, prefix: bytes) -> int:
        """The last arc of an object identifier that has `prefix` before it."""
        if self._octets[start : end - 1] != prefix:
            raise ProtocolError(start, "not a DLMS object identifier")
        return self._octets[end - 1]


def _inside(octets: bytes, start: int, end: int, tag: int) -> int:
    """Where the content of the one TLV between `start` and `end` begins."""
    if start == end or octets[start] != tag:
        raise ProtocolError(start, f"{tag:02X} is due here")
    length, begin = axdr.read_length(octets, start + 1)
    if begin + length != end:
        raise ProtocolError(begin, f"{length} octets announced, {end - begin} left")
    return begin


@lru_cache(maxsize=64)  # a peer has one order, and most have the same
def _unusual(tags: bytes, standard: bytes) -> tuple[int, ...]:
    """Tags in another order than the standard's; nothing where it is that."""
    places = [standard.find(tag) for tag in tags]
    return () if places == sorted(places) else tuple(tags)


def _known(kind: type[_Code], number: int, offset: int) -> _Code:
    found: _Code | None = kind._value2member_map_.get(number)  # type: ignore[assignment]
    if found is None:
        raise ProtocolError(offset, f"{number} is no {kind.__name__}")
    return found


def read_aarq(reader: Reader) -> AARQ:
    """What follows the tag 60."""
    fields = _Fields(reader)
    aarq = AARQ(
        application_context=fields.context(),
        user_information=fields.octets(0xBE),
        calling_ap_title=fields.octets(0xA6),
        mechanism=fields.mechanism(0x8B),
        authentication_value=fields.octets(0xAC, 0x80),
        acse_requirements=fields.raw(0x8A),
        protocol_version=fields.raw(0x80),
        called_ap_title=fields.octets(0xA2),
        called_ae_qualifier=fields.octets(0xA3),
        called_ap_invocation_id=fields.number(0xA4),
        called_ae_invocation_id=fields.number(0xA5),
        calling_ae_qualifier=fields.octets(0xA7),
        calling_ap_invocation_id=fields.number(0xA8),
        calling_ae_invocation_id=fields.number(0xA9),
        implementation_information=fields.raw(0xBD),
        order=fields.order(_AARQ_ORDER),
        wide=fields.wide,
    )
    fields.end()
    return aarq


def read_aare(reader: Reader) -> AARE:
    """What follows the tag 61."""
    fields = _Fields(reader)
    aare = AARE(
        application_context=fields.context(),
        result=fields.code(0xA2, AssociationResult),
        diagnostic=fields.diagnostic(),
        user_information=fields.octets(0xBE),
        responding_ap_title=fields.octets(0xA4),
        mechanism=fields.mechanism(0x89),
        authentication_value=fields.octets(0xAA, 0x80),
        acse_requirements=fields.raw(0x88),
        protocol_version=fields.raw(0x80),
        responding_ae_qualifier=fields.octets(0xA5),
        responding_ap_invocation_id=fields.number(0xA6),
        responding_ae_invocation_id=fields.number(0xA7),
        implementation_information=fields.raw(0xBD),
        order=fields.order(_AARE_ORDER),
        wide=fields.wide,
    )
    fields.end()
    return aare


def _reason(fields: _Fields) -> int | None:
    content = fields.raw(0x80)
    if content is None:
        return None
    if len(content) != 1:
        raise ProtocolError(2, f"a reason of {len(content)} octets")
    return content[0]


def read_rlrq(reader: Reader) -> RLRQ:
    """What follows the tag 62."""
    fields = _Fields(reader)
    reason = _reason(fields)
    known = None if reason is None else _known(ReleaseRequestReason, reason, 2)
    rlrq = RLRQ(known, fields.octets(0xBE), fields.order(_RELEASE_ORDER))
    fields.end()
    return rlrq


def read_rlre(reader: Reader) -> RLRE:
    """What follows the tag 63."""
    fields = _Fields(reader)
    reason = _reason(fields)
    known = None if reason is None else _known(ReleaseResponseReason, reason, 2)
    rlre = RLRE(known, fields.octets(0xBE), fields.order(_RELEASE_ORDER))
    fields.end()
    return rlre
