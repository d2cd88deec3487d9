"""SOAP envelopes with a UsernameToken, made by zeep, which shares no code with ours."""

from __future__ import annotations

from datetime import datetime

from lxml import etree
from zeep.wsse.username import UsernameToken

from tests.soap.desk import AT

PASSWORD = "contraseña de prueba 1"


def with_token(
    octets: bytes,
    name: str = "COMERCIAL",
    password: str = PASSWORD,
    *,
    text: bool = False,
    nonce: str = "nonce-1",
    created: datetime = AT,
    must_understand: bool = True,
) -> bytes:
    """The SOAP envelope with zeep's token in its header."""
    token = UsernameToken(
        name, password, use_digest=not text, nonce=nonce, created=created, zulu_timestamp=True
    )
    envelope, _ = token.apply(etree.fromstring(octets), {})
    if must_understand:
        security = next(envelope.iter("{*}Security"))
        security.set("{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand", "1")
    return bytes(etree.tostring(envelope))
