"""What each side of an association brings along; secrets never show in a repr."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.dlms.codes import AuthenticationMechanism, Conformance, Security
from protocols.dlms.security import COUNTER_MAX, KEY_SIZE, TITLE_SIZE, Keys

CONFORMANCE = (
    Conformance.GET
    | Conformance.SET
    | Conformance.ACTION
    | Conformance.EVENT_NOTIFICATION
    | Conformance.SELECTIVE_ACCESS
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)
PDU_SIZE_MIN = 12  # Green Book 9.4.4.2: a smaller one is refused with pdu-size-too-short
CHALLENGE_SIZE_MIN, CHALLENGE_SIZE_MAX = 8, 64  # Green Book 9.2.7.4
SUPPORTED_AUTHENTICATION = frozenset(
    {
        AuthenticationMechanism.NONE,
        AuthenticationMechanism.LOW,
        AuthenticationMechanism.HIGH_GMAC,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """Fields of both sides.  Raises ValueError for a combination that cannot work."""

    authentication: AuthenticationMechanism = AuthenticationMechanism.NONE
    password: bytes = field(default=b"", repr=False)  # of LOW
    keys: Keys | None = None
    system_title: bytes = b""
    peer_system_title: bytes | None = None  # the only one accepted; None takes what the peer says
    security: Security = Security.NONE
    invocation_counter: int = 1  # the next of ours
    peer_invocation_counter: int = 0  # the lowest accepted from the peer
    conformance: Conformance = CONFORMANCE
    max_pdu_size: int = 0xFFFF  # octets that we receive, ciphering included; 0 is no limit
    transfer_size_max: int = 1 << 22  # octets of one value joined from blocks

    def __post_init__(self) -> None:
        ciphers = self.authentication is AuthenticationMechanism.HIGH_GMAC or self.security
        if self.authentication not in SUPPORTED_AUTHENTICATION:
            raise ValueError(f"authentication {self.authentication.name} is not supported")
        if self.security & ~Security.AUTHENTICATED_ENCRYPTED:
            raise ValueError(f"security {self.security!r} is not supported")
        if ciphers and (self.keys is None or len(self.system_title) != TITLE_SIZE):
            raise ValueError("ciphering and HLS 5 need keys and a system title of 8 octets")
        if self.peer_system_title is not None and len(self.peer_system_title) != TITLE_SIZE:
            raise ValueError("a system title has 8 octets")
        if not 0 <= self.invocation_counter <= COUNTER_MAX + 1:
            raise ValueError(f"invocation counter {self.invocation_counter} does not fit")
        if self.max_pdu_size and not PDU_SIZE_MIN <= self.max_pdu_size <= 0xFFFF:
            raise ValueError(f"a PDU size of {self.max_pdu_size} octets is not allowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings(_Settings):
    """A client's side.  `challenge` (CtoS) is used once: one settings object, one association."""

    challenge: bytes = field(default=b"", repr=False)
    dedicated_key: bytes | None = field(default=None, repr=False)
    general_ciphering: bool = False  # general-glo-ciphering in place of glo- APDUs
    response_timeout_s: float = 30.0  # application time-out; covers retries of a PLC link below
    protected_release: bool = True  # ciphered associations: initiate in the RLRQ, Green Book 9.4.3

    def __post_init__(self) -> None:
        # slots=True makes a new class, so the zero-argument super() would miss it.
        _Settings.__post_init__(self)
        if self.authentication is AuthenticationMechanism.HIGH_GMAC:
            check_challenge(self.challenge)
        if self.dedicated_key is not None and (
            len(self.dedicated_key) != KEY_SIZE or not self.security & Security.ENCRYPTED
        ):
            raise ValueError("a dedicated key has 16 octets and travels only encrypted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(_Settings):
    """A server's side for one client address.

    `security` is the least protection that a request must have; answers get what the request had.
    `challenge` gives a fresh StoC (8 to 64 octets) for each association.
    """

    challenge: Callable[[], bytes] | None = field(default=None, repr=False)
    inactivity_timeout_s: float | None = None

    def __post_init__(self) -> None:
        _Settings.__post_init__(self)
        if self.authentication is AuthenticationMechanism.HIGH_GMAC and self.challenge is None:
            raise ValueError("HLS needs a source of challenges")


def check_challenge(challenge: bytes) -> None:
    """Raises ValueError for a size that the standard does not allow."""
    if not CHALLENGE_SIZE_MIN <= len(challenge) <= CHALLENGE_SIZE_MAX:
        raise ValueError(f"a challenge has 8 to 64 octets, not {len(challenge)}")
