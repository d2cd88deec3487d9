"""Ciphered APDUs as they look from outside (Green Book 9.2.7.2.4.6, 9.5).

The payload is left as it is: `security` opens it.  Service-specific ciphering (glo-, ded-) hides
nothing but the content, general ciphering also says whose key it is by the system title.
"""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import ApduTag
from protocols.errors import ProtocolError

_HEADER = struct.Struct(">BI")
# Tag of a plain APDU -> tag when ciphered with the global unicast key, with the dedicated key.
GLOBAL_TAG: dict[int, ApduTag] = {
    ApduTag.INITIATE_REQUEST: ApduTag.GLO_INITIATE_REQUEST,
    ApduTag.INITIATE_RESPONSE: ApduTag.GLO_INITIATE_RESPONSE,
    ApduTag.CONFIRMED_SERVICE_ERROR: ApduTag.GLO_CONFIRMED_SERVICE_ERROR,
    ApduTag.GET_REQUEST: ApduTag.GLO_GET_REQUEST,
    ApduTag.SET_REQUEST: ApduTag.GLO_SET_REQUEST,
    ApduTag.EVENT_NOTIFICATION_REQUEST: ApduTag.GLO_EVENT_NOTIFICATION_REQUEST,
    ApduTag.ACTION_REQUEST: ApduTag.GLO_ACTION_REQUEST,
    ApduTag.GET_RESPONSE: ApduTag.GLO_GET_RESPONSE,
    ApduTag.SET_RESPONSE: ApduTag.GLO_SET_RESPONSE,
    ApduTag.ACTION_RESPONSE: ApduTag.GLO_ACTION_RESPONSE,
    ApduTag.READ_REQUEST: ApduTag.GLO_READ_REQUEST,
    ApduTag.WRITE_REQUEST: ApduTag.GLO_WRITE_REQUEST,
    ApduTag.READ_RESPONSE: ApduTag.GLO_READ_RESPONSE,
    ApduTag.WRITE_RESPONSE: ApduTag.GLO_WRITE_RESPONSE,
    ApduTag.UNCONFIRMED_WRITE_REQUEST: ApduTag.GLO_UNCONFIRMED_WRITE_REQUEST,
    ApduTag.INFORMATION_REPORT_REQUEST: ApduTag.GLO_INFORMATION_REPORT_REQUEST,
}
DEDICATED_TAG: dict[int, ApduTag] = {
    ApduTag.GET_REQUEST: ApduTag.DED_GET_REQUEST,
    ApduTag.SET_REQUEST: ApduTag.DED_SET_REQUEST,
    ApduTag.EVENT_NOTIFICATION_REQUEST: ApduTag.DED_EVENT_NOTIFICATION_REQUEST,
    ApduTag.ACTION_REQUEST: ApduTag.DED_ACTION_REQUEST,
    ApduTag.GET_RESPONSE: ApduTag.DED_GET_RESPONSE,
    ApduTag.SET_RESPONSE: ApduTag.DED_SET_RESPONSE,
    ApduTag.ACTION_RESPONSE: ApduTag.DED_ACTION_RESPONSE,
    ApduTag.READ_REQUEST: ApduTag.DED_READ_REQUEST,
    ApduTag.WRITE_REQUEST: ApduTag.DED_WRITE_REQUEST,
    ApduTag.READ_RESPONSE: ApduTag.DED_READ_RESPONSE,
    ApduTag.WRITE_RESPONSE: ApduTag.DED_WRITE_RESPONSE,
    ApduTag.UNCONFIRMED_WRITE_REQUEST: ApduTag.DED_UNCONFIRMED_WRITE_REQUEST,
    ApduTag.INFORMATION_REPORT_REQUEST: ApduTag.DED_INFORMATION_REPORT_REQUEST,
}
HEARD_TAG: dict[int, ApduTag] = {
    ApduTag.INITIATE_REQUEST: ApduTag.DED_INITIATE_REQUEST,
    ApduTag.INITIATE_RESPONSE: ApduTag.DED_INITIATE_RESPONSE,
    ApduTag.CONFIRMED_SERVICE_ERROR: ApduTag.DED_CONFIRMED_SERVICE_ERROR,
}
"""Tags that the standard reserves and does not use: read, never written by an association."""
PLAIN_TAG: dict[int, int] = {
    ciphered: plain
    for table in (GLOBAL_TAG, DEDICATED_TAG, HEARD_TAG)
    for plain, ciphered in table.items()
}
DEDICATED_TAGS = (
    frozenset(DEDICATED_TAG.values())
    | frozenset(HEARD_TAG.values())
    | {ApduTag.GENERAL_DED_CIPHERING}
)


class Ciphered(msgspec.Struct, frozen=True):
    """A glo- or ded- APDU: `tag` says which service and which key."""

    tag: ApduTag
    security_control: int
    invocation_counter: int
    payload: bytes

    def __post_init__(self) -> None:
        if self.tag not in PLAIN_TAG:
            raise ValueError(f"{self.tag!r} is no ciphered service")

    def encode(self) -> bytes:
        return self.tag.to_bytes(1, "big") + axdr.encode_octets(protected(self))


class GeneralCiphered(msgspec.Struct, frozen=True):
    """A general-glo-ciphering or general-ded-ciphering APDU."""

    tag: ApduTag
    system_title: bytes
    security_control: int
    invocation_counter: int
    payload: bytes

    def __post_init__(self) -> None:
        if self.tag not in (ApduTag.GENERAL_GLO_CIPHERING, ApduTag.GENERAL_DED_CIPHERING):
            raise ValueError(f"{self.tag!r} is no general ciphering")

    def encode(self) -> bytes:
        title = axdr.encode_octets(self.system_title)
        return self.tag.to_bytes(1, "big") + title + axdr.encode_octets(protected(self))


def protected(apdu: Ciphered | GeneralCiphered) -> bytes:
    """Security header and payload."""
    header = bytes((apdu.security_control,)) + apdu.invocation_counter.to_bytes(4, "big")
    return header + apdu.payload


def _read_protected(reader: Reader) -> tuple[int, int, bytes]:
    octets = reader.octets
    length, start = axdr.read_length(octets, reader.offset)
    end, payload = start + length, start + _HEADER.size
    if payload > end:
        raise ProtocolError(reader.offset, "no room for a security header")
    if end > len(octets):
        raise ProtocolError(start, f"{length} octets announced, {len(octets) - start} left")
    control, counter = _HEADER.unpack_from(octets, start)
    reader.offset = end
    return control, counter, octets[payload:end]


def read(reader: Reader, tag: ApduTag) -> Ciphered:
    """What follows a glo- or ded- tag."""
    return Ciphered(tag, *_read_protected(reader))


def read_general(reader: Reader, tag: ApduTag) -> GeneralCiphered:
    """What follows the tag DB or DC."""
    return GeneralCiphered(tag, reader.octet_string(), *_read_protected(reader))
