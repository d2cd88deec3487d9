"""High level security: how each side answers the other's challenge (Green Book 9.2.7.4, table).

The client sent CtoS, the server StoC.  The client proves itself by f(StoC), then the server by
f(CtoS):

    3, 4    hash(challenge || secret), MD5 or SHA-1: broken as signatures, still met in the field
    5       GMAC over the challenge, under an invocation counter
    6       SHA-256(secret || own title || other title || challenge || own challenge)
    7       ECDSA(own title || other title || challenge || own challenge), suites 1 and 2
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from protocols.dlms import elliptic
from protocols.dlms.codes import AuthenticationMechanism
from protocols.dlms.discreet import Discreet
from protocols.dlms.keys import KeyPairs
from protocols.dlms.security import Protection
from protocols.dlms.suite import CURVES, SecuritySuite
from protocols.errors import LocalProtocolError

_M = AuthenticationMechanism
CHALLENGE_SIZES = {
    _M.HIGH_MD5: (8, 64),
    _M.HIGH_SHA1: (8, 64),
    _M.HIGH_GMAC: (8, 64),
    _M.HIGH_SHA256: (8, 64),
    _M.HIGH_ECDSA: (32, 64),
}
HLS = frozenset(CHALLENGE_SIZES)
_PROOF_SIZES = {_M.HIGH_MD5: 16, _M.HIGH_SHA1: 20, _M.HIGH_GMAC: 17, _M.HIGH_SHA256: 32}
NAMES_TITLES = frozenset({_M.HIGH_GMAC, _M.HIGH_SHA256, _M.HIGH_ECDSA})
"""Mechanisms whose proof holds the system titles, so that the titles must be exchanged."""
_HASHES: dict[AuthenticationMechanism, Callable[[bytes], bytes]] = {
    _M.HIGH_MD5: lambda octets: hashlib.md5(octets, usedforsecurity=False).digest(),
    _M.HIGH_SHA1: lambda octets: hashlib.sha1(octets, usedforsecurity=False).digest(),
    _M.HIGH_SHA256: lambda octets: hashlib.sha256(octets).digest(),
}


def allowed_challenge(mechanism: AuthenticationMechanism, challenge: bytes) -> bool:
    """Whether a challenge has a size that the mechanism allows."""
    least, most = CHALLENGE_SIZES[mechanism]
    return least <= len(challenge) <= most


def proof_size(mechanism: AuthenticationMechanism, suite: int) -> int:
    """Octets of f(challenge); of a signature both numbers, of GMAC its header as well."""
    if mechanism is _M.HIGH_ECDSA:
        return 2 * CURVES[SecuritySuite(suite)].size
    return _PROOF_SIZES.get(mechanism, 0)


class Authenticator(Discreet, frozen=True):
    """One side's answers, and its judgement of the other's."""

    HIDDEN = frozenset(("secret",))

    mechanism: AuthenticationMechanism
    protection: Protection  # for the titles, and for the keys and counters of mechanism 5
    secret: bytes = b""  # of 3, 4 and 6
    pairs: KeyPairs | None = None  # of 7
    suite: int = 0

    def prove(self, challenge: bytes, own_challenge: bytes) -> bytes:
        """f(challenge).  Raises LocalProtocolError without the key for it."""
        match self.mechanism:
            case AuthenticationMechanism.HIGH_GMAC:
                return self.protection.prove(challenge)
            case AuthenticationMechanism.HIGH_ECDSA:
                key = None if self.pairs is None else self.pairs.signing
                if key is None:
                    raise LocalProtocolError("there is no key to sign the challenge with")
                spoken = self._spoken(challenge, own_challenge, ours=True)
                return elliptic.sign(self.suite, key, spoken)
            case _:
                return self._hashed(challenge, own_challenge, ours=True)

    def check(self, proof: bytes, own_challenge: bytes, challenge: bytes, *, lowest: int) -> bool:
        """Whether the peer's f(own challenge) is right; `challenge` was the peer's own.

        `lowest` is the least invocation counter to accept, where the proof has one.
        """
        match self.mechanism:
            case AuthenticationMechanism.HIGH_GMAC:
                return self.protection.check_proof(proof, own_challenge, lowest=lowest)
            case AuthenticationMechanism.HIGH_ECDSA:
                key = None if self.pairs is None else self.pairs.peer_signing
                spoken = self._spoken(own_challenge, challenge, ours=False)
                return key is not None and elliptic.verify(self.suite, key, spoken, proof)
            case _:
                expected = self._hashed(own_challenge, challenge, ours=False)
                return hmac.compare_digest(expected, proof)

    def _spoken(self, challenge: bytes, other: bytes, *, ours: bool) -> bytes:
        """Titles and challenges, as the side that proves itself puts them together."""
        own, peer = self.protection.system_title, self.protection.peer_system_title
        titles = own + peer if ours else peer + own
        return titles + challenge + other

    def _hashed(self, challenge: bytes, other: bytes, *, ours: bool) -> bytes:
        spoken = challenge + self.secret
        if self.mechanism is AuthenticationMechanism.HIGH_SHA256:
            spoken = self.secret + self._spoken(challenge, other, ours=ours)
        return _HASHES[self.mechanism](spoken)
