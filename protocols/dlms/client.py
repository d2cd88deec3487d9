"""The client's side of the services: asks, joins and cuts blocks, tells answers and notifications.

`client_association` opens and closes the association around them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.dlms import axdr, tolerant
from protocols.dlms.access import INVOKE_ID, AccessResponseApdu
from protocols.dlms.acse import AARE, RLRE
from protocols.dlms.action import (
    ActionRequestBlock,
    ActionRequestNext,
    ActionResponseBlock,
    ActionResponseNext,
    ActionResponseNormal,
    ActionResponseWithList,
    read_returns,
)
from protocols.dlms.apdu import Apdu, encode
from protocols.dlms.axdr import Reader
from protocols.dlms.client_association import CONFIRMED, ClientAssociation
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ActionResult,
    AssociationResult,
    Conformance,
    DataAccessResult,
    ServiceError,
    StateError,
)
from protocols.dlms.connection import (
    GENERAL_BLOCKS,
    Protected,
    required_conformance,
)
from protocols.dlms.events import AssociationRefused, Exchanged, Refused, Released, Violation
from protocols.dlms.flaws import Flaw
from protocols.dlms.forms import blocks_of, joined_return, whole
from protocols.dlms.general_block import GeneralBlock
from protocols.dlms.get import (
    GetRequestNext,
    GetResponseBlock,
    GetResponseNormal,
    GetResponseWithList,
    read_results,
    write_result,
)
from protocols.dlms.initiate import ConfirmedServiceError
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
)
from protocols.dlms.services import (
    SERVICE_OF,
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    GetResult,
    MethodReturn,
    ReleaseRequest,
    Request,
    SetResponse,
)
from protocols.dlms.set import (
    DataBlock,
    SetRequestBlock,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseLastBlockWithList,
    SetResponseNormal,
    SetResponseWithList,
)
from protocols.dlms.settings import ClientSettings
from protocols.dlms.state import State, Step
from protocols.dlms.tolerant import GET_RESPONSE_NORMAL
from protocols.dlms.transfer import Incoming, Outgoing
from protocols.dlms.values import EncodedValue
from protocols.errors import LocalProtocolError, ProtocolError

_EMPTY = DataBlock(False, 0, b"")


class ClientConnection(ClientAssociation):
    """One association and its services; see `events.ClientEngine` for how to drive it."""

    def __init__(
        self, settings: ClientSettings, *, trace: Callable[[Exchanged], None] | None = None
    ) -> None:
        super().__init__(settings, trace=trace)
        self._block_tries = settings.block_retries
        self._incoming = Incoming(0)
        self._outgoing = Outgoing(b"")

    def send(
        self,
        message: AssociationRequest | Request | ReleaseRequest | DataNotificationConfirm,
        *,
        now: float,
    ) -> bytes:
        """The APDU to transmit.

        Raises LocalProtocolError when the state, the conformance agreed on or the server's PDU size
        do not allow it; then nothing has changed.
        """
        if isinstance(message, AssociationRequest):
            wire = self._ask_association()
        elif isinstance(message, ReleaseRequest):
            wire = self._ask_release()
        elif isinstance(message, DataNotificationConfirm):
            return self._pack(message)
        else:
            wire = self._ask(message)
        self._deadline = now + self._settings.response_timeout_s
        return wire

    def _give_up(self) -> None:
        self._asked = self._exchange = None
        self._walk(Step.ABANDONED)

    def _take(self, apdu: Apdu, protected: Protected, size: int, now: float) -> None:
        handler = _HANDLERS.get(type(apdu))
        if handler is None:
            if isinstance(apdu, GeneralBlock):
                self._on_general_block(apdu, now)
                return
            raise Refused(Violation.UNEXPECTED, f"{type(apdu).__name__} is nothing a server says")
        handler(self, apdu)
        if self._outbox:  # the exchange goes on
            self._deadline = now + self._settings.response_timeout_s

    def _on_general_block(self, block: GeneralBlock, now: float) -> None:
        self._take_general(block, self._asked is not None, now)
        if self._asked is not None and self._exchange is not None:
            self._block_tries = self._settings.block_retries
            self._deadline = now + self._settings.block_timeout_s

    def _say_again(self, now: float) -> bool:
        """Say the latest blocks once more: the peer's, or ours, may be lost."""
        blocks = self._exchange.again() if self._asked and self._exchange else []
        if not blocks or self._block_tries < 1:
            return False
        self._block_tries -= 1
        self._outbox.extend(map(self._write_block, blocks))
        self._deadline = now + self._settings.block_timeout_s
        return True

    def _on_exception(self, exception: ExceptionResponse) -> None:
        state = self._expect(Step.EXCEPTION)
        if self._state is State.GETTING and (whole := self._whole_after_all()) is not None:
            self._finish(state, whole)
            return
        if self._state is State.RELEASING:
            self._agree(None)
            self._finish(state, Released(exception))
        else:
            if state is State.IDLE:
                self._agree(None)
            self._finish(state, exception)

    def _on_service_error(self, error: ConfirmedServiceError) -> None:
        """Some meters answer an AARQ with the bare initiate error, or a request with this."""
        state = self._expect(Step.EXCEPTION)
        if self._state is State.ASSOCIATING:
            refused = AssociationRefused(
                AssociationResult.REJECTED_PERMANENT,
                AcseUserDiagnostic.NO_REASON_GIVEN,
                error.initiate_error,
            )
            self._finish(state, refused)
        else:
            other = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON)
            self._on_exception(other)

    def _on_notification(self, notification: DataNotification | EventNotification) -> None:
        self._events.append(notification)

    # --- requests --------------------------------------------------------------------------------

    def _ask(self, request: Request) -> bytes:
        if self._state is not State.ASSOCIATED:
            raise LocalProtocolError(f"{type(request).__name__} while {self._state.value}")
        needed = required_conformance(request)
        if not self._agreed(needed):
            raise LocalProtocolError(f"{Conformance(needed)!r} was not agreed on")
        invoke = CONFIRMED | (self._invoke + 1) % 16
        step, apdu, raw = whole(request, invoke)
        self._exchange = None
        plain = encode(apdu)
        if self._fits(len(plain), general=step is Step.ACCESS):
            wire = self._protect(plain)
        elif self._agreed(GENERAL_BLOCKS):
            wire = self._say_in_blocks(apdu)
            self._block_tries = self._settings.block_retries
        else:
            step, apdu = self._first_block(request, invoke, raw)
            wire = self._pack(apdu)
        self._walk(step)
        self._next_invoke()
        self._asked = request
        self._incoming = Incoming(self._settings.transfer_size_max)
        return wire

    def _first_block(self, request: Request, invoke: int, raw: bytes | None) -> tuple[Step, Apdu]:
        needed, make, steps = blocks_of(request, invoke)
        if raw is None or make is None or not self._agreed(needed):
            raise LocalProtocolError(f"longer than the server's {self._peer_pdu_size} octets")
        room = self._room(make(_EMPTY))
        if room < 1:
            raise LocalProtocolError(f"{self._peer_pdu_size} octets hold no block of it")
        self._outgoing = Outgoing(raw)
        block = self._outgoing.next(room)
        return steps[block.last_block], make(block)

    def _on_get(self, apdu: GetResponseNormal | GetResponseWithList) -> None:
        state = self._expect(Step.GET_DONE)
        self._check_invoke(apdu.invoke_id_and_priority)
        if not isinstance(apdu, GetResponseNormal):
            self._finish(state, GetResponse(self._several(apdu.results)))
        elif apdu.trailing:
            assert not isinstance(apdu.result, DataAccessResult)
            rows = tolerant.all_rows(apdu.result, apdu.trailing)
            results = self._single(apdu.result if rows is None else rows)
            raw = write_result(apdu.result)[1:] + apdu.trailing
            self._finish(state, GetResponse(results, Flaw.TRAILING_OCTETS, raw))
        else:
            self._finish(state, GetResponse(self._single(apdu.result)))

    def _on_get_block(self, apdu: GetResponseBlock) -> None:
        error = isinstance(apdu.result, DataAccessResult)
        more = not apdu.last_block and not error
        state = self._expect(Step.GET_BLOCK if more else Step.GET_DONE)
        self._check_invoke(apdu.invoke_id_and_priority)
        if isinstance(apdu.result, DataAccessResult):
            whole = self._whole_after_all()
            self._finish(state, whole or GetResponse((apdu.result,) * self._count))
            return
        self._incoming.take(DataBlock(apdu.last_block, apdu.block_number, apdu.result))
        if more:
            self._state = state
            self._walk(Step.GET_NEXT)
            request = GetRequestNext(CONFIRMED | self._invoke, apdu.block_number)
            self._outbox.append(self._pack(request))
            return
        self._finish(state, self._joined())

    def _joined(self) -> GetResponse:
        """The results that all blocks of a GET hold together."""
        raw = self._incoming.joined()
        if self._as_octets and self._count == 1:
            return GetResponse((EncodedValue(raw),))
        if self._count != 1:
            reader = Reader(raw)
            results = self._several(read_results(reader))
            reader.end()
            return GetResponse(results)
        found, _, flaws = tolerant.whole(raw)
        return GetResponse((found,), flaws, raw if flaws else b"")

    def _whole_after_all(self) -> GetResponse | None:
        """What came in blocks of which none was flagged as the last, if it is whole: some meters
        refuse the block after it in place of flagging it."""
        try:
            if self._as_octets:
                axdr.decode(self._incoming.joined())
            joined = self._joined()
        except ProtocolError:
            return None
        flaws = joined.flaws | Flaw.LAST_BLOCK_UNFLAGGED
        return GetResponse(joined.results, flaws, self._incoming.joined())

    def _decode(self, octets: bytes) -> Apdu:
        if self._as_octets and octets[:2] == GET_RESPONSE_NORMAL and octets[3:4] == b"\x00":
            # Whoever wants octets decodes them, as those that come in blocks.
            return GetResponseNormal(octets[2], EncodedValue(octets[4:]))
        return super()._decode(octets)

    @property
    def _as_octets(self) -> bool:
        return isinstance(self._asked, GetRequest) and self._asked.as_octets

    @property
    def _count(self) -> int:
        """How many results the request asked for."""
        if isinstance(self._asked, ActionRequest):
            return len(self._asked.methods)
        if isinstance(self._asked, AccessRequest):
            return len(self._asked.items)
        return 0 if self._asked is None else len(self._asked.attributes)

    def _single(self, result: GetResult) -> tuple[GetResult, ...]:
        """A result without list; an error may answer for a whole list."""
        count = self._count
        if count != 1 and not isinstance(result, DataAccessResult):
            raise Refused(Violation.UNEXPECTED, f"one result for {count}")
        if self._as_octets and not isinstance(result, DataAccessResult | EncodedValue):
            result = EncodedValue(axdr.encode(result))
        return (result,) * count

    def _several(self, results: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(results) != self._count:
            raise Refused(Violation.UNEXPECTED, f"{len(results)} results for {self._count}")
        return results

    def _on_set(
        self,
        apdu: SetResponseNormal
        | SetResponseWithList
        | SetResponseLastBlock
        | SetResponseLastBlockWithList,
    ) -> None:
        state = self._expect(Step.SET_DONE)
        self._check_invoke(apdu.invoke_id_and_priority)
        if isinstance(apdu, SetResponseNormal | SetResponseLastBlock):
            if self._count != 1 and apdu.result is DataAccessResult.SUCCESS:
                raise Refused(Violation.UNEXPECTED, f"one result for {self._count}")
            results = (apdu.result,) * self._count
        else:
            results = self._several(apdu.results)
        self._finish(state, SetResponse(results))

    def _on_block_taken(self, apdu: SetResponseBlock | ActionResponseNext) -> None:
        """The server took a block of ours: send the next."""
        set_block = isinstance(apdu, SetResponseBlock)
        state = self._expect(Step.SET_BLOCK_TAKEN if set_block else Step.ACTION_BLOCK_TAKEN)
        self._check_invoke(apdu.invoke_id_and_priority)
        if apdu.block_number != self._outgoing.number:
            cause = f"block {apdu.block_number} taken, {self._outgoing.number} sent"
            raise Refused(Violation.WRONG_BLOCK, cause)
        make = SetRequestBlock if set_block else ActionRequestBlock
        invoke = CONFIRMED | self._invoke
        self._state = state
        block = self._outgoing.next(self._room(make(invoke, _EMPTY)))
        if set_block:
            self._walk(Step.SET_LAST_BLOCK if block.last_block else Step.SET_BLOCK)
        else:
            self._walk(Step.ACTION_LAST_BLOCK if block.last_block else Step.ACTION_BLOCK)
        self._outbox.append(self._pack(make(invoke, block)))

    def _on_action(self, apdu: ActionResponseNormal | ActionResponseWithList) -> None:
        if self._state is State.PROVING and isinstance(apdu, ActionResponseNormal):
            self._on_proof(apdu)
            return
        state = self._expect(Step.ACTION_DONE)
        self._check_invoke(apdu.invoke_id_and_priority)
        if isinstance(apdu, ActionResponseNormal):
            if self._count != 1 and apdu.response.result is ActionResult.SUCCESS:
                raise Refused(Violation.UNEXPECTED, f"one result for {self._count}")
            results = (apdu.response,) * self._count
        else:
            results = self._several(apdu.responses)
        self._finish(state, ActionResponse(results))

    def _on_access(self, apdu: AccessResponseApdu) -> None:
        state = self._expect(Step.ACCESS_DONE)
        if apdu.long_invoke_id_and_priority & INVOKE_ID != self._invoke:
            cause = f"invoke id {apdu.long_invoke_id_and_priority & INVOKE_ID}, not {self._invoke}"
            raise Refused(Violation.WRONG_INVOKE_ID, cause)
        results = self._several(apdu.results)
        asked = self._asked
        if isinstance(asked, AccessRequest) and any(
            result.service is not SERVICE_OF[type(item)]
            for result, item in zip(results, asked.items, strict=True)
        ):
            raise Refused(Violation.UNEXPECTED, "results of other services than those asked")
        self._finish(state, AccessResponse(results, apdu.date_time, apdu.asked))

    def _on_action_block(self, apdu: ActionResponseBlock) -> None:
        block = apdu.block
        state = self._expect(Step.ACTION_DONE if block.last_block else Step.ACTION_RETURN)
        self._check_invoke(apdu.invoke_id_and_priority)
        self._incoming.take(block)
        if not block.last_block:
            self._state = state
            self._walk(Step.ACTION_NEXT)
            request = ActionRequestNext(CONFIRMED | self._invoke, block.block_number)
            self._outbox.append(self._pack(request))
            return
        raw = self._incoming.joined()
        if self._count == 1:
            results: tuple[MethodReturn, ...] = (joined_return(raw),)
        else:
            reader = Reader(raw)
            results = self._several(read_returns(reader))
            reader.end()
        self._finish(state, ActionResponse(results))


_HANDLERS: dict[type[Any], Callable[[ClientConnection, Any], None]] = {
    AARE: ClientConnection._on_aare,
    RLRE: ClientConnection._on_rlre,
    ExceptionResponse: ClientConnection._on_exception,
    ConfirmedServiceError: ClientConnection._on_service_error,
    AccessResponseApdu: ClientConnection._on_access,
    DataNotification: ClientConnection._on_notification,
    EventNotification: ClientConnection._on_notification,
    GetResponseNormal: ClientConnection._on_get,
    GetResponseWithList: ClientConnection._on_get,
    GetResponseBlock: ClientConnection._on_get_block,
    SetResponseNormal: ClientConnection._on_set,
    SetResponseWithList: ClientConnection._on_set,
    SetResponseLastBlock: ClientConnection._on_set,
    SetResponseLastBlockWithList: ClientConnection._on_set,
    SetResponseBlock: ClientConnection._on_block_taken,
    ActionResponseNormal: ClientConnection._on_action,
    ActionResponseWithList: ClientConnection._on_action,
    ActionResponseBlock: ClientConnection._on_action_block,
    ActionResponseNext: ClientConnection._on_block_taken,
}
