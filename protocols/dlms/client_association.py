"""How a client opens and closes an association: it asks, proves itself, and has the server proved.

What is asked in an open association is the affair of `ClientConnection`.
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.dlms import tolerant
from protocols.dlms.acse import AARE, AARQ, AUTHENTICATION_UNIT, RLRE, RLRQ
from protocols.dlms.action import (
    ActionRequestNormal,
    ActionResponseNormal,
)
from protocols.dlms.apdu import Apdu, encode
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ActionResult,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
)
from protocols.dlms.connection import (
    PLAIN,
    Connection,
    Protected,
)
from protocols.dlms.events import (
    Associated,
    AssociationRefused,
    Event,
    Exchanged,
    ProtocolViolation,
    Refused,
    Released,
    Violation,
)
from protocols.dlms.hls import HLS, NAMES_TITLES, allowed_challenge
from protocols.dlms.initiate import ConfirmedServiceError, InitiateRequest, InitiateResponse
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    MethodDescriptor,
    Negotiated,
    Request,
)
from protocols.dlms.settings import ClientSettings
from protocols.dlms.state import Role, State, Step
from protocols.dlms.values import OctetString
from protocols.errors import LocalProtocolError, ProtocolError

REPLY_TO_HLS = MethodDescriptor(15, LogicalName("0.0.40.0.0.255"), 1)  # of the current association
CONFIRMED = 0x40  # service class bit of the invoke-id-and-priority octet


class ClientAssociation(Connection):
    """One association with one meter.

    The settings' challenge serves one association, so the object does too.
    """

    ROLE = Role.CLIENT

    def __init__(
        self, settings: ClientSettings, *, trace: Callable[[Exchanged], None] | None = None
    ) -> None:
        super().__init__(settings, trace=trace)
        self._settings = settings
        self._used = False
        self._server_challenge = b""
        self._lowest_at_start = settings.lowest_of(settings.peer_system_title or b"")
        self._protection.peer_invocation_counter = self._lowest_at_start
        self._invoke = 0
        self._asked: Request | None = None  # what waits for its answer

    def _refuse(self, refused: Refused, data: bytes) -> None:
        self._events.append(ProtocolViolation(refused.violation, refused))

    def _finish(self, state: State, event: Event) -> None:
        self._state = state
        self._asked = None
        self._deadline = None
        self._events.append(event)

    def _next_invoke(self) -> int:
        self._invoke = (self._invoke + 1) % 16
        return CONFIRMED | self._invoke

    def _check_invoke(self, octet: int) -> None:
        if octet & 0x0F != self._invoke:
            cause = f"invoke id {octet & 0x0F} where {self._invoke} was due"
            raise Refused(Violation.WRONG_INVOKE_ID, cause)

    # --- opening ---------------------------------------------------------------------------------

    def _initiate(self) -> bytes:
        """The initiate request as user information, ciphered if the association is."""
        settings = self._settings
        initiate = encode(
            InitiateRequest(settings.conformance, settings.max_pdu_size, settings.dedicated_key)
        )
        security = int(settings.security)
        return self._protection.seal(initiate, security) if security else initiate

    def _ask_association(self) -> bytes:
        settings = self._settings
        if self._used:
            raise LocalProtocolError("one client connection is one association")
        following = self._allow(Step.ASSOCIATION_REQUEST)
        mechanism = settings.authentication
        secret = None
        if mechanism is AuthenticationMechanism.LOW:
            secret = settings.password
        elif mechanism in HLS:
            secret = settings.challenge
        if settings.security:
            self._context = ApplicationContext.LOGICAL_NAME_CIPHERED
            self._required = int(settings.security)
            self._outward = self._protected(dedicated=False)
        wire = self._pack(
            AARQ(
                application_context=self._context,
                user_information=self._initiate(),
                calling_ap_title=settings.system_title or None,
                mechanism=None if secret is None else mechanism,
                authentication_value=secret,
                acse_requirements=None if secret is None else AUTHENTICATION_UNIT,
            ),
            PLAIN,
        )
        self._used, self._state = True, following
        return wire

    def _on_aare(self, aare: AARE) -> None:
        if self._state is not State.ASSOCIATING:
            raise Refused(Violation.UNEXPECTED, f"AARE while {self._state.value}")
        initiate, security = self._initiate_of(aare)
        if aare.result is not AssociationResult.ACCEPTED:
            error = initiate.initiate_error if isinstance(initiate, ConfirmedServiceError) else None
            refused = AssociationRefused(aare.result, aare.diagnostic, error)
            self._finish(self._expect(Step.ASSOCIATION_REFUSED), refused)
            return
        if not isinstance(initiate, InitiateResponse):
            raise Refused(Violation.MALFORMED, "an association accepted without initiate response")
        if self._required & ~security:
            raise Refused(Violation.NOT_PROTECTED, f"initiate response with {security:02X}")
        hls = self._hls
        if hls is not (aare.diagnostic is AcseUserDiagnostic.AUTHENTICATION_REQUIRED):
            self._distrust()  # another authentication than the one asked for, perhaps none
            return
        self._protection.use_dedicated_key(self._settings.dedicated_key)  # the server may at once
        self._agree(
            Negotiated(
                initiate.conformance & self._settings.conformance,
                self._settings.max_pdu_size,
                initiate.server_max_receive_pdu_size,
            )
        )
        if not hls:
            self._open_association(self._expect(Step.ASSOCIATION_ACCEPTED))
            return
        challenge = aare.authentication_value or b""
        mechanism = self._settings.authentication
        titled = mechanism not in NAMES_TITLES or self._protection.peer_system_title
        # The same challenge back would have us compute the server's own proof.
        repeated = challenge == self._settings.challenge
        if repeated or not titled or not allowed_challenge(mechanism, challenge):
            self._distrust()
            return
        self._state = self._expect(Step.ASSOCIATION_PENDING)
        self._server_challenge = challenge
        proof = OctetString(self._authenticator.prove(challenge, self._settings.challenge))
        self._walk(Step.PROOF)
        request = ActionRequestNormal(self._next_invoke(), REPLY_TO_HLS, proof)
        self._outbox.append(self._pack(request))

    @property
    def _hls(self) -> bool:
        return self._settings.authentication in HLS

    def _initiate_of(self, aare: AARE) -> tuple[Apdu | None, int]:
        """The initiate APDU of the server, deciphered with the system title that it names.

        A title that does not stand the test is forgotten, so that a forged answer cannot keep the
        right one from being understood.
        """
        protection, title = self._protection, aare.responding_ap_title
        known = protection.peer_system_title
        if known and title not in (None, known):
            raise Refused(Violation.NOT_AUTHENTIC, "another system title than the one expected")
        if aare.user_information is None:
            return None, 0
        if title and not known:
            protection.peer_system_title = title
            self._lowest_at_start = self._settings.lowest_of(title)
            protection.peer_invocation_counter = self._lowest_at_start
        try:
            return self._open_nested(aare.user_information, self._required)
        except ProtocolError:
            protection.peer_system_title = known
            raise

    def _decode(self, octets: bytes) -> Apdu:
        return tolerant.answer(octets)

    def _on_proof(self, apdu: ActionResponseNormal) -> None:
        """The server's answer to our proof: its own."""
        self._check_invoke(apdu.invoke_id_and_priority)
        answer = apdu.response
        if answer.result is not ActionResult.SUCCESS:
            refused = AssociationRefused(
                AssociationResult.REJECTED_PERMANENT, AcseUserDiagnostic.AUTHENTICATION_FAILURE
            )
            self._finish(self._expect(Step.PROOF_REFUSED), refused)
        elif isinstance(answer.returned, OctetString) and self._authenticator.check(
            bytes(answer.returned),
            self._settings.challenge,
            self._server_challenge,
            lowest=self._lowest_at_start,
        ):
            self._open_association(self._expect(Step.PROOF_ACCEPTED))
        else:
            self._distrust()

    def _open_association(self, state: State) -> None:
        settings, negotiated = self._settings, self._negotiated
        assert negotiated is not None
        if settings.dedicated_key is not None:
            self._outward = self._protected(dedicated=True)
        self._finish(state, Associated(negotiated, self._protection.peer_system_title))

    def _protected(self, *, dedicated: bool) -> Protected:
        settings = self._settings
        general, kind = settings.general_ciphering, settings.key_kind
        return Protected(int(settings.security), dedicated, general, kind, settings.signed)

    def _distrust(self) -> None:
        """The server did not authenticate itself: we end the association."""
        self._agree(None)
        self._finish(
            State.IDLE,
            AssociationRefused(
                AssociationResult.REJECTED_PERMANENT,
                AcseUserDiagnostic.AUTHENTICATION_FAILURE,
                by_us=True,
            ),
        )

    # --- closing ---------------------------------------------------------------------------------

    def _ask_release(self) -> bytes:
        following = self._allow(Step.RELEASE_REQUEST)
        settings = self._settings
        protected = settings.security and settings.protected_release
        wire = self._pack(RLRQ(user_information=self._initiate() if protected else None), PLAIN)
        self._state = following
        return wire

    def _on_rlre(self, rlre: RLRE) -> None:
        state = self._expect(Step.RELEASE_RESPONSE)
        if rlre.user_information is not None:
            self._open_nested(rlre.user_information, self._required)
        self._agree(None)
        self._finish(state, Released())
