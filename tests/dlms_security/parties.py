"""A client and a server with keys of any suite, and what each brings to an association."""

from __future__ import annotations

from typing import Any

from protocols.dlms import elliptic
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.suite import CURVES, KEY_SIZES, SecuritySuite
from tests.dlms.pair import CLIENT_TITLE, SERVER_TITLE

BOTH = Security.AUTHENTICATED_ENCRYPTED
SUITES = tuple(SecuritySuite)
CURVED = tuple(CURVES)


def keys(suite: int, of: int = 0) -> Keys:
    size = KEY_SIZES[SecuritySuite(suite)]
    four = [bytes((of + 0x10 * n + i) & 0xFF for i in range(size)) for n in range(4)]
    return Keys(*four)


def private(suite: int, name: str) -> Any:
    size = CURVES[SecuritySuite(suite)].size
    return elliptic.private_key(suite, (name.encode() * size)[:size])


def pairs(suite: int, own: str = "client", peer: str = "server") -> KeyPairs:
    if suite == SecuritySuite.AES_GCM_128:
        return KeyPairs()
    return KeyPairs(
        signing=private(suite, own + " signs"),
        agreement=private(suite, own + " agrees"),
        peer_signing=private(suite, peer + " signs").public_key(),
        peer_agreement=private(suite, peer + " agrees").public_key(),
    )


class Drawn:
    """A source of secrets that never repeats itself, and that a test can repeat."""

    def __init__(self, name: bytes) -> None:
        self._name, self._given = name, 0

    def __call__(self, count: int) -> bytes:
        self._given += 1
        return (self._name + self._given.to_bytes(4, "big") * count)[:count]


def client(
    suite: SecuritySuite = SecuritySuite.AES_GCM_128,
    mechanism: AuthenticationMechanism = AuthenticationMechanism.HIGH_GMAC,
    **changes: Any,
) -> ClientSettings:
    settings: dict[str, Any] = {
        "authentication": mechanism,
        "suite": suite,
        "keys": keys(suite),
        "pairs": pairs(suite),
        "system_title": CLIENT_TITLE,
        "security": BOTH,
        "password": b"a secret of both",
        "challenge": b"CtoS" * 8,
        "secrets": Drawn(b"client"),
        "invocation_counter": 100,
    }
    return ClientSettings(**{**settings, **changes})


def server(
    suite: SecuritySuite = SecuritySuite.AES_GCM_128,
    mechanism: AuthenticationMechanism = AuthenticationMechanism.HIGH_GMAC,
    **changes: Any,
) -> ServerSettings:
    numbers = iter(range(1, 1 << 30))
    settings: dict[str, Any] = {
        "authentication": mechanism,
        "suite": suite,
        "keys": keys(suite),
        "pairs": pairs(suite, "server", "client"),
        "system_title": SERVER_TITLE,
        "security": BOTH,
        "password": b"a secret of both",
        "challenge": lambda: b"StoC" * 8 + next(numbers).to_bytes(4, "big"),
        "secrets": Drawn(b"server"),
        "invocation_counter": 500,
        "peer_invocation_counter": 100,
    }
    return ServerSettings(**{**settings, **changes})
