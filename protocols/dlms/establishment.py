"""general-ciphering and general-signing: protection by keys made for the message (suites 1 and 2).

On top of a `Protection`, whose titles and counters count here as well: every message takes the next
counter even where its key is new, and a peer's must have grown, whatever key it names.  So a
recorded message is refused without a memory of all keys ever seen.

Keys (Green Book 9.2.3.4.6): identified, both have it; wrapped, it comes along under the master key;
one-pass C(1e, 1s), from an ephemeral key of the originator, which it signs, and the recipient's
static one; static C(0e, 2s), from both static keys and the transaction id.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from protocols.dlms import axdr, elliptic
from protocols.dlms.codes import Security
from protocols.dlms.events import Refused, Violation
from protocols.dlms.general import (
    AgreedKey,
    GeneralCiphering,
    GeneralHeader,
    GeneralSigning,
    IdentifiedKey,
    KeyId,
    KeyInfo,
    KeyKind,
    KeyScheme,
    WrappedKey,
)
from protocols.dlms.keys import KeyPairs, Keys, Secrets
from protocols.dlms.security import TITLE_SIZE, Cipher, Protection
from protocols.dlms.suite import CURVES, KEY_SIZES, SecuritySuite
from protocols.errors import LocalProtocolError

_BOTH = int(Security.AUTHENTICATED_ENCRYPTED)


@dataclass(slots=True)
class Establishment:
    """One side of it.  `transaction` numbers what we ask; an answer repeats the request's.

    `header_authenticated` False leaves the header out of the authenticated data, for peers that do
    (Gurux.DLMS.Net); what such peers send is understood in any case.
    """

    protection: Protection
    keys: Keys | None
    pairs: KeyPairs
    suite: int
    secrets: Secrets | None = None
    header_authenticated: bool = True
    transaction: bytes = b""

    # --- ciphering -------------------------------------------------------------------------------

    def seal(self, plain: bytes, security: int, kind: KeyKind) -> bytes:
        """An APDU with tag DD.  Raises LocalProtocolError without the keys for it."""
        header = self._header()
        key_info, cipher = self._outgoing(kind, header)
        counter, control = self.protection.take_counter(), security | self.suite
        extra = header.encode() if self.header_authenticated else b""
        payload = cipher.protect(control, header.originator, counter, plain, extra)
        return GeneralCiphering(header, key_info, control, counter, payload).encode()

    def sealed_size(self, size: int, security: int, kind: KeyKind) -> int:
        """At most so many octets has an APDU of `size` octets once sealed."""
        point = 2 * CURVES[SecuritySuite(self.suite)].size if self.suite else 0
        info = {
            KeyKind.IDENTIFIED: 3,
            KeyKind.WRAPPED: 12 + KEY_SIZES[SecuritySuite(self.suite)],
            KeyKind.ONE_PASS: 7 + 2 * point,
            KeyKind.STATIC: 5,
        }[kind]
        inner = size + 5 + (12 if security & int(Security.AUTHENTICATED) else 0)
        return 1 + len(self._header().encode()) + info + len(axdr.encode_length(inner)) + inner

    def open(self, apdu: GeneralCiphering, *, required: int = 0) -> tuple[bytes, KeyKind]:
        """The plain APDU, and how its key came about.  Raises Refused."""
        protection, control = self.protection, apdu.security_control
        header = self._checked(apdu.header)
        if control & ~_BOTH != self.suite:
            cause = f"security control {control:02X}: another suite"
            raise Refused(Violation.NOT_AUTHENTIC, cause)
        if required & ~control:
            cause = f"security control {control:02X}, not {required:02X}"
            raise Refused(Violation.NOT_PROTECTED, cause)
        counter, lowest = apdu.invocation_counter, protection.peer_invocation_counter
        if counter < lowest:
            raise Refused(Violation.REPLAYED, f"invocation counter {counter}, not {lowest} or more")
        kind, cipher = self._incoming(apdu.key_info, header)
        try:
            extra = apdu.header.encode()
            plain = cipher.open(control, header.originator, counter, apdu.payload, extra)
        except Refused:
            plain = cipher.open(control, header.originator, counter, apdu.payload)
        protection.peer_invocation_counter = counter + 1
        return plain, kind

    # --- signing ---------------------------------------------------------------------------------

    def sign(self, content: bytes) -> bytes:
        """An APDU with tag DF around another one."""
        if self.pairs.signing is None:
            raise LocalProtocolError("there is no key to sign with")
        bare = GeneralSigning(self._header(), content, b"")
        signature = elliptic.sign(self.suite, self.pairs.signing, bare.signed)
        return GeneralSigning(bare.header, content, signature).encode()

    def signed_size(self, size: int) -> int:
        """Octets of an APDU of `size` octets once signed."""
        signature = 2 * CURVES[SecuritySuite(self.suite)].size
        lengths = len(axdr.encode_length(size)) + 1
        return 1 + len(self._header().encode()) + lengths + size + signature

    def check(self, apdu: GeneralSigning) -> bytes:
        """The content, once its signature verified.  Raises Refused.

        A signature does not grow old: only what is ciphered inside has a counter.
        """
        self._checked(apdu.header)
        key = self.pairs.peer_signing
        if key is None or not self.suite:
            raise Refused(Violation.NOT_AUTHENTIC, "signed, and there is no key to verify it")
        if not elliptic.verify(self.suite, key, apdu.signed, apdu.signature):
            raise Refused(Violation.NOT_AUTHENTIC, "the signature does not verify")
        return apdu.content

    # --- headers ---------------------------------------------------------------------------------

    def _header(self) -> GeneralHeader:
        protection = self.protection
        return GeneralHeader(
            self.transaction, protection.system_title, protection.peer_system_title
        )

    def _checked(self, header: GeneralHeader) -> GeneralHeader:
        """The header with both titles.  Raises Refused for one that is not from peer to us."""
        protection = self.protection
        originator = header.originator or protection.peer_system_title
        if protection.peer_system_title not in (b"", originator) or len(originator) != TITLE_SIZE:
            raise Refused(Violation.NOT_AUTHENTIC, "another system title than the peer's")
        if header.recipient not in (b"", protection.system_title):
            raise Refused(Violation.NOT_AUTHENTIC, "meant for another system title")
        return GeneralHeader(
            header.transaction_id,
            originator,
            protection.system_title,
            header.date_time,
            header.other_information,
        )

    # --- keys ------------------------------------------------------------------------------------

    def _outgoing(self, kind: KeyKind, header: GeneralHeader) -> tuple[KeyInfo, Cipher]:
        keys = self.keys
        if keys is None:
            raise LocalProtocolError("there is no key to cipher with")
        if kind is KeyKind.IDENTIFIED:
            info: KeyInfo = IdentifiedKey(KeyId.GLOBAL_UNICAST_ENCRYPTION)
            return info, Cipher(keys.encryption, keys.authentication)
        if kind is KeyKind.WRAPPED:
            if keys.master is None or self.secrets is None:
                raise LocalProtocolError("a wrapped key needs the master key and a source of keys")
            key = self.secrets(len(keys.encryption))
            info = WrappedKey(aes_key_wrap(keys.master, key))
            return info, Cipher(key, keys.authentication)
        theirs = self.pairs.peer_agreement
        if theirs is None or not self.suite:
            raise LocalProtocolError("there is no public key of the peer to agree with")
        if kind is KeyKind.ONE_PASS:
            if self.secrets is None or self.pairs.signing is None:
                raise LocalProtocolError("an ephemeral key needs a source and a key that signs it")
            scalar = self.secrets(CURVES[SecuritySuite(self.suite)].size)
            ours = elliptic.private_key(self.suite, scalar)
            point = elliptic.public_octets(ours.public_key())
            signature = elliptic.sign(self.suite, self.pairs.signing, point)
            info = AgreedKey(KeyScheme.ONE_PASS, point + signature)
            party_u = header.originator
        else:
            if self.pairs.agreement is None:
                raise LocalProtocolError("there is no key of ours to agree with")
            ours, info = self.pairs.agreement, AgreedKey(KeyScheme.STATIC)
            party_u = header.originator + axdr.encode_octets(header.transaction_id)
        key = elliptic.agreed_key(self.suite, ours, theirs, party_u, header.recipient)
        return info, Cipher(key, keys.authentication)

    def _incoming(self, info: KeyInfo | None, header: GeneralHeader) -> tuple[KeyKind, Cipher]:
        keys = self.keys
        if keys is None:
            raise Refused(Violation.UNEXPECTED, "ciphered, and there is no key for it")
        match info:
            case None | IdentifiedKey(KeyId.GLOBAL_UNICAST_ENCRYPTION):
                return KeyKind.IDENTIFIED, Cipher(keys.encryption, keys.authentication)
            case WrappedKey(octets):
                key = _unwrapped(keys, octets)
                return KeyKind.WRAPPED, Cipher(key, keys.authentication)
            case AgreedKey(KeyScheme.ONE_PASS, octets):
                key = self._one_pass(octets, header)
                return KeyKind.ONE_PASS, Cipher(key, keys.authentication)
            case AgreedKey(KeyScheme.STATIC, b"") if self.suite:
                ours, theirs = self.pairs.agreement, self.pairs.peer_agreement
                if ours is None or theirs is None:
                    raise Refused(Violation.NOT_AUTHENTIC, "there is no key pair to agree with")
                party_u = header.originator + axdr.encode_octets(header.transaction_id)
                key = elliptic.agreed_key(self.suite, ours, theirs, party_u, header.recipient)
                return KeyKind.STATIC, Cipher(key, keys.authentication)
        raise Refused(Violation.NOT_AUTHENTIC, "a key that no association uses")

    def _one_pass(self, octets: bytes, header: GeneralHeader) -> bytes:
        """The key that the originator's ephemeral key leads to, once its signature verified."""
        ours, signer = self.pairs.agreement, self.pairs.peer_signing
        if ours is None or signer is None or not self.suite:
            raise Refused(Violation.NOT_AUTHENTIC, "there is no key pair to agree with")
        size = 2 * CURVES[SecuritySuite(self.suite)].size
        point, signature = octets[:size], octets[size:]
        # The standard's example signs the point alone; Gurux.DLMS.Net the scheme's number with it.
        if not any(
            elliptic.verify(self.suite, signer, scheme + point, signature)
            for scheme in (b"", bytes((KeyScheme.ONE_PASS,)))
        ):
            raise Refused(Violation.NOT_AUTHENTIC, "the ephemeral key's signature does not verify")
        try:
            ephemeral = elliptic.public_key(self.suite, point)
        except ValueError:
            raise Refused(Violation.NOT_AUTHENTIC, "the ephemeral key is no point") from None
        return elliptic.agreed_key(self.suite, ours, ephemeral, header.originator, header.recipient)


def _unwrapped(keys: Keys, octets: bytes) -> bytes:
    if keys.master is None:
        raise Refused(Violation.NOT_AUTHENTIC, "a wrapped key, and there is no master key")
    try:
        key = aes_key_unwrap(keys.master, octets)
    except (InvalidUnwrap, ValueError):
        raise Refused(Violation.NOT_AUTHENTIC, "the wrapped key does not unwrap") from None
    if len(key) != len(keys.encryption):
        raise Refused(Violation.NOT_AUTHENTIC, "the wrapped key has another size")
    return key
