"""How a server opens and closes an association, and what it answers to violations.

Whether to associate follows from the settings alone.  What is asked in an open association is the
affair of `ServerConnection`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from protocols.dlms.acse import AARE, AARQ, AUTHENTICATION_UNIT, RLRE, RLRQ
from protocols.dlms.action import (
    ActionRequestNormal,
    ActionResponseNormal,
)
from protocols.dlms.apdu import Apdu, encode
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ActionResult,
    ApduTag,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
    ConfirmedService,
    InitiateError,
    Security,
    ServiceError,
    ServiceErrorKind,
    StateError,
)
from protocols.dlms.connection import (
    PLAIN,
    Connection,
)
from protocols.dlms.events import (
    Associated,
    AssociationRefused,
    Exchanged,
    ProtocolViolation,
    Refused,
    Released,
    Violation,
)
from protocols.dlms.hls import HLS, NAMES_TITLES, allowed_challenge, proof_size
from protocols.dlms.initiate import (
    DLMS_VERSION,
    ConfirmedServiceError,
    InitiateRequest,
    InitiateResponse,
)
from protocols.dlms.services import (
    ExceptionResponse,
    MethodReturn,
    Negotiated,
)
from protocols.dlms.settings import PDU_SIZE_MIN, ServerSettings, check_challenge
from protocols.dlms.state import Role, State, Step
from protocols.dlms.values import OctetString
from protocols.errors import ProtocolError

# What the standard has a server answer to each violation.
_ANSWER: dict[Violation, tuple[StateError, ServiceError]] = {
    Violation.MALFORMED: (StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON),
    Violation.NOT_AUTHENTIC: (StateError.SERVICE_NOT_ALLOWED, ServiceError.DECIPHERING_ERROR),
    Violation.REPLAYED: (StateError.SERVICE_NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR),
    Violation.NOT_PROTECTED: (StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE),
    Violation.WRONG_INVOKE_ID: (StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON),
    Violation.WRONG_BLOCK: (StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON),
    Violation.UNEXPECTED: (StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE),
    Violation.NOT_NEGOTIATED: (StateError.SERVICE_UNKNOWN, ServiceError.SERVICE_NOT_SUPPORTED),
    Violation.TOO_LONG: (StateError.SERVICE_NOT_ALLOWED, ServiceError.PDU_TOO_LONG),
}
_AROUND_PROOF = 8
"""Octets of the ACTION response that brings a proof, and of the octet-string that it is."""
# States in which a client that gave up may begin something new.
BETWEEN_BLOCKS = frozenset(
    {
        State.GET_BLOCK_SENT,
        State.SET_BLOCK_TAKEN,
        State.ACTION_BLOCK_TAKEN,
        State.ACTION_RETURN_SENT,
    }
)


class _Reject(Exception):
    """An AARQ that is answered by a rejection."""

    def __init__(
        self, diagnostic: AcseUserDiagnostic, initiate_error: InitiateError | None = None
    ) -> None:
        super().__init__(diagnostic.name)
        self.diagnostic = diagnostic
        self.initiate_error = initiate_error


class ServerAssociation(Connection):
    """The association that a server keeps for one client address.

    An AARQ in any state begins anew, because a client that lost its session cannot release it.
    """

    ROLE = Role.SERVER

    def __init__(
        self, settings: ServerSettings, *, trace: Callable[[Exchanged], None] | None = None
    ) -> None:
        super().__init__(settings, trace=trace)
        self._settings = settings
        self._client_challenge = b""
        self._challenge = b""
        self._lowest_at_start = 0

    def disconnect(self) -> None:
        """The transport is lost: the association ends without a word."""
        super().disconnect()
        self._end(Step.DISCONNECTED)

    def _touch(self, now: float) -> None:
        timeout = self._settings.inactivity_timeout_s
        idle = timeout is None or self._state is State.IDLE
        self._deadline = None if idle or timeout is None else now + timeout

    def _give_up(self) -> None:
        self._end(Step.DISCONNECTED)

    def _end(self, step: Step) -> None:
        self._walk(step)
        self._agree(None)
        self._exchange = None
        self._required, self._outward = 0, PLAIN
        self._protection.use_dedicated_key(None)

    def _refuse(self, refused: Refused, data: bytes) -> None:
        """Tell the violation and answer it; an AARQ that cannot be read gets an AARE.

        One whose counter did not grow gets the exception that names the counter due.
        """
        violation = refused.violation
        self._events.append(ProtocolViolation(violation, refused))
        if data[:1] == bytes((ApduTag.AARQ,)) and violation is not Violation.REPLAYED:
            answer: Apdu = AARE(
                ApplicationContext.LOGICAL_NAME,
                AssociationResult.REJECTED_PERMANENT,
                AcseProviderDiagnostic.NO_REASON_GIVEN,
            )
        else:
            counted = violation is Violation.REPLAYED
            lowest = self._protection.peer_invocation_counter if counted else None
            answer = ExceptionResponse(*_ANSWER[violation], lowest)
        self._outbox.append(self._pack(answer, PLAIN))

    # --- opening ---------------------------------------------------------------------------------

    def _on_aarq(self, aarq: AARQ) -> None:
        if self._state is not State.IDLE:
            self._end(Step.DISCONNECTED)
            self._events.append(Released())
        self._walk(Step.ASSOCIATION_REQUEST)
        try:
            security, initiate = self._judge(aarq)
        except _Reject as reject:
            self._reject(aarq, reject)
            return
        except Refused:
            self._end(Step.EXCEPTION)
            raise
        settings, protection = self._settings, self._protection
        self._context = ApplicationContext(aarq.application_context)
        ciphered = self._context is ApplicationContext.LOGICAL_NAME_CIPHERED
        self._required = int(settings.security) | security if ciphered else 0
        negotiated = Negotiated(
            initiate.conformance & settings.conformance,
            initiate.client_max_receive_pdu_size,
            settings.max_pdu_size,
        )
        hls = settings.authentication in HLS
        if hls:
            assert settings.challenge is not None
            self._challenge = settings.challenge()
            check_challenge(settings.authentication, self._challenge)
            self._client_challenge = aarq.authentication_value or b""
        information = encode(InitiateResponse(negotiated.conformance, negotiated.server_pdu_size))
        diagnostic = AcseUserDiagnostic.AUTHENTICATION_REQUIRED if hls else AcseUserDiagnostic.NULL
        answer = AARE(
            application_context=self._context,
            result=AssociationResult.ACCEPTED,
            diagnostic=diagnostic,
            user_information=protection.seal(information, security) if security else information,
            responding_ap_title=settings.system_title or None if ciphered or hls else None,
            mechanism=settings.authentication if hls else None,
            authentication_value=self._challenge if hls else None,
            acse_requirements=AUTHENTICATION_UNIT if hls else None,
        )
        self._outbox.append(self._pack(answer, PLAIN))
        protection.use_dedicated_key(initiate.dedicated_key)
        self._agree(negotiated)
        self._walk(Step.ASSOCIATION_PENDING if hls else Step.ASSOCIATION_ACCEPTED)
        if not hls:
            self._events.append(Associated(negotiated, protection.peer_system_title))

    def _judge(self, aarq: AARQ) -> tuple[int, InitiateRequest]:
        """What the client proposes, once it has shown what the settings ask for."""
        settings = self._settings
        context = aarq.application_context
        ciphered = context == ApplicationContext.LOGICAL_NAME_CIPHERED
        if not (
            ciphered and settings.keys is not None
            or context == ApplicationContext.LOGICAL_NAME and not settings.security
        ):  # fmt: skip
            raise _Reject(AcseUserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED)
        self._check_authentication(aarq, ciphered)
        if aarq.user_information is None:
            raise _Reject(AcseUserDiagnostic.NO_REASON_GIVEN)
        least = int(settings.security) or (int(Security.AUTHENTICATED) if ciphered else 0)
        try:
            initiate, security = self._open_nested(aarq.user_information, least)
        except Refused as refused:
            if refused.violation is Violation.REPLAYED:
                raise  # answered by the counter that is due, so that the client can catch up
            self._events.append(ProtocolViolation(refused.violation, refused))
            raise _Reject(AcseUserDiagnostic.AUTHENTICATION_FAILURE) from refused
        except ProtocolError as error:
            malformed = Refused(Violation.MALFORMED, error.cause, error.offset)
            self._events.append(ProtocolViolation(Violation.MALFORMED, malformed))
            raise _Reject(AcseUserDiagnostic.AUTHENTICATION_FAILURE) from error
        if not isinstance(initiate, InitiateRequest) or least & ~security:
            raise _Reject(AcseUserDiagnostic.NO_REASON_GIVEN)
        self._check_initiate(initiate, security)
        return security, initiate

    def _check_authentication(self, aarq: AARQ, ciphered: bool) -> None:
        settings, protection = self._settings, self._protection
        mechanism = aarq.mechanism or AuthenticationMechanism.NONE
        wanted = settings.authentication
        if mechanism != wanted:
            if aarq.mechanism is None:
                raise _Reject(AcseUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED)
            raise _Reject(AcseUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED)
        title, known = aarq.calling_ap_title, settings.peer_system_title
        if ciphered or wanted in NAMES_TITLES:
            if title is None or len(title) != 8 or (known is not None and title != known):
                raise _Reject(AcseUserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED)
            protection.peer_system_title = title
        secret = aarq.authentication_value or b""
        if wanted is AuthenticationMechanism.LOW:
            if not hmac.compare_digest(secret, settings.password):
                raise _Reject(AcseUserDiagnostic.AUTHENTICATION_FAILURE)
        elif wanted in HLS:
            if not allowed_challenge(wanted, secret):
                raise _Reject(AcseUserDiagnostic.AUTHENTICATION_FAILURE)
            self._lowest_at_start = protection.peer_invocation_counter

    def _check_initiate(self, initiate: InitiateRequest, security: int) -> None:
        if initiate.dlms_version < DLMS_VERSION:
            error = InitiateError.DLMS_VERSION_TOO_LOW
        elif not initiate.conformance & self._settings.conformance:
            error = InitiateError.INCOMPATIBLE_CONFORMANCE
        elif 0 < initiate.client_max_receive_pdu_size < self._least_pdu_size(security):
            error = InitiateError.PDU_SIZE_TOO_SHORT
        else:
            return
        raise _Reject(AcseUserDiagnostic.NO_REASON_GIVEN, error)

    def _least_pdu_size(self, security: int) -> int:
        """What a client must be able to receive: the answers that no block transfer can cut.

        12 octets, as the standard has it, hold the refusal of a block.  Ciphering comes on top, and
        whoever authenticates by HLS must be able to receive our proof.
        """
        proof = proof_size(self._settings.authentication, self._settings.suite)
        longest = max(PDU_SIZE_MIN, _AROUND_PROOF + proof if proof else 0)
        return self._protection.sealed_size(longest, security, general=False)

    def _reject(self, aarq: AARQ, reject: _Reject) -> None:
        information = None
        if reject.initiate_error is not None:
            information = encode(
                ConfirmedServiceError(
                    ConfirmedService.INITIATE_ERROR,
                    ServiceErrorKind.INITIATE,
                    reject.initiate_error,
                )
            )
        result = AssociationResult.REJECTED_PERMANENT
        answer = AARE(
            ApplicationContext.LOGICAL_NAME_CIPHERED
            if aarq.application_context == ApplicationContext.LOGICAL_NAME_CIPHERED
            else ApplicationContext.LOGICAL_NAME,
            result,
            reject.diagnostic,
            information,
        )
        self._outbox.append(self._pack(answer, PLAIN))
        self._end(Step.ASSOCIATION_REFUSED)
        self._events.append(AssociationRefused(result, reject.diagnostic, reject.initiate_error))

    def _on_proof(self, apdu: ActionRequestNormal) -> None:
        """f(StoC) of the client: answer with f(CtoS), or end the association."""
        self._state = self._expect(Step.PROOF)
        negotiated, protection, invoke = (
            self._negotiated,
            self._protection,
            apdu.invoke_id_and_priority,
        )
        assert negotiated is not None
        proof = apdu.parameters
        if (
            isinstance(proof, OctetString)
            and self._client_challenge != self._challenge
            and self._authenticator.check(
                bytes(proof),
                self._challenge,
                self._client_challenge,
                lowest=self._lowest_at_start,
            )
        ):
            ours = OctetString(self._authenticator.prove(self._client_challenge, self._challenge))
            answer = ActionResponseNormal(invoke, MethodReturn(ActionResult.SUCCESS, ours))
            self._outbox.append(self._pack(answer))
            self._walk(Step.PROOF_ACCEPTED)
            self._events.append(Associated(negotiated, protection.peer_system_title))
            return
        denied = MethodReturn(ActionResult.READ_WRITE_DENIED)
        self._outbox.append(self._pack(ActionResponseNormal(invoke, denied)))
        self._end(Step.PROOF_REFUSED)
        self._events.append(
            AssociationRefused(
                AssociationResult.REJECTED_PERMANENT, AcseUserDiagnostic.AUTHENTICATION_FAILURE
            )
        )

    # --- closing ---------------------------------------------------------------------------------

    def _on_rlrq(self, rlrq: RLRQ) -> None:
        """Close; a ciphered initiate is verified, yet a plain RLRQ closes as well.

        It could only be forged by someone who can cut the transport, too, and many clients send it.
        """
        if self._state in BETWEEN_BLOCKS:
            self._walk(Step.ABANDONED)
        following = self._expect(Step.RELEASE_REQUEST)
        information, security = None, 0
        if rlrq.user_information is not None:
            _, security = self._open_nested(rlrq.user_information, self._required)
        negotiated = self._negotiated
        if security and negotiated is not None:
            information = self._protection.seal(
                encode(InitiateResponse(negotiated.conformance, negotiated.server_pdu_size)),
                security,
            )
        self._state = following
        self._outbox.append(self._pack(RLRE(user_information=information), PLAIN))
        self._end(Step.RELEASE_RESPONSE)
        self._events.append(Released())
