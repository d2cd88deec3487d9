"""Secrets that DLMS sends in the clear, blotted out: a capture is mailed around, a meter is not.

An AARQ with low level security holds the password, an initiate request that is not ciphered may
hold a dedicated key.  Each of their octets becomes 2A (`*`), so that lengths and all else stay.
Everything ciphered stays as it is: without keys it tells nobody anything.
"""

from __future__ import annotations

from msgspec import structs

from protocols.dlms.acse import AARQ
from protocols.dlms.apdu import Apdu, InitiateRequest, decode, encode
from protocols.dlms.codes import ApduTag, AuthenticationMechanism
from protocols.errors import ProtocolError

MARK = b"\x2a"
_LOOKED_AT = {ApduTag.AARQ, ApduTag.INITIATE_REQUEST}


def masked(octets: bytes) -> bytes:
    """An APDU without secrets; the same object where there are none."""
    if not octets or octets[0] not in _LOOKED_AT:
        return octets
    try:
        apdu = decode(octets)
    except ProtocolError:
        return octets
    hidden = without_secrets(apdu)
    return octets if hidden is apdu else encode(hidden)


def without_secrets(apdu: Apdu) -> Apdu:
    """The same, for an APDU in hand."""
    if isinstance(apdu, InitiateRequest) and apdu.dedicated_key is not None:
        return structs.replace(apdu, dedicated_key=MARK * len(apdu.dedicated_key))
    if not isinstance(apdu, AARQ):
        return apdu
    password = apdu.authentication_value
    if password is not None and apdu.mechanism == AuthenticationMechanism.LOW:
        apdu = structs.replace(apdu, authentication_value=MARK * len(password))
    user = apdu.user_information
    if user is not None and (hidden := masked(user)) is not user:
        apdu = structs.replace(apdu, user_information=hidden)
    return apdu
