"""What each side of an association brings along; secrets never show in a repr."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from protocols.dlms.codes import AuthenticationMechanism, Conformance, Security
from protocols.dlms.discreet import Discreet
from protocols.dlms.general import KeyKind
from protocols.dlms.general_block import WINDOW_MAX
from protocols.dlms.hls import CHALLENGE_SIZES, HLS, NAMES_TITLES, allowed_challenge
from protocols.dlms.keys import COUNTER_MAX, CounterLease, KeyPairs, Keys, Secrets
from protocols.dlms.security import TITLE_SIZE
from protocols.dlms.suite import CURVES, KEY_SIZES, SecuritySuite

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
_PROTECTIONS = range(0, Security.AUTHENTICATED_ENCRYPTED + 1, 16)  # 00, 10, 20, 30
SUPPORTED_AUTHENTICATION = HLS | {AuthenticationMechanism.NONE, AuthenticationMechanism.LOW}


class _Settings(Discreet, frozen=True, kw_only=True):
    """Fields of both sides.  Raises ValueError for a combination that cannot work."""

    HIDDEN = frozenset(("password", "secrets"))

    authentication: AuthenticationMechanism = AuthenticationMechanism.NONE
    password: bytes = b""  # of LOW; the secret of HLS 3, 4 and 6
    suite: SecuritySuite = SecuritySuite.AES_GCM_128
    keys: Keys | None = None
    system_title: bytes = b""
    peer_system_title: bytes | None = None  # the only one accepted; None takes what the peer says
    pairs: KeyPairs = KeyPairs()  # of the suites 1 and 2
    security: Security = Security.NONE
    signed: bool = False  # each message is signed as well, by both sides
    secrets: Secrets | None = None  # for keys made for one message
    header_authenticated: bool = True  # of general-ciphering; False for peers that leave it out
    invocation_counter: int = 1  # the next of ours
    invocation_counter_end: int = COUNTER_MAX + 1  # the first that is not reserved for us
    peer_invocation_counter: int = 0  # the lowest accepted from the peer
    conformance: Conformance = CONFORMANCE
    max_pdu_size: int = 0xFFFF  # octets that we receive, ciphering included; 0 is no limit
    transfer_size_max: int = 1 << 22  # octets of one value joined from blocks
    block_window: int = 1  # general blocks that we take before we answer

    def __post_init__(self) -> None:
        ciphers = self.authentication is AuthenticationMechanism.HIGH_GMAC or self.security
        signs = self.authentication is AuthenticationMechanism.HIGH_ECDSA or self.signed
        if self.authentication not in SUPPORTED_AUTHENTICATION:
            raise ValueError(f"authentication {self.authentication.name} is not supported")
        if self.security not in _PROTECTIONS:
            raise ValueError(f"security {self.security!r} is not supported")
        if ciphers and (self.keys is None or len(self.system_title) != TITLE_SIZE):
            raise ValueError("ciphering and HLS 5 need keys and a system title of 8 octets")
        if self.authentication in NAMES_TITLES and len(self.system_title) != TITLE_SIZE:
            raise ValueError("this mechanism needs a system title of 8 octets")
        if self.keys is not None and len(self.keys.encryption) != KEY_SIZES[self.suite]:
            raise ValueError(f"keys of suite {self.suite} have {KEY_SIZES[self.suite]} octets")
        if signs and (
            self.suite not in CURVES
            or self.pairs.signing is None
            or self.pairs.peer_signing is None
        ):
            raise ValueError("signing needs suite 1 or 2, our key and the peer's public key")
        if self.signed and not self.security:
            raise ValueError("what is signed must be ciphered, too: only ciphering counts messages")
        if self.peer_system_title is not None and len(self.peer_system_title) != TITLE_SIZE:
            raise ValueError("a system title has 8 octets")
        CounterLease(self.invocation_counter, self.invocation_counter_end)
        if not 1 <= self.block_window <= WINDOW_MAX:
            raise ValueError(f"a window of {self.block_window} blocks is not allowed")
        if self.max_pdu_size and not PDU_SIZE_MIN <= self.max_pdu_size <= 0xFFFF:
            raise ValueError(f"a PDU size of {self.max_pdu_size} octets is not allowed")


class ClientSettings(_Settings, frozen=True, kw_only=True):
    """A client's side.  `challenge` (CtoS) is used once: one settings object, one association."""

    HIDDEN = _Settings.HIDDEN | {"challenge", "dedicated_key"}

    challenge: bytes = b""
    dedicated_key: bytes | None = None
    general_ciphering: bool = False  # general-glo-ciphering in place of glo- APDUs
    key_kind: KeyKind | None = None  # general-ciphering in place of both, by a key of this kind
    response_timeout_s: float = 30.0  # application time-out; covers retries of a PLC link below
    block_timeout_s: float = 5.0  # between general blocks; what is missing is then asked again
    block_retries: int = 3  # of one silence between general blocks
    protected_release: bool = True  # ciphered associations: initiate in the RLRQ, Green Book 9.4.3
    peer_counters: Mapping[bytes, int] = {}  # the lowest accepted, by the server's system title

    def __post_init__(self) -> None:
        super().__post_init__()
        check_challenge(self.authentication, self.challenge)
        if self.dedicated_key is not None and (
            len(self.dedicated_key) != KEY_SIZES[self.suite]
            or not self.security & Security.ENCRYPTED
        ):
            raise ValueError("a dedicated key has the suite's size and travels only encrypted")
        if self.key_kind is not None and (self.dedicated_key is not None or not self.security):
            raise ValueError("general-ciphering ciphers, and knows no dedicated key")

    def lowest_of(self, title: bytes) -> int:
        """The lowest invocation counter accepted of a server.

        A nonce is system title and counter, so servers under one key count each by itself;
        `peer_invocation_counter` serves for a title that is not among `peer_counters`.
        """
        return self.peer_counters.get(title, self.peer_invocation_counter)


class ServerSettings(_Settings, frozen=True, kw_only=True):
    """A server's side for one client address.

    `security` is the least protection that a request must have; answers get what the request had.
    `challenge` gives a fresh StoC (8 to 64 octets) for each association.
    """

    HIDDEN = _Settings.HIDDEN | {"challenge"}

    challenge: Callable[[], bytes] | None = None
    inactivity_timeout_s: float | None = None
    unlimited_size: int = 0xFFFF  # octets sent at once to who names no limit, where blocks may go

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.authentication in HLS and self.challenge is None:
            raise ValueError("HLS needs a source of challenges")
        if not PDU_SIZE_MIN <= self.unlimited_size <= 0xFFFF:
            raise ValueError(f"{self.unlimited_size} octets at once are not allowed")


def check_challenge(mechanism: AuthenticationMechanism, challenge: bytes) -> None:
    """Raises ValueError for a size that the mechanism does not allow."""
    if mechanism in HLS and not allowed_challenge(mechanism, challenge):
        least, most = CHALLENGE_SIZES[mechanism]
        raise ValueError(f"a challenge has {least} to {most} octets, not {len(challenge)}")
