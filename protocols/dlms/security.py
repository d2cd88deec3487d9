"""AES-GCM: ciphering of APDUs and the proofs of HLS 5 (Green Book 9.2.7), in every suite.

The nonce is system title || invocation counter, so a counter must never be used twice with one key:
`Protection` hands each out once, and accepts a peer's only if it grew.  Tags have 12 octets.
Additional data: SC || AK, then the header of general-ciphering, and for authentication without
encryption the plain APDU behind it.

Keys never show in a repr.
"""

from __future__ import annotations

import hmac
import struct
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.dlms import axdr
from protocols.dlms.ciphered import (
    DEDICATED_TAG,
    DEDICATED_TAGS,
    GLOBAL_TAG,
    PLAIN_TAG,
    Ciphered,
    GeneralCiphered,
)
from protocols.dlms.codes import ApduTag, Security
from protocols.dlms.events import Refused, Violation
from protocols.dlms.keys import COUNTER_MAX, CounterLease, Keys
from protocols.errors import LocalProtocolError

__all__ = ["COUNTER_MAX", "KEY_SIZE", "TAG_SIZE", "TITLE_SIZE", "Cipher", "CountersUsedUp",
           "Keys", "Protection"]  # fmt: skip

KEY_SIZE: Final = 16  # of the suites 0 and 1
TAG_SIZE: Final = 12
TITLE_SIZE: Final = 8
PROOF_SIZE: Final = 5 + TAG_SIZE
# Plain integers: each APDU needs a dozen of these comparisons, and an IntFlag's cost 1 µs apiece.
_AUTHENTICATED: Final = int(Security.AUTHENTICATED)
_ENCRYPTED: Final = int(Security.ENCRYPTED)
_BOTH: Final = _AUTHENTICATED | _ENCRYPTED
_BROADCAST: Final = int(Security.BROADCAST_KEY)
_HEADER = struct.Struct(">BI")
_NONCE = struct.Struct(">8sI")


class CountersUsedUp(LocalProtocolError):
    """No invocation counter is left: of the lease, or of the key, which must then be changed."""


class Cipher:
    """AES-GCM with one encryption key and the authentication key."""

    __slots__ = ("_aes", "_authentication", "_heads")

    def __init__(self, encryption_key: bytes, authentication_key: bytes) -> None:
        self._aes = AESGCM(encryption_key)
        self._authentication = authentication_key
        self._heads: dict[int, bytes] = {}  # security control -> SC || AK

    def protect(
        self, control: int, title: bytes, counter: int, plain: bytes, header: bytes = b""
    ) -> bytes:
        """The payload behind the security header; `header` is authenticated with it."""
        nonce = _NONCE.pack(title, counter)
        security = control & _BOTH
        associated = self._heads.get(control) or self._head(control)
        if header:
            associated += header
        if security == _BOTH:
            return self._aes.encrypt(nonce, plain, associated)[:-4]
        if security == _AUTHENTICATED:
            return plain + self._tag(nonce, associated + plain)
        if security == _ENCRYPTED:
            return self._aes.encrypt(nonce, plain, None)[:-16]
        raise ValueError(f"security control {control:02X} protects nothing")

    def open(
        self, control: int, title: bytes, counter: int, payload: bytes, header: bytes = b""
    ) -> bytes:
        """The plain APDU.  Raises Refused when the tag does not verify."""
        nonce = _NONCE.pack(title, counter)
        security = control & _BOTH
        associated = self._heads.get(control) or self._head(control)
        if header:
            associated += header
        if security == _ENCRYPTED:
            return self._aes.encrypt(nonce, payload, None)[:-16]
        content, tag = payload[:-TAG_SIZE], payload[-TAG_SIZE:]
        if security == _AUTHENTICATED:
            plain, expected = content, self._tag(nonce, associated + content)
        elif security == _BOTH:
            # GCM encrypts by XOR, so encrypting again deciphers; the library's own `decrypt`
            # knows no tag of 12 octets, and its streaming cipher costs ten times as much.
            plain = self._aes.encrypt(nonce, content, None)[:-16]
            expected = self._aes.encrypt(nonce, plain, associated)[-16:-4]
        else:
            raise Refused(Violation.NOT_PROTECTED, f"security control {control:02X}")
        if not hmac.compare_digest(expected, tag):
            raise Refused(Violation.NOT_AUTHENTIC, "the authentication tag does not verify")
        return plain

    def _head(self, control: int) -> bytes:
        head = self._heads[control] = control.to_bytes(1, "big") + self._authentication
        return head

    def _tag(self, nonce: bytes, associated: bytes) -> bytes:
        return self._aes.encrypt(nonce, b"", associated)[:TAG_SIZE]

    def prove(self, title: bytes, counter: int, challenge: bytes, suite: int = 0) -> bytes:
        """f(challenge) of HLS 5: SC || IC || GMAC(SC || AK || challenge)."""
        control = _AUTHENTICATED | suite
        associated = control.to_bytes(1, "big") + self._authentication + challenge
        return _HEADER.pack(control, counter) + self._tag(_NONCE.pack(title, counter), associated)


class Protection:
    """Both directions of one peer: ciphers, system titles and invocation counters.

    `invocation_counter` is the next of ours, `counter_end` the first that is not ours to use, and
    `peer_invocation_counter` the lowest that we accept.  The broadcast key has counters of its own:
    many share it, so it must be one lease for all of a sender's associations.
    """

    def __init__(
        self,
        keys: Keys | None,
        *,
        system_title: bytes,
        peer_system_title: bytes,
        invocation_counter: int,
        peer_invocation_counter: int,
        counter_end: int = COUNTER_MAX + 1,
        broadcast: CounterLease | None = None,
        peer_broadcast_counter: int = 0,
        suite: int = 0,
    ) -> None:
        self._keys = keys
        self._suite = suite
        self._global = None if keys is None else Cipher(keys.encryption, keys.authentication)
        self._dedicated: Cipher | None = None
        self._dedicated_lowest = 0  # a new key counts anew
        self.system_title = system_title
        self.peer_system_title = peer_system_title
        self.invocation_counter = invocation_counter
        self.peer_invocation_counter = peer_invocation_counter
        self.counter_end = counter_end
        self._broadcast_lease = broadcast or CounterLease(0, 0)
        self.peer_broadcast_counter = peer_broadcast_counter

    @property
    def dedicated(self) -> bool:
        """Whether a dedicated key is in use."""
        return self._dedicated is not None

    def use_dedicated_key(self, key: bytes | None) -> None:
        """Take the key that the initiate request brought, or forget it."""
        self._dedicated_lowest = 0
        if key is None or self._keys is None:
            self._dedicated = None
        elif len(key) == len(self._keys.encryption):
            self._dedicated = Cipher(key, self._keys.authentication)
        else:
            raise Refused(Violation.MALFORMED, f"a dedicated key of {len(key)} octets")

    def take_counter(self) -> int:
        """The next of ours, never to be used again.  Raises CountersUsedUp."""
        counter = self.invocation_counter
        if counter >= self.counter_end:
            if counter > COUNTER_MAX:
                raise CountersUsedUp("the invocation counter is used up: the key must be changed")
            raise CountersUsedUp("the invocation counters that were reserved are used up")
        self.invocation_counter = counter + 1
        return counter

    def sealed_size(self, size: int, security: int, *, general: bool) -> int:
        """Octets of an APDU of `size` octets once `seal` has protected it."""
        if not security:
            return size
        inner = size + _HEADER.size + (TAG_SIZE if security & _AUTHENTICATED else 0)
        outer = 2 + TITLE_SIZE if general else 1
        return outer + len(axdr.encode_length(inner)) + inner

    def seal(
        self, plain: bytes, security: int, *, dedicated: bool = False, general: bool = False
    ) -> bytes:
        """Cipher one APDU.  Raises LocalProtocolError without keys or without counters left."""
        cipher = self._dedicated if dedicated else self._global
        if cipher is None:
            raise LocalProtocolError("there is no key to cipher with")
        if not general:
            tag = (DEDICATED_TAG if dedicated else GLOBAL_TAG).get(plain[0])
            general = tag is None  # only general ciphering can carry this service
        counter, control = self.take_counter(), security | self._suite
        payload = cipher.protect(control, self.system_title, counter, plain)
        content = axdr.encode_octets(_HEADER.pack(control, counter) + payload)
        if general:
            tag = ApduTag.GENERAL_DED_CIPHERING if dedicated else ApduTag.GENERAL_GLO_CIPHERING
            content = axdr.encode_octets(self.system_title) + content
        assert tag is not None
        return tag.to_bytes(1, "big") + content

    def open(self, apdu: Ciphered | GeneralCiphered, *, required: int = 0) -> bytes:
        """The plain APDU, once its tag verified and its counter grew.  Raises Refused.

        `required` is checked first: otherwise one changed bit would make an authenticated APDU an
        encrypted one, without a tag, and a made-up counter would lock out the true peer.
        """
        dedicated = apdu.tag in DEDICATED_TAGS
        cipher = self._dedicated if dedicated else self._global
        if cipher is None:
            raise Refused(Violation.UNEXPECTED, "ciphered, and there is no key for it")
        title = self.peer_system_title
        if type(apdu) is GeneralCiphered or len(title) != TITLE_SIZE:
            title = self._title_of(apdu)
        if apdu.security_control & ~_BOTH != self._suite:
            cause = f"security control {apdu.security_control:02X}: another suite, or not unicast"
            raise Refused(Violation.NOT_AUTHENTIC, cause)
        if required & ~apdu.security_control:
            cause = f"security control {apdu.security_control:02X}, not {required:02X}"
            raise Refused(Violation.NOT_PROTECTED, cause)
        counter = apdu.invocation_counter
        lowest = self._dedicated_lowest if dedicated else self.peer_invocation_counter
        if counter < lowest:
            raise Refused(Violation.REPLAYED, f"invocation counter {counter}, not {lowest} or more")
        plain = cipher.open(apdu.security_control, title, counter, apdu.payload)
        if isinstance(apdu, Ciphered) and plain[:1] != bytes((PLAIN_TAG[apdu.tag],)):
            # The tag before the ciphered content is not authenticated, the one inside is.
            raise Refused(Violation.NOT_AUTHENTIC, f"{apdu.tag.name} holds another service")
        if dedicated:
            self._dedicated_lowest = counter + 1
        else:
            self.peer_invocation_counter = counter + 1
        return plain

    def seal_broadcast(self, plain: bytes, security: int) -> bytes:
        """Cipher one APDU with the key that all meters of a group have.

        Raises LocalProtocolError without the key, CountersUsedUp without counters for it.
        """
        lease = self._broadcast_lease
        if self._keys is None or self._keys.broadcast is None:
            raise LocalProtocolError("there is no broadcast key")
        if lease.first == lease.end:
            raise CountersUsedUp("no invocation counters are reserved for the broadcast key")
        self._broadcast_lease = CounterLease(lease.first + 1, lease.end)
        control = security | _BROADCAST | self._suite
        cipher = Cipher(self._keys.broadcast, self._keys.authentication)
        payload = cipher.protect(control, self.system_title, lease.first, plain)
        content = axdr.encode_octets(_HEADER.pack(control, lease.first) + payload)
        tag = GLOBAL_TAG.get(plain[0])
        if tag is not None:
            return tag.to_bytes(1, "big") + content
        title = axdr.encode_octets(self.system_title)
        return ApduTag.GENERAL_GLO_CIPHERING.to_bytes(1, "big") + title + content

    def open_broadcast(self, apdu: Ciphered | GeneralCiphered, *, required: int = 0) -> bytes:
        """What came under the broadcast key.  Raises Refused.

        Apart from `open`: every meter of the group could have made it, so no association takes it
        in place of its own key.
        """
        control, counter, keys = apdu.security_control, apdu.invocation_counter, self._keys
        if control & ~_BOTH != self._suite | _BROADCAST or apdu.tag in DEDICATED_TAGS:
            cause = f"security control {control:02X}: another suite, or no broadcast"
            raise Refused(Violation.NOT_AUTHENTIC, cause)
        if keys is None or keys.broadcast is None:
            raise Refused(Violation.NOT_AUTHENTIC, "there is no broadcast key")
        if required & ~control:
            raise Refused(Violation.NOT_PROTECTED, f"security control {control:02X}")
        if counter < self.peer_broadcast_counter:
            cause = f"broadcast counter {counter}, not {self.peer_broadcast_counter} or more"
            raise Refused(Violation.REPLAYED, cause)
        title = self._title_of(apdu)
        cipher = Cipher(keys.broadcast, keys.authentication)
        plain = cipher.open(control, title, counter, apdu.payload)
        if isinstance(apdu, Ciphered) and plain[:1] != bytes((PLAIN_TAG[apdu.tag],)):
            raise Refused(Violation.NOT_AUTHENTIC, f"{apdu.tag.name} holds another service")
        self.peer_broadcast_counter = counter + 1
        return plain

    def _title_of(self, apdu: Ciphered | GeneralCiphered) -> bytes:
        """The sender's system title.  Raises Refused where it is another than the peer's."""
        title = self.peer_system_title
        if isinstance(apdu, GeneralCiphered):
            title = title or apdu.system_title
            if apdu.system_title not in (title, b""):
                raise Refused(Violation.NOT_AUTHENTIC, "another system title than the peer's")
        if len(title) != TITLE_SIZE:
            raise Refused(Violation.NOT_AUTHENTIC, "the peer's system title is not known")
        return title

    def prove(self, challenge: bytes) -> bytes:
        """f(challenge), by which we show that we know the keys."""
        if self._global is None:
            raise LocalProtocolError("there is no key to prove")
        return self._global.prove(self.system_title, self.take_counter(), challenge, self._suite)

    def check_proof(self, proof: bytes, challenge: bytes, *, lowest: int) -> bool:
        """Whether the peer's f(challenge) is right and its counter is `lowest` or more.

        `lowest` is what was acceptable when the association began: the proof may be computed before
        the APDU that carries it is ciphered, and our own challenge already makes it fresh.
        """
        if self._global is None or len(proof) != PROOF_SIZE:
            return False
        control, counter = _HEADER.unpack_from(proof)
        if control != _AUTHENTICATED | self._suite or counter < lowest:
            return False
        expected = self._global.prove(self.peer_system_title, counter, challenge, self._suite)
        if not hmac.compare_digest(expected, proof):
            return False
        self.peer_invocation_counter = max(self.peer_invocation_counter, counter + 1)
        return True
