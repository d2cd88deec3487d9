"""The UsernameToken of a SOAP header: OASIS WSS UsernameToken Profile 1.1.1, sections 3.1 and 3.2.

PasswordDigest is Base64(SHA-1(nonce + created + password)), over the nonce's decoded octets and the
text of Created as it stands.  It proves who made the token, and nothing of the body beside it: a
token that somebody overheard would do for any body, so that each is taken once (see
`headend.soap.door.freshness`).  PasswordText shows the password itself and is for TLS alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.xml import Element

_OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
SECEXT: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
UTILITY: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
PASSWORD_TEXT: Final = f"{_OASIS}username-token-profile-1.0#PasswordText"
PASSWORD_DIGEST: Final = f"{_OASIS}username-token-profile-1.0#PasswordDigest"
BASE64_BINARY: Final = f"{_OASIS}soap-message-security-1.0#Base64Binary"
SECURITY: Final = f"{{{SECEXT}}}Security"
_TOKEN: Final = f"{{{SECEXT}}}UsernameToken"
_TIMESTAMP: Final = f"{{{UTILITY}}}Timestamp"

NAME_MAX: Final = 64  # characters of a user name
PASSWORD_MAX: Final = 256  # characters of a password or its digest
NONCE_MAX: Final = 64  # octets; the profile recommends 16


@dataclass(frozen=True, slots=True, kw_only=True)
class UsernameToken:
    """Who says so, and how it is shown.  `created_text` is Created letter by letter, which the
    digest is made over; `nonce` and `created` are None where the token has none."""

    name: str
    password: str = field(repr=False)
    is_digest: bool
    nonce: bytes | None = None
    created: datetime | None = None
    created_text: str = ""
    expires: datetime | None = None  # of a Timestamp beside the token

    def shown_by(self, password: str) -> bool:
        """Whether who made the token knew this password; takes as long whatever is different."""
        if self.is_digest:
            expected = digest(password, self.nonce or b"", self.created_text)
        else:
            expected = password
        return hmac.compare_digest(expected.encode(), self.password.encode())


def digest(password: str, nonce: bytes, created: str) -> str:
    """Password_Digest of the profile, section 3.1."""
    # SHA-1 is the profile's own; what is asked of it is resistance to preimages, which it has.
    octets = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False)
    return base64.b64encode(octets.digest()).decode("ascii")


def read(envelope: Element) -> UsernameToken | None:
    """The token in a SOAP 1.1 envelope's header; None where there is no Security header.

    Raises `RequestRefused`: 7.3 for another mechanism, 7.4 for what can be read in two ways.
    """
    header = envelope.find(f"{{{ns.SOAP_11}}}Header")
    blocks = [] if header is None else header.findall(SECURITY)
    if not blocks:
        return None
    if len(blocks) > 1:
        raise _refused("7.4", "CREDENCIAL_REPETIDA: hay más de un Security")
    found: dict[str, Element] = {}
    for part in blocks[0]:
        if part.tag not in (_TOKEN, _TIMESTAMP):
            name = xml.clean(xml.local(part), 60)
            raise _refused("7.3", f"MECANISMO_NO_ADMITIDO: {name}; se espera UsernameToken")
        if part.tag in found:
            raise _refused("7.4", "CREDENCIAL_REPETIDA: se espera un único UsernameToken")
        found[part.tag] = part
    if _TOKEN not in found:
        raise _refused("7.4", "CREDENCIAL_INVALIDA: falta UsernameToken")
    token = _token(found[_TOKEN])
    if _TIMESTAMP not in found:
        return token
    expires = xml.text_of(found[_TIMESTAMP].find(f"{{{UTILITY}}}Expires"))
    return replace(token, expires=xml.date_time(expires))


def _token(element: Element) -> UsernameToken:
    text: dict[str, str] = {}
    password: Element | None = None
    for part in element:
        name = xml.local(part)
        expected = UTILITY if name == "Created" else SECEXT
        known = name in ("Username", "Password", "Nonce", "Created")
        if not known or xml.namespace(part) != expected or name in text or len(part):
            raise _refused("7.4", f"CREDENCIAL_INVALIDA: {xml.clean(name, 60)} en UsernameToken")
        # What surrounds a password or a nonce is not ours to take away; names are trimmed.
        text[name] = part.text or ""
        if name == "Password":
            password = part
        elif name == "Nonce" and part.get("EncodingType") not in (None, BASE64_BINARY):
            raise _refused("7.4", "CREDENCIAL_INVALIDA: Nonce no es Base64Binary")
    if password is None or not text.get("Username", "").strip():
        raise _refused("7.4", "CREDENCIAL_INVALIDA: faltan Username o Password")
    kind = password.get("Type", PASSWORD_TEXT)  # 3.1: PasswordText where nothing is said
    if kind not in (PASSWORD_TEXT, PASSWORD_DIGEST):
        raise _refused("7.3", "MECANISMO_NO_ADMITIDO: tipo de Password desconocido")
    if len(text["Username"]) > NAME_MAX or len(text["Password"]) > PASSWORD_MAX:
        raise _refused("7.4", "CREDENCIAL_INVALIDA: Username o Password demasiado largos")
    is_digest = kind == PASSWORD_DIGEST
    if is_digest and not {"Nonce", "Created"} <= text.keys():
        raise _refused("7.4", "CREDENCIAL_INVALIDA: PasswordDigest sin Nonce o sin Created")
    return UsernameToken(
        name=text["Username"].strip(),
        password=text["Password"].strip() if is_digest else text["Password"],
        is_digest=is_digest,
        nonce=_nonce(text.get("Nonce")),
        created=xml.date_time(text["Created"].strip()) if "Created" in text else None,
        created_text=text.get("Created", ""),
    )


def _nonce(encoded: str | None) -> bytes | None:
    if encoded is None:
        return None
    try:
        nonce = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("7.4", "CREDENCIAL_INVALIDA: Nonce no es base64") from error
    if not 0 < len(nonce) <= NONCE_MAX:
        raise _refused("7.4", f"CREDENCIAL_INVALIDA: Nonce de 1 a {NONCE_MAX} octetos")
    return nonce


def _refused(code: str, details: str) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath="Security"))
