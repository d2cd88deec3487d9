"""Ciphered APDUs opened with keys at hand, and ciphered again to the same octets.

Unlike an association (`protocols.dlms.security`) this keeps no counter and refuses no replay: the
octets are long past, and whoever looks wants to see them.  The tag is verified wherever there is
one and the authentication key is known; where that is missing, this is said and not passed over.

Keys show in no repr and in no error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from protocols.dlms.apdu import Ciphered, GeneralCiphered, GeneralCiphering
from protocols.dlms.ciphered import DEDICATED_TAGS, PLAIN_TAG
from protocols.dlms.events import Refused
from protocols.dlms.general import AgreedKey, IdentifiedKey, KeyId, WrappedKey
from protocols.dlms.security import TAG_SIZE, TITLE_SIZE, Cipher
from protocols.dlms.suite import KEY_SIZES, SecuritySuite
from protocols.errors import ProtocolError

CipheredApdu = Ciphered | GeneralCiphered | GeneralCiphering
_AUTHENTICATED, _ENCRYPTED, _BROADCAST, _COMPRESSED = 0x10, 0x20, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys at hand; `system_title` is that of the sender, where the APDU does not say it.

    Raises ValueError for keys of other than 16 or 32 octets and titles of other than 8.
    """

    encryption: bytes | None = field(default=None, repr=False)
    authentication: bytes | None = field(default=None, repr=False)
    broadcast: bytes | None = field(default=None, repr=False)
    dedicated: bytes | None = field(default=None, repr=False)
    master: bytes | None = field(default=None, repr=False)
    system_title: bytes = b""

    def __post_init__(self) -> None:
        keys = (self.encryption, self.authentication, self.broadcast, self.dedicated, self.master)
        if any(key is not None and len(key) not in (16, 32) for key in keys):
            raise ValueError("a key has 16 octets, of security suite 2 32")
        if len(self.system_title) not in (0, TITLE_SIZE):
            raise ValueError(f"a system title has 8 octets, not {len(self.system_title)}")

    @property
    def empty(self) -> bool:
        """Whether there is nothing to open anything with."""
        return all(
            key is None for key in (self.encryption, self.broadcast, self.dedicated, self.master)
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """What was inside; `seal` makes the same payload of a plain APDU again."""

    plain: bytes
    key: str  # which one
    tag: str  # verified, none, or why it was not verified
    seal: Callable[[bytes], bytes]


class CannotOpen(ProtocolError):
    """There is a key, and it does not open this APDU."""


def open_apdu(apdu: CipheredApdu, ring: KeyRing, title: bytes = b"") -> Opening | None:
    """What is inside; None without a key for it.  Raises CannotOpen with offsets in the APDU.

    `title` is the sender's where something around the APDU said it, such as an AARQ.
    """
    if ring.empty:
        return None
    start = len(apdu.encode()) - len(apdu.payload)
    control = apdu.security_control
    if control & _COMPRESSED:
        raise CannotOpen(start - 5, "compressed, which is not known here")
    if not control & (_AUTHENTICATED | _ENCRYPTED):
        raise CannotOpen(start - 5, f"security control {control:02X} protects nothing")
    key, name = _key(apdu, ring, start)
    if key is None:
        return None
    suite = control & 0x0F
    if suite in set(SecuritySuite) and len(key) != KEY_SIZES[SecuritySuite(suite)]:
        raise CannotOpen(start - 5, f"a key of {len(key)} octets is none of suite {suite}")
    return _open(apdu, key, name, ring.authentication, _title(apdu, ring, title, start), start)


def _key(apdu: CipheredApdu, ring: KeyRing, start: int) -> tuple[bytes | None, str]:
    if isinstance(apdu, GeneralCiphering):
        return _made_key(apdu, ring, start)
    if apdu.tag in DEDICATED_TAGS:
        return ring.dedicated, "dedicated"
    if apdu.security_control & _BROADCAST:
        return ring.broadcast, "global broadcast"
    return ring.encryption, "global unicast"


def _made_key(apdu: GeneralCiphering, ring: KeyRing, start: int) -> tuple[bytes | None, str]:
    match apdu.key_info:
        case None | IdentifiedKey(KeyId.GLOBAL_UNICAST_ENCRYPTION):
            return ring.encryption, "global unicast"
        case IdentifiedKey():
            return ring.broadcast, "global broadcast"
        case WrappedKey(octets):
            if ring.master is None:
                return None, ""
            try:
                return aes_key_unwrap(ring.master, octets), "wrapped"
            except (InvalidUnwrap, ValueError):
                raise CannotOpen(start, "the master key does not unwrap its key") from None
        case AgreedKey():
            return None, ""  # both parties' private keys, which nobody hands to a tool like this


def _title(apdu: CipheredApdu, ring: KeyRing, title: bytes, start: int) -> bytes:
    own = b""
    if isinstance(apdu, GeneralCiphered):
        own = apdu.system_title
    elif isinstance(apdu, GeneralCiphering):
        own = apdu.header.originator
    found = own or title or ring.system_title
    if len(found) != TITLE_SIZE:
        raise CannotOpen(start - 5, "the sender's system title is not known")
    return found


def _open(
    apdu: CipheredApdu,
    key: bytes,
    name: str,
    authentication: bytes | None,
    title: bytes,
    start: int,
) -> Opening:
    control, counter, payload = apdu.security_control, apdu.invocation_counter, apdu.payload
    cipher = Cipher(key, authentication or b"")
    if control & _AUTHENTICATED and len(payload) < TAG_SIZE:
        raise CannotOpen(start, "too short for an authentication tag")
    if control & _AUTHENTICATED and authentication is None:
        return _unverified(apdu, cipher, name, title, start)
    plain, header = None, b""
    for header in _headers(apdu):
        try:
            plain = cipher.open(control, title, counter, payload, header)
            break
        except Refused:
            continue
    if plain is None:
        cause = "the authentication tag does not verify: wrong key, system title or octets"
        raise CannotOpen(len(payload) - TAG_SIZE + start, cause)
    _check_service(apdu, plain, start)

    def seal(again: bytes) -> bytes:
        return cipher.protect(control, title, counter, again, header)

    return Opening(plain, name, "verified" if control & _AUTHENTICATED else "none", seal)


def _headers(apdu: CipheredApdu) -> tuple[bytes, ...]:
    """What is authenticated beside the APDU: some peers leave the general header out."""
    return (apdu.header.encode(), b"") if isinstance(apdu, GeneralCiphering) else (b"",)


def _unverified(apdu: CipheredApdu, cipher: Cipher, name: str, title: bytes, start: int) -> Opening:
    """Without the authentication key: the content can be read, and nothing says that it is true."""
    content, tag = apdu.payload[:-TAG_SIZE], apdu.payload[-TAG_SIZE:]
    only_encrypted = apdu.security_control & ~_AUTHENTICATED

    def turn(octets: bytes) -> bytes:
        if not apdu.security_control & _ENCRYPTED:
            return octets
        return cipher.protect(only_encrypted, title, apdu.invocation_counter, octets)

    plain = turn(content)
    _check_service(apdu, plain, start)
    return Opening(
        plain, name, "not verified: no authentication key", lambda again: turn(again) + tag
    )


def _check_service(apdu: CipheredApdu, plain: bytes, start: int) -> None:
    """The tag before ciphered content names the service; what is inside must be of it."""
    if isinstance(apdu, Ciphered) and plain[:1] != bytes((PLAIN_TAG[apdu.tag],)):
        raise CannotOpen(start, "no such service inside: wrong key, system title or octets")
