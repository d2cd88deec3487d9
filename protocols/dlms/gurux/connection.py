"""The client connection on gurux-dlms, behind our own check of every answer.

Each APDU received passes in this order: our decoder, the transition table, protection (enough of
it, tag, counter), invoke id and block number; then gurux-dlms reads the same octets; then both
readings are compared.  What fails anywhere becomes a `ProtocolViolation`, has no effect, and the
right answer is waited for until the deadline.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import structs

from protocols.dlms import apdu as apdus
from protocols.dlms import axdr, get, tolerant
from protocols.dlms.apdu import AARE, RLRE, Apdu, Ciphered, ConfirmedServiceError, GeneralCiphered
from protocols.dlms.axdr import Reader
from protocols.dlms.ciphered import DEDICATED_TAGS
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ActionResult,
    AssociationResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
)
from protocols.dlms.connection import required_conformance
from protocols.dlms.events import (
    NEED_DATA,
    Associated,
    AssociationRefused,
    Event,
    Exchanged,
    NeedData,
    ProtocolViolation,
    Refused,
    Released,
    TimedOut,
    Violation,
)
from protocols.dlms.flaws import Flaw
from protocols.dlms.gurux.agreement import agree, to_library
from protocols.dlms.gurux.library import Library
from protocols.dlms.hls import allowed_challenge
from protocols.dlms.notification import DataNotificationConfirm
from protocols.dlms.security import COUNTER_MAX, Cipher, CountersUsedUp, Protection
from protocols.dlms.services import (
    AccessRequest,
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    GetResult,
    MethodReturn,
    Negotiated,
    ReleaseRequest,
    Request,
    SetRequest,
    SetResponse,
)
from protocols.dlms.set import DataBlock
from protocols.dlms.settings import ClientSettings
from protocols.dlms.state import TRANSITIONS, State, Step
from protocols.dlms.transfer import Incoming
from protocols.dlms.values import OctetString, Value
from protocols.errors import LocalProtocolError, ProtocolError, RemoteProtocolError

T = TypeVar("T")
Message = AssociationRequest | Request | ReleaseRequest | DataNotificationConfirm
UNSUPPORTED = Conformance.ACCESS | Conformance.GENERAL_BLOCK_TRANSFER
"""What gurux-dlms cannot be trusted with, so that it is not proposed.

It reads no access-response of attributes that it does not hold as objects of its own, and its
general block transfer fails at the first acknowledgement (1.0.203: it asks its settings for a field
that they do not have).
"""
INVOKE_IDS = 16  # four bits


class GuruxConnection:
    """A `ClientEngine`.  One object is one session with one meter."""

    def __init__(
        self, settings: ClientSettings, *, trace: Callable[[Exchanged], None] | None = None
    ) -> None:
        settings = structs.replace(settings, conformance=settings.conformance & ~UNSUPPORTED)
        self.trace = trace
        self._settings = settings
        self._used = False
        self._library = Library(settings)
        self._protection = Protection(
            settings.keys,
            system_title=settings.system_title,
            peer_system_title=settings.peer_system_title or b"",
            invocation_counter=settings.invocation_counter,
            peer_invocation_counter=settings.lowest_of(settings.peer_system_title or b""),
        )
        self._counter_end = settings.invocation_counter_end
        self._state = State.IDLE
        self._negotiated: Negotiated | None = None
        self._stoc = b""
        self._invoke_id = 0
        self._asked = 0  # how many attributes or methods the request had
        self._incoming = Incoming(0)
        self._sent_blocks = 0
        self._later: deque[bytes] = deque()  # further blocks of a long request
        self._out: deque[bytes] = deque()
        self._events: deque[Event] = deque()
        self._deadline: float | None = None

    @property
    def invocation_counter(self) -> int:
        """The next one of ours."""
        return self._library.invocation_counter

    @property
    def peer_invocation_counter(self) -> int:
        """The lowest one accepted from the meter."""
        return self._protection.peer_invocation_counter

    @property
    def peer_system_title(self) -> bytes:
        """The meter's; empty while nobody knows it."""
        return self._protection.peer_system_title

    @property
    def invocation_counters_left(self) -> int:
        """How many of ours are reserved and not used yet."""
        return self._counter_end - self.invocation_counter

    def extend_counters(self, end: int) -> None:
        """More of ours have been reserved: up to `end` - 1."""
        self._counter_end = max(self._counter_end, end)

    # --- requests ---------------------------------------------------------------------------------

    def send(self, message: Message, *, now: float) -> bytes:
        """The APDU to transmit.  Raises LocalProtocolError when it is not allowed now."""
        match message:
            case AssociationRequest():
                if self._used:
                    raise LocalProtocolError("one client connection is one association")
                self._used = True
                wire = self._say(Step.ASSOCIATION_REQUEST, self._library.associate)
                self._record(True, wire, None)
            case ReleaseRequest():
                wire = self._say(Step.RELEASE_REQUEST, self._library.release)
                self._record(True, wire, None)
            case DataNotificationConfirm():
                raise LocalProtocolError("gurux-dlms does not know data-notification-confirm")
            case AccessRequest():
                raise LocalProtocolError("gurux-dlms cannot be trusted with ACCESS")
            case _:
                wire = self._ask(message)
                self._record(True, wire, self._opened(wire))
        self._deadline = now + self._settings.response_timeout_s
        return wire

    def _say(self, step: Step, write: Callable[[], T]) -> T:
        """Move on by a step of ours, and let gurux-dlms write what belongs to it."""
        following = TRANSITIONS.get((self._state, step))
        if following is None:
            raise LocalProtocolError(f"{step.value} is not allowed: {self._state.value}")
        self._check_counter()
        written = write()
        self._state = following
        return written

    def _check_counter(self) -> None:
        # Proving takes two at once; gurux-dlms itself would wrap around and use them twice.
        if self._settings.keys is None:
            return
        if self.invocation_counter > COUNTER_MAX - 1:
            raise CountersUsedUp("the invocation counter is used up: the key must be changed")
        if self.invocation_counters_left < 2:
            raise CountersUsedUp("the invocation counters that were reserved are used up")

    def _ask(self, request: GetRequest | SetRequest | ActionRequest) -> bytes:
        whole, first = _STEPS[type(request)]
        needed = required_conformance(request)
        if (self._state, whole) not in TRANSITIONS or self._negotiated is None:
            raise LocalProtocolError(f"{whole.value} is not allowed: {self._state.value}")
        if needed & ~self._negotiated.conformance:
            raise LocalProtocolError(f"{Conformance(needed)!r} was not agreed on")
        match request:
            case GetRequest():
                write, self._asked = self._get(request), len(request.attributes)
            case SetRequest():
                write, self._asked = self._set(request), len(request.attributes)
            case ActionRequest():
                write, self._asked = self._act(request), len(request.methods)
        self._invoke_id = (self._invoke_id + 1) % INVOKE_IDS
        self._incoming = Incoming(self._settings.transfer_size_max)
        self._check_counter()
        parts = write()
        size = self._negotiated.server_pdu_size
        if size and max(map(len, parts)) > size:
            raise LocalProtocolError(f"longer than the server's {size} octets")
        if self._settings.keys is not None and self.invocation_counters_left < 0:
            raise CountersUsedUp("the invocation counters that were reserved are used up")
        self._sent_blocks, self._later = 1, deque(parts[1:])
        return self._say(first if self._later else whole, lambda: parts[0])

    def _get(self, request: GetRequest) -> Callable[[], list[bytes]]:
        return lambda: [self._library.get(request.attributes, self._invoke_id)]

    def _set(self, request: SetRequest) -> Callable[[], list[bytes]]:
        if len(request.attributes) > 1:
            return lambda: self._library.set_list(
                request.attributes, request.values, self._invoke_id
            )
        value = to_library(request.values[0])
        return lambda: self._library.set(request.attributes[0], value, self._invoke_id)

    def _act(self, request: ActionRequest) -> Callable[[], list[bytes]]:
        if len(request.methods) > 1:
            raise LocalProtocolError("gurux-dlms does not know ACTION with list")
        method, parameters = request.methods[0], request.parameters[0]
        if parameters is None:
            return lambda: [self._library.act_bare(method, self._invoke_id)]
        value = to_library(parameters)
        return lambda: self._library.act(method, value, self._invoke_id)

    def _opened(self, wire: bytes) -> bytes | None:
        """What gurux-dlms wrote, deciphered again: for the record, and to see that it ciphered.

        Raises LocalProtocolError when it protected less than the settings ask for.
        """
        keys, security = self._settings.keys, self._settings.security
        if not security:
            return wire
        outer = apdus.decode(wire)
        if not isinstance(outer, (Ciphered, GeneralCiphered)) or outer.security_control != security:
            raise LocalProtocolError("gurux-dlms was about to send less protection than asked for")
        assert keys is not None
        key: bytes | None = keys.encryption
        if outer.tag in DEDICATED_TAGS:  # not the proof, which shows that we know the global one
            key = self._settings.dedicated_key
        assert key is not None
        return Cipher(key, keys.authentication).open(
            int(security), self._settings.system_title, outer.invocation_counter, outer.payload
        )

    # --- what the engine says by itself, and what it tells ----------------------------------------

    def data_to_send(self) -> bytes | None:
        """The next APDU that the engine itself has to transmit, or None."""
        return self._out.popleft() if self._out else None

    def next_event(self) -> Event | NeedData:
        """What happened, oldest first."""
        return self._events.popleft() if self._events else NEED_DATA

    def next_deadline(self) -> float | None:
        """When the answer is due."""
        return self._deadline

    def handle_deadline(self, *, now: float) -> None:
        """Give up waiting once the deadline has passed."""
        if self._deadline is None or now < self._deadline:
            return
        self._deadline = None
        self._events.append(TimedOut(self._state))
        open_still = self._negotiated is not None and self._state is not State.RELEASING
        self._state = State.ASSOCIATED if open_still else State.IDLE

    def receive_data(self, data: bytes, *, now: float) -> None:
        """Take in one whole APDU.  Never raises for what the peer did: see ProtocolViolation."""
        try:
            self._take(bytes(data), now)
        except Refused as error:
            self._events.append(ProtocolViolation(error.violation, error))
        except CountersUsedUp:
            raise
        except ProtocolError as error:
            malformed = RemoteProtocolError(error.offset, error.cause)
            self._events.append(ProtocolViolation(Violation.MALFORMED, malformed))

    def _finish(self, state: State, event: Event) -> None:
        self._state, self._deadline = state, None
        self._events.append(event)

    # --- answers ----------------------------------------------------------------------------------

    def _take(self, wire: bytes, now: float) -> None:
        outer = tolerant.answer(wire)
        if isinstance(outer, ExceptionResponse):
            self._record(False, wire, wire)
            self._take_exception(outer)
            return
        match self._state:
            case State.ASSOCIATING:
                self._record(False, wire, None)
                self._take_association(wire, outer, now)
            case State.RELEASING:
                self._record(False, wire, None)
                self._take_release(outer)
            case State.PROVING:
                self._take_proof(wire, self._open_recorded(wire, outer))
            case (
                State.GETTING
                | State.SETTING
                | State.SET_BLOCK_SENT
                | State.ACTING
                | State.ACTION_BLOCK_SENT
            ):
                self._take_answer(wire, self._open_recorded(wire, outer), now)
            case _:
                if self._notified(self._open_recorded(wire, outer)):
                    return
                raise Refused(Violation.UNEXPECTED, f"{type(outer).__name__}: {self._state.value}")

    def _notified(self, apdu: Apdu) -> bool:
        """Whether it is a notification, between an answer and another or within one."""
        if not isinstance(apdu, (apdus.DataNotification, apdus.EventNotification)):
            return False
        self._events.append(apdu)
        return True

    def _open_recorded(self, wire: bytes, outer: Apdu) -> Apdu:
        plain = self._open(outer)
        self._record(False, wire, plain)
        return tolerant.answer(plain)

    def _open(self, outer: Apdu) -> bytes:
        """The APDU inside, once it had the protection that the association requires."""
        if isinstance(outer, (Ciphered, GeneralCiphered)):
            plain = self._protection.open(outer)
            if self._settings.security & ~outer.security_control:
                control = f"security control {outer.security_control:02X}"
                raise Refused(Violation.NOT_PROTECTED, control)
            return plain
        if self._settings.security:
            raise Refused(Violation.NOT_PROTECTED, f"{type(outer).__name__} in the clear")
        return apdus.encode(outer)

    def _record(self, sent: bool, wire: bytes, plain: bytes | None) -> None:
        if self.trace is not None:
            self.trace(Exchanged(sent, wire, plain))

    def _read(self, read: Callable[[bytes], T], wire: bytes) -> T:
        """Let gurux-dlms read what we have verified.

        Its own exceptions are of every kind and may quote what they stumbled over, so none of
        their text is kept.
        """
        try:
            return read(wire)
        except Exception as error:
            cause = f"gurux-dlms cannot read it: {type(error).__name__}"
            raise Refused(Violation.MALFORMED, cause) from None

    def _take_exception(self, exception: ExceptionResponse) -> None:
        following = TRANSITIONS.get((self._state, Step.EXCEPTION))
        if following is None:
            raise Refused(Violation.UNEXPECTED, f"exception-response: {self._state.value}")
        released = self._state is State.RELEASING
        self._finish(following, Released(exception) if released else exception)

    def _take_association(self, wire: bytes, outer: Apdu, now: float) -> None:
        if isinstance(outer, ConfirmedServiceError):
            self._finish(State.IDLE, _refused(outer))
            return
        if not isinstance(outer, AARE):
            raise Refused(Violation.UNEXPECTED, f"{type(outer).__name__} answers no AARQ")
        if outer.result is not AssociationResult.ACCEPTED:
            self._finish(State.IDLE, self._refusal(outer))
            return
        self._take_title(outer.responding_ap_title)
        negotiated = self._initiated(outer.user_information)
        pending = outer.diagnostic is AcseUserDiagnostic.AUTHENTICATION_REQUIRED
        hls = self._settings.authentication is AuthenticationMechanism.HIGH_GMAC
        if pending is not hls:
            self._distrust()  # another authentication than the one asked for, perhaps none
            return
        if self._read(self._library.associated, wire) is not pending:
            raise Refused(Violation.MALFORMED, "gurux-dlms read another diagnostic")
        self._negotiated = negotiated
        self._protection.use_dedicated_key(self._settings.dedicated_key)
        if not pending:
            self._finish(State.ASSOCIATED, self._associated())
            return
        self._stoc = outer.authentication_value or b""
        allowed = allowed_challenge(self._settings.authentication, self._stoc)
        # Our own challenge back would have us compute the server's proof.
        if not allowed or hmac.compare_digest(self._stoc, self._settings.challenge):
            self._distrust()
            return
        self._state = State.CHALLENGED
        self._invoke_id = (self._invoke_id + 1) % INVOKE_IDS
        proof = self._say(Step.PROOF, lambda: self._library.prove(self._invoke_id))
        self._continue(proof, now)

    def _take_title(self, title: bytes | None) -> None:
        known = self._settings.peer_system_title
        if known is not None and title is not None and title != known:
            raise Refused(Violation.NOT_AUTHENTIC, "another system title than the meter's")
        if title is not None and title != self._protection.peer_system_title:
            self._protection.peer_system_title = title
            self._protection.peer_invocation_counter = self._settings.lowest_of(title)

    def _initiated(self, octets: bytes | None) -> Negotiated:
        """The initiate response, opened and read."""
        if octets is None:
            raise Refused(Violation.MALFORMED, "no initiate response")
        response = apdus.decode(self._open(apdus.decode(octets)))
        if not isinstance(response, apdus.InitiateResponse):
            raise Refused(Violation.MALFORMED, f"{type(response).__name__} in an AARE")
        return Negotiated(
            conformance=response.conformance & self._settings.conformance,
            client_pdu_size=self._settings.max_pdu_size,
            server_pdu_size=response.server_max_receive_pdu_size,
        )

    def _refusal(self, aare: AARE) -> AssociationRefused:
        """What a rejecting AARE says; the initiate error in it need not be protected."""
        inner = None
        if aare.user_information is not None:
            try:
                inner = apdus.decode(aare.user_information)
                if isinstance(inner, (Ciphered, GeneralCiphered)):
                    self._take_title(aare.responding_ap_title)
                    inner = apdus.decode(self._protection.open(inner))
            except ProtocolError:
                inner = None
        error = inner.initiate_error if isinstance(inner, ConfirmedServiceError) else None
        return AssociationRefused(aare.result, aare.diagnostic, error)

    def _associated(self) -> Associated:
        assert self._negotiated is not None
        return Associated(self._negotiated, self._protection.peer_system_title)

    def _take_proof(self, wire: bytes, answer: Apdu) -> None:
        if not isinstance(answer, apdus.ActionResponseNormal):
            raise Refused(Violation.UNEXPECTED, f"{type(answer).__name__} answers no proof")
        self._check_invoke_id(answer.invoke_id_and_priority)
        ended = answer.response
        if ended.result is not ActionResult.SUCCESS:
            self._distrust(by_us=False)
            return
        proof = ended.returned
        proved = isinstance(proof, OctetString) and self._protection.check_proof(
            bytes(proof),
            self._settings.challenge,
            lowest=self._settings.lowest_of(self._protection.peer_system_title),
        )
        try:
            self._read(self._library.proved, wire)
        except Refused:
            proved = False
        if proved:
            self._finish(State.ASSOCIATED, self._associated())
        else:
            self._distrust()

    def _distrust(self, *, by_us: bool = True) -> None:
        """No association: one side did not prove itself, by the other's word or by ours."""
        self._negotiated = None
        refused = AssociationRefused(
            AssociationResult.REJECTED_PERMANENT,
            AcseUserDiagnostic.AUTHENTICATION_FAILURE,
            by_us=by_us,
        )
        self._finish(State.IDLE, refused)

    def _take_release(self, outer: Apdu) -> None:
        if not isinstance(outer, RLRE):
            raise Refused(Violation.UNEXPECTED, f"{type(outer).__name__} answers no RLRQ")
        if outer.user_information is not None:
            inner = apdus.decode(outer.user_information)
            if isinstance(inner, (Ciphered, GeneralCiphered)):
                self._protection.open(inner)
        self._negotiated = None
        self._finish(State.IDLE, Released())

    def _check_invoke_id(self, octet: int) -> None:
        if octet & 0x0F != self._invoke_id:
            cause = f"invoke id {octet & 0x0F} where {self._invoke_id} was due"
            raise Refused(Violation.WRONG_INVOKE_ID, cause)

    def _take_answer(self, wire: bytes, answer: Apdu, now: float) -> None:
        if self._notified(answer):
            return
        for kinds, states, take in _ANSWERS:
            if isinstance(answer, kinds) and self._state in states:
                self._check_invoke_id(getattr(answer, "invoke_id_and_priority"))  # noqa: B009
                take(self, wire, answer, now)
                return
        raise Refused(Violation.UNEXPECTED, f"{type(answer).__name__}: {self._state.value}")

    # --- GET --------------------------------------------------------------------------------------

    def _take_get(self, wire: bytes, answer: Any, now: float) -> None:
        if isinstance(answer, apdus.GetResponseBlock):
            self._take_get_block(wire, answer, now)
            return
        self._read(self._library.answered, wire)
        if not isinstance(answer, apdus.GetResponseNormal):
            self._got(answer.results)
        elif answer.trailing:
            raw = get.write_result(answer.result)[1:] + answer.trailing
            assert not isinstance(answer.result, DataAccessResult)
            rows = tolerant.all_rows(answer.result, answer.trailing)
            self._got((answer.result,), Flaw.TRAILING_OCTETS, raw, rows)
        else:
            self._got((answer.result,))

    def _take_get_block(self, wire: bytes, answer: apdus.GetResponseBlock, now: float) -> None:
        if isinstance(answer.result, DataAccessResult):
            whole = self._whole_after_all()
            if whole is None:
                self._read(self._library.answered, wire)
                whole = GetResponse((answer.result,) * self._asked)
            self._finish(State.ASSOCIATED, whole)
            return
        self._incoming.take(DataBlock(answer.last_block, answer.block_number, answer.result))
        complete = self._read(self._library.answered, wire)
        if complete is not answer.last_block:
            raise Refused(Violation.MALFORMED, "gurux-dlms sees the last block elsewhere")
        if not complete:
            self._check_counter()
            self._continue(self._library.next_block(), now)
            return
        octets = self._incoming.joined()
        if self._asked == 1:
            found, first, flaws = tolerant.whole(octets)
            self._got((first,), flaws, octets if flaws else b"", found)
        else:
            self._got(self._joined_results())

    def _joined_results(self) -> tuple[GetResult, ...]:
        """The results that all blocks of a GET hold together."""
        octets = self._incoming.joined()
        if self._asked == 1:
            return (axdr.decode(octets),)
        reader = Reader(octets)
        results = get.read_results(reader)
        reader.end()
        return results

    def _whole_after_all(self) -> GetResponse | None:
        """What came in blocks of which none was flagged as the last, if it is whole.

        gurux-dlms fails at the refusal, so it is not asked what it read.
        """
        try:
            results = self._joined_results()
        except ProtocolError:
            return None
        if len(results) != self._asked:
            return None
        return GetResponse(results, Flaw.LAST_BLOCK_UNFLAGGED, self._incoming.joined())

    def _continue(self, wire: bytes, now: float) -> None:
        self._record(True, wire, self._opened(wire))
        self._out.append(wire)
        self._deadline = now + self._settings.response_timeout_s

    def _got(
        self,
        results: tuple[GetResult, ...],
        flaws: Flaw = Flaw.NONE,
        raw: bytes = b"",
        whole: Value | None = None,
    ) -> None:
        """What gurux-dlms must have read as well; `whole` is the value with the rows behind it."""
        if len(results) != self._asked:
            cause = f"{len(results)} results for {self._asked} attributes"
            raise Refused(Violation.MALFORMED, cause)
        theirs = [self._library.value] if len(results) == 1 else self._library.value
        errors = [int(found) for found in results if isinstance(found, DataAccessResult)]
        if not all(map(agree, results, theirs)) or self._library.error != (errors or [0])[-1]:
            raise Refused(Violation.MALFORMED, "gurux-dlms read another value")
        told = results if whole is None else (whole,)
        self._finish(State.ASSOCIATED, GetResponse(told, flaws, raw))

    # --- SET and ACTION ---------------------------------------------------------------------------

    def _take_set(self, wire: bytes, answer: Any, now: float) -> None:
        if isinstance(answer, apdus.SetResponseBlock):
            self._taken(wire, answer.block_number, (Step.SET_BLOCK, Step.SET_LAST_BLOCK), now)
            return
        self._read(self._library.answered, wire)
        if isinstance(answer, (apdus.SetResponseNormal, apdus.SetResponseLastBlock)):
            results: tuple[DataAccessResult, ...] = (answer.result,)
        else:
            results = answer.results
        failed = [int(result) for result in results if result]
        if len(results) != self._asked or self._library.error != (failed or [0])[0]:
            raise Refused(Violation.MALFORMED, "gurux-dlms read another result")
        self._finish(State.ASSOCIATED, SetResponse(results))

    def _taken(self, wire: bytes, number: int, steps: tuple[Step, Step], now: float) -> None:
        """The server has taken a block of ours; send the next one."""
        if number != self._sent_blocks or not self._later:
            cause = f"block {number} taken, {self._sent_blocks} sent"
            raise Refused(Violation.WRONG_BLOCK, cause)
        if Step.SET_BLOCK in steps:
            self._read(self._library.answered, wire)
        # It takes the number of an ACTION's second block for a value; the blocks are cut already.
        self._sent_blocks += 1
        following = self._later.popleft()
        taken = Step.SET_BLOCK_TAKEN if Step.SET_BLOCK in steps else Step.ACTION_BLOCK_TAKEN
        self._state = TRANSITIONS[self._state, taken]
        self._continue(self._say(steps[0 if self._later else 1], lambda: following), now)

    def _take_action(self, wire: bytes, answer: Any, now: float) -> None:
        if isinstance(answer, apdus.ActionResponseNext):
            steps = (Step.ACTION_BLOCK, Step.ACTION_LAST_BLOCK)
            self._taken(wire, answer.block_number, steps, now)
            return
        if isinstance(answer, apdus.ActionResponseBlock):
            # It reads the joined blocks as a value, without the result in front of them.
            raise Refused(Violation.UNEXPECTED, "gurux-dlms cannot join the blocks of an ACTION")
        self._read(self._library.answered, wire)
        ended: MethodReturn = answer.response
        refused = ended.returned if isinstance(ended.returned, DataAccessResult) else None
        error = int(ended.result) if refused is None else int(refused)
        value = None if refused is not None else ended.returned
        same = value is None or agree(value, self._library.value)
        if not same or self._library.error != error:
            raise Refused(Violation.MALFORMED, "gurux-dlms read another result")
        self._finish(State.ASSOCIATED, ActionResponse((ended,)))


def _refused(error: ConfirmedServiceError) -> AssociationRefused:
    """Some meters answer an AARQ with the bare initiate error."""
    return AssociationRefused(
        AssociationResult.REJECTED_PERMANENT,
        AcseUserDiagnostic.NO_REASON_GIVEN,
        error.initiate_error,
    )


_STEPS: dict[type[GetRequest | SetRequest | ActionRequest], tuple[Step, Step]] = {
    GetRequest: (Step.GET, Step.GET),
    SetRequest: (Step.SET, Step.SET_FIRST_BLOCK),
    ActionRequest: (Step.ACTION, Step.ACTION_FIRST_BLOCK),
}
# Which answers belong to which states, and who takes them.
_ANSWERS: tuple[tuple[tuple[type[Any], ...], frozenset[State], Callable[..., None]], ...] = (
    (
        (apdus.GetResponseNormal, apdus.GetResponseWithList, apdus.GetResponseBlock),
        frozenset({State.GETTING}),
        GuruxConnection._take_get,
    ),
    (
        (
            apdus.SetResponseNormal,
            apdus.SetResponseWithList,
            apdus.SetResponseBlock,
            apdus.SetResponseLastBlock,
            apdus.SetResponseLastBlockWithList,
        ),
        frozenset({State.SETTING, State.SET_BLOCK_SENT}),
        GuruxConnection._take_set,
    ),
    (
        (apdus.ActionResponseNormal, apdus.ActionResponseNext, apdus.ActionResponseBlock),
        frozenset({State.ACTING, State.ACTION_BLOCK_SENT}),
        GuruxConnection._take_action,
    ),
)
