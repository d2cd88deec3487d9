"""The server's side of an association: judges who asks, joins and cuts blocks, answers violations.

Requests come out as events, one at a time; each is answered by `send` with its response or with an
ExceptionResponse.  Whether to associate follows from the settings alone.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable
from typing import Any

from protocols.dlms.access import BREAK_ON_ERROR, INVOKE_ID, SELF_DESCRIPTIVE, AccessRequestApdu
from protocols.dlms.acse import AARE, AARQ, AUTHENTICATION_UNIT, RLRE, RLRQ
from protocols.dlms.action import (
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestNext,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionRequestWithListFirstBlock,
    ActionResponseNext,
    ActionResponseNormal,
)
from protocols.dlms.apdu import Apdu, encode
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ActionResult,
    ApduTag,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
    ConfirmedService,
    Conformance,
    DataAccessResult,
    InitiateError,
    Security,
    ServiceError,
    ServiceErrorKind,
    StateError,
)
from protocols.dlms.connection import (
    GENERAL_BLOCKS,
    PLAIN,
    Connection,
    Protected,
    required_conformance,
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
from protocols.dlms.forms import Pending, action_request, answer, filled, set_request
from protocols.dlms.general_block import GeneralBlock, data_size, unconfirmed
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseBlock,
)
from protocols.dlms.hls import HLS, NAMES_TITLES, allowed_challenge
from protocols.dlms.initiate import (
    DLMS_VERSION,
    ConfirmedServiceError,
    InitiateRequest,
    InitiateResponse,
)
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
)
from protocols.dlms.services import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    MethodReturn,
    Negotiated,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from protocols.dlms.set import (
    DataBlock,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetRequestWithListFirstBlock,
    SetResponseBlock,
    SetResponseNormal,
    read_values,
)
from protocols.dlms.settings import PDU_SIZE_MIN, ServerSettings, check_challenge
from protocols.dlms.state import Role, State, Step
from protocols.dlms.transfer import Incoming, Outgoing
from protocols.dlms.values import OctetString, Value
from protocols.errors import LocalProtocolError, ProtocolError

_ASSOCIATION_CLASS = 15
_MOST_BLOCKS = 0xFFF0  # of those that can be numbered some are for acknowledgements
_PUSHES_MAX = 16
_EMPTY = DataBlock(False, 0, b"")

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
# States in which a client that gave up may begin something new.
_BETWEEN_BLOCKS = frozenset(
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


class ServerConnection(Connection):
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
        self._pending: Pending | None = None
        self._incoming = Incoming(0)
        self._outgoing = Outgoing(b"")
        self._pushed: deque[int] = deque(maxlen=_PUSHES_MAX)  # those that wait to be confirmed
        self._carrying: Callable[[DataBlock], Apdu] | None = None  # block of an answer -> APDU

    def send(
        self, response: Response | EventNotification | DataNotification, *, now: float
    ) -> bytes:
        """The APDU that answers the request told last, or a notification.

        An answer longer than the client's PDU size leaves in blocks; where those were not agreed
        on, the answer is an exception response PDU_TOO_LONG.  Raises LocalProtocolError when no
        request waits for this response, and for a notification too long for the client.  What
        leaves in several general blocks goes on in `data_to_send`.
        """
        if isinstance(response, EventNotification | DataNotification):
            return self._notify(response)
        wire = self._respond(response)
        self._touch(now)
        return wire

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
        self._pending = self._carrying = self._exchange = None
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

    def _take(self, apdu: Apdu, protected: Protected, size: int, now: float) -> None:
        limit = self._settings.max_pdu_size
        if limit and size > limit and self._negotiated is not None:
            raise Refused(Violation.TOO_LONG, f"{size} octets, {limit} agreed on")
        handler = _HANDLERS.get(type(apdu))
        if handler is None:
            if isinstance(apdu, GeneralBlock):
                begins = self._state is State.ASSOCIATED or self._state in _BETWEEN_BLOCKS
                self._take_general(apdu, begins, now)
                self._touch(now)
                return
            raise Refused(Violation.UNEXPECTED, f"{type(apdu).__name__} is nothing a client says")
        if size:  # not joined from blocks
            self._exchange = None
        if not isinstance(apdu, AARQ | RLRQ):
            self._outward = protected
        handler(self, apdu)
        self._touch(now)

    # --- association -----------------------------------------------------------------------------

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
        self._check_initiate(initiate)
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

    def _check_initiate(self, initiate: InitiateRequest) -> None:
        if initiate.dlms_version < DLMS_VERSION:
            error = InitiateError.DLMS_VERSION_TOO_LOW
        elif not initiate.conformance & self._settings.conformance:
            error = InitiateError.INCOMPATIBLE_CONFORMANCE
        elif 0 < initiate.client_max_receive_pdu_size < PDU_SIZE_MIN:
            error = InitiateError.PDU_SIZE_TOO_SHORT
        else:
            return
        raise _Reject(AcseUserDiagnostic.NO_REASON_GIVEN, error)

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

    def _on_rlrq(self, rlrq: RLRQ) -> None:
        """Close; a ciphered initiate is verified, yet a plain RLRQ closes as well.

        It could only be forged by someone who can cut the transport, too, and many clients send it.
        """
        if self._state in _BETWEEN_BLOCKS:
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

    # --- requests --------------------------------------------------------------------------------

    def _begin(self, step: Step, request: Request | None) -> State:
        """Where a new request leads; a transfer that the client left half done is forgotten."""
        if self._state in _BETWEEN_BLOCKS:
            self._walk(Step.ABANDONED)
        following = self._expect(step)
        if request is not None and not self._agreed(required_conformance(request)):
            raise Refused(Violation.NOT_NEGOTIATED, f"{type(request).__name__} of this kind")
        return following

    def _accept(self, step: Step, pending: Pending, request: Request) -> None:
        self._state = self._begin(step, request)
        self._pending = pending
        self._carrying = None
        self._events.append(request)

    def _on_get(self, apdu: GetRequestNormal | GetRequestWithList) -> None:
        with_list = isinstance(apdu, GetRequestWithList)
        if isinstance(apdu, GetRequestNormal):
            attributes: tuple[AttributeDescriptor, ...] = (apdu.attribute,)
        else:
            attributes = filled(apdu.attributes)
        pending = Pending(apdu.invoke_id_and_priority, attributes, (), with_list)
        self._accept(Step.GET, pending, GetRequest(attributes))

    def _on_get_next(self, apdu: GetRequestNext) -> None:
        invoke = apdu.invoke_id_and_priority
        if self._state is State.ASSOCIATED:
            none = DataAccessResult.NO_LONG_GET_IN_PROGRESS
            self._outbox.append(self._pack(GetResponseBlock(invoke, True, apdu.block_number, none)))
            return
        following = self._expect(Step.GET_NEXT)
        self._check_invoke(invoke)
        self._state = following
        if apdu.block_number != self._outgoing.number:
            wrong = DataAccessResult.DATA_BLOCK_NUMBER_INVALID
            self._walk(Step.GET_DONE)
            answer = GetResponseBlock(invoke, True, apdu.block_number, wrong)
            self._outbox.append(self._pack(answer))
            return
        self._outbox.append(self._next_block())

    def _check_invoke(self, invoke: int) -> None:
        pending = self._pending
        if pending is None or (invoke ^ pending.invoke) & 0x0F:
            raise Refused(Violation.WRONG_INVOKE_ID, f"invoke id {invoke & 0x0F} between blocks")

    def _on_set(self, apdu: SetRequestNormal | SetRequestWithList) -> None:
        with_list = isinstance(apdu, SetRequestWithList)
        if isinstance(apdu, SetRequestNormal):
            attributes: tuple[AttributeDescriptor, ...] = (apdu.attribute,)
            values: tuple[Value, ...] = (apdu.value,)
        else:
            attributes, values = filled(apdu.attributes), apdu.values
        pending = Pending(apdu.invoke_id_and_priority, attributes, (), with_list)
        self._accept(Step.SET, pending, set_request(attributes, values))

    def _on_set_first(self, apdu: SetRequestFirstBlock | SetRequestWithListFirstBlock) -> None:
        with_list = isinstance(apdu, SetRequestWithListFirstBlock)
        if isinstance(apdu, SetRequestFirstBlock):
            attributes: tuple[AttributeDescriptor, ...] = (apdu.attribute,)
        else:
            attributes = filled(apdu.attributes)
        pending = Pending(apdu.invoke_id_and_priority, attributes, (), with_list)
        self._first(
            Step.SET if apdu.block.last_block else Step.SET_FIRST_BLOCK, pending, apdu.block
        )

    def _first(self, step: Step, pending: Pending, block: DataBlock) -> None:
        following = self._begin(step, None)
        needed = (
            Conformance.SET | Conformance.BLOCK_TRANSFER_WITH_SET
            if pending.attributes
            else Conformance.ACTION | Conformance.BLOCK_TRANSFER_WITH_ACTION
        )
        if not self._agreed(needed):
            raise Refused(Violation.NOT_NEGOTIATED, "request in blocks")
        self._incoming = Incoming(self._settings.transfer_size_max)
        self._pending, self._carrying = pending, None
        self._take_block(following, pending.invoke, block)

    def _on_set_block(self, apdu: SetRequestBlock) -> None:
        invoke = apdu.invoke_id_and_priority
        if self._state is State.ASSOCIATED:
            none = SetResponseNormal(invoke, DataAccessResult.NO_LONG_SET_IN_PROGRESS)
            self._outbox.append(self._pack(none))
            return
        last = apdu.block.last_block
        following = self._expect(Step.SET_LAST_BLOCK if last else Step.SET_BLOCK)
        self._check_invoke(invoke)
        self._take_block(following, invoke, apdu.block)

    def _on_action_block(self, apdu: ActionRequestBlock) -> None:
        invoke = apdu.invoke_id_and_priority
        if self._state is State.ASSOCIATED:
            none = MethodReturn(ActionResult.NO_LONG_ACTION_IN_PROGRESS)
            self._outbox.append(self._pack(ActionResponseNormal(invoke, none)))
            return
        last = apdu.block.last_block
        following = self._expect(Step.ACTION_LAST_BLOCK if last else Step.ACTION_BLOCK)
        self._check_invoke(invoke)
        self._take_block(following, invoke, apdu.block)

    def _take_block(self, following: State, invoke: int, block: DataBlock) -> None:
        """Take a block of a SET or ACTION request; the last one completes the request."""
        pending = self._pending
        assert pending is not None
        self._incoming.take(block)
        if not block.last_block:
            self._state = following
            if pending.attributes:
                self._walk(Step.SET_BLOCK_TAKEN)
                taken: Apdu = SetResponseBlock(invoke, block.block_number)
            else:
                self._walk(Step.ACTION_BLOCK_TAKEN)
                taken = ActionResponseNext(invoke, block.block_number)
            self._outbox.append(self._pack(taken))
            return
        reader = Reader(self._incoming.joined())
        values = read_values(reader) if pending.with_list else (reader.value(),)
        reader.end()
        if pending.attributes:
            request: SetRequest | ActionRequest = set_request(pending.attributes, values)
        else:
            request = action_request(pending.methods, values)
        if not self._agreed(required_conformance(request)):
            raise Refused(Violation.NOT_NEGOTIATED, f"{type(request).__name__} of this kind")
        self._pending = Pending(
            invoke, pending.attributes, pending.methods, pending.with_list, block.block_number
        )
        self._state = following
        self._events.append(request)

    def _on_action(self, apdu: ActionRequestNormal | ActionRequestWithList) -> None:
        if (
            self._state is State.CHALLENGED
            and isinstance(apdu, ActionRequestNormal)
            and apdu.method.class_id == _ASSOCIATION_CLASS
            and apdu.method.method == 1
        ):
            self._on_proof(apdu)
            return
        invoke = apdu.invoke_id_and_priority
        if isinstance(apdu, ActionRequestNormal):
            methods: tuple[MethodDescriptor, ...] = (apdu.method,)
            request = ActionRequest(methods, (apdu.parameters,))
            self._accept(Step.ACTION, Pending(invoke, (), methods, False), request)
            return
        methods = filled(apdu.methods)
        request = action_request(methods, apdu.parameters)
        self._accept(Step.ACTION, Pending(invoke, (), methods, True), request)

    def _on_action_first(
        self, apdu: ActionRequestFirstBlock | ActionRequestWithListFirstBlock
    ) -> None:
        with_list = isinstance(apdu, ActionRequestWithListFirstBlock)
        if isinstance(apdu, ActionRequestFirstBlock):
            methods: tuple[MethodDescriptor, ...] = (apdu.method,)
        else:
            methods = filled(apdu.methods)
        pending = Pending(apdu.invoke_id_and_priority, (), methods, with_list)
        last = apdu.block.last_block
        self._first(Step.ACTION if last else Step.ACTION_FIRST_BLOCK, pending, apdu.block)

    def _on_action_next(self, apdu: ActionRequestNext) -> None:
        following = self._expect(Step.ACTION_NEXT)
        self._check_invoke(apdu.invoke_id_and_priority)
        if apdu.block_number != self._outgoing.number:
            self._walk(Step.ABANDONED)
            cause = f"block {apdu.block_number} asked after {self._outgoing.number}"
            raise Refused(Violation.WRONG_BLOCK, cause)
        self._state = following
        self._outbox.append(self._next_block())

    def _on_access(self, apdu: AccessRequestApdu) -> None:
        invoke = apdu.long_invoke_id_and_priority
        request = AccessRequest(
            filled(apdu.items),
            bool(invoke & BREAK_ON_ERROR),
            bool(invoke & SELF_DESCRIPTIVE),
            apdu.date_time,
        )
        self._accept(Step.ACCESS, Pending(invoke, (), (), True, items=apdu.items), request)

    def _on_confirm(self, confirm: DataNotificationConfirm) -> None:
        invoke = confirm.long_invoke_id_and_priority & INVOKE_ID
        if invoke not in self._pushed:
            raise Refused(Violation.UNEXPECTED, f"no push {invoke} waits to be confirmed")
        self._pushed.remove(invoke)
        self._events.append(confirm)

    # --- responses -------------------------------------------------------------------------------

    def _respond(self, response: Response) -> bytes:
        pending = self._pending
        if pending is None:
            raise LocalProtocolError(f"{type(response).__name__} while {self._state.value}")
        if isinstance(response, ExceptionResponse):
            self._walk(Step.EXCEPTION)
            return self._pack(response, PLAIN)
        step = _DONE[type(response)]
        following = self._allow(step)
        if len(response.results) != pending.count:
            raise LocalProtocolError(f"{len(response.results)} results for {pending.count}")
        apdu, raw, carrying, needed = answer(pending, response)
        # What came in blocks is answered in blocks, Green Book 9.4.6.13.
        if self._exchange is None and self._fits(len(encode(apdu))):
            self._state = following
            return self._pack(apdu)
        if self._agreed(GENERAL_BLOCKS) and self._fits_blocks(apdu):
            self._state = following
            return self._say_in_blocks(apdu)
        if carrying is None or not self._agreed(needed) or self._room(carrying(_EMPTY)) < 1:
            self._walk(Step.EXCEPTION)
            too_long = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.PDU_TOO_LONG)
            return self._pack(too_long, PLAIN)
        self._outgoing, self._carrying = Outgoing(raw), carrying
        return self._next_block()

    def _fits_blocks(self, apdu: Apdu) -> bool:
        """Whether general blocks can be counted to its end."""
        size = data_size(self._peer_pdu_size)
        return (
            size > 0 and self._sealed_size(len(encode(apdu)), general=True) <= size * _MOST_BLOCKS
        )

    def _notify(self, notification: EventNotification | DataNotification) -> bytes:
        """Outside an association a push is protected as the settings ask, by general ciphering."""
        how = self._outward
        if self._state is State.IDLE and self._settings.security:
            how = Protected(int(self._settings.security), general=True)
        if isinstance(notification, DataNotification) and notification.confirmed:
            self._pushed.append(notification.long_invoke_id_and_priority & INVOKE_ID)
        wire = self._pack(notification, how)
        if len(wire) <= self._peer_pdu_size:
            return wire
        if not self._agreed(GENERAL_BLOCKS):
            raise LocalProtocolError(f"longer than the client's {self._peer_pdu_size} octets")
        blocks = unconfirmed(wire, data_size(self._peer_pdu_size))
        first, *others = [block.encode() for block in blocks]
        self._outbox.extend(others)
        return first

    def _next_block(self) -> bytes:
        """The next part of a long answer, and the step that it is."""
        carrying = self._carrying
        assert carrying is not None
        block = self._outgoing.next(self._room(carrying(_EMPTY)))
        if self._state is State.GETTING:
            self._walk(Step.GET_DONE if block.last_block else Step.GET_BLOCK)
        else:
            self._walk(Step.ACTION_DONE if block.last_block else Step.ACTION_RETURN)
        return self._pack(carrying(block))


_DONE: dict[type[Any], Step] = {
    GetResponse: Step.GET_DONE,
    SetResponse: Step.SET_DONE,
    ActionResponse: Step.ACTION_DONE,
    AccessResponse: Step.ACCESS_DONE,
}


_HANDLERS: dict[type[Any], Callable[[ServerConnection, Any], None]] = {
    AARQ: ServerConnection._on_aarq,
    RLRQ: ServerConnection._on_rlrq,
    GetRequestNormal: ServerConnection._on_get,
    GetRequestWithList: ServerConnection._on_get,
    GetRequestNext: ServerConnection._on_get_next,
    SetRequestNormal: ServerConnection._on_set,
    SetRequestWithList: ServerConnection._on_set,
    SetRequestFirstBlock: ServerConnection._on_set_first,
    SetRequestWithListFirstBlock: ServerConnection._on_set_first,
    SetRequestBlock: ServerConnection._on_set_block,
    ActionRequestNormal: ServerConnection._on_action,
    ActionRequestWithList: ServerConnection._on_action,
    ActionRequestFirstBlock: ServerConnection._on_action_first,
    ActionRequestWithListFirstBlock: ServerConnection._on_action_first,
    ActionRequestBlock: ServerConnection._on_action_block,
    ActionRequestNext: ServerConnection._on_action_next,
    AccessRequestApdu: ServerConnection._on_access,
    DataNotificationConfirm: ServerConnection._on_confirm,
}
