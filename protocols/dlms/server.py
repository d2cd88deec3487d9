"""The server's side of the services: requests come out, and their blocks are joined.

Requests come out as events, one at a time; each is answered by `send` with its response or with an
ExceptionResponse, also where it wants no answer.  `server_association` opens and closes the
association around them, `server_answers` is how the answers leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.dlms.access import BREAK_ON_ERROR, INVOKE_ID, SELF_DESCRIPTIVE, AccessRequestApdu
from protocols.dlms.acse import AARQ, RLRQ
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
from protocols.dlms.apdu import Apdu
from protocols.dlms.axdr import Reader, encode_length
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult
from protocols.dlms.connection import (
    ACTION_IN_BLOCKS,
    GENERAL_BLOCKS,
    GET_IN_BLOCKS,
    SET_IN_BLOCKS,
    Protected,
    required_conformance,
)
from protocols.dlms.events import ProtocolViolation, Refused, Violation
from protocols.dlms.forms import (
    Pending,
    action_request,
    filled,
    needed_by,
    set_request,
    unconfirmed,
)
from protocols.dlms.general_block import GeneralBlock
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseBlock,
)
from protocols.dlms.notification import DataNotificationConfirm
from protocols.dlms.server_answers import ServerAnswers
from protocols.dlms.server_association import BETWEEN_BLOCKS
from protocols.dlms.services import (
    AccessRequest,
    ActionRequest,
    AttributeDescriptor,
    GetRequest,
    MethodDescriptor,
    MethodReturn,
    Request,
    SetRequest,
)
from protocols.dlms.set import (
    DataBlock,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetRequestWithListFirstBlock,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseNormal,
    read_values,
)
from protocols.dlms.state import State, Step
from protocols.dlms.transfer import Incoming
from protocols.dlms.values import Value

_ASSOCIATION_CLASS = 15
_HEAD_SIZE = 3  # of a response: tag, kind, invoke id
_BLOCK_NUMBER_SIZE = 4
_BARE_RETURN_SIZE = 4  # of a method's result, and why what it returned is missing


class ServerConnection(ServerAnswers):
    """The services of an open association, for one client address."""

    def _take(self, apdu: Apdu, protected: Protected, size: int, now: float) -> None:
        try:
            self._take_checked(apdu, protected, size, now)
        except Refused as refused:
            if not unconfirmed(apdu) or self._state is State.CHALLENGED:
                raise
            self._events.append(ProtocolViolation(refused.violation, refused))

    def _take_checked(self, apdu: Apdu, protected: Protected, size: int, now: float) -> None:
        limit = self._settings.max_pdu_size
        if limit and size > limit and self._negotiated is not None:
            raise Refused(Violation.TOO_LONG, f"{size} octets, {limit} agreed on")
        handler = _HANDLERS.get(type(apdu))
        if handler is None:
            if isinstance(apdu, GeneralBlock):
                begins = self._state is State.ASSOCIATED or self._state in BETWEEN_BLOCKS
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

    def _begin(self, step: Step, needed: int) -> State:
        """Where a new request leads; a transfer that the client left half done is forgotten."""
        if self._state in BETWEEN_BLOCKS:
            self._walk(Step.ABANDONED)
        following = self._expect(step)
        self._check_agreed(needed)
        return following

    def _check_agreed(self, needed: int) -> None:
        if not self._agreed(needed):
            missing = Conformance(needed & ~self._agreed_bits)
            raise Refused(Violation.NOT_NEGOTIATED, f"{missing!r} was not agreed on")

    def _accept(self, step: Step, pending: Pending, request: Request) -> None:
        self._state = self._begin(step, required_conformance(request) | needed_by(pending))
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
            self._check_agreed(GET_IN_BLOCKS)
            none = DataAccessResult.NO_LONG_GET_IN_PROGRESS
            self._reply(GetResponseBlock(invoke, True, apdu.block_number, none))
            return
        following = self._expect(Step.GET_NEXT)
        self._check_invoke(invoke)
        self._state = following
        if apdu.block_number != self._outgoing.number:
            wrong = DataAccessResult.DATA_BLOCK_NUMBER_INVALID
            self._walk(Step.GET_DONE)
            answer = GetResponseBlock(invoke, True, apdu.block_number, wrong)
            self._reply(answer)
            return
        self._outbox.append(self._next_block())

    def _check_answer(self, size: int, blocks: Conformance | None = None) -> None:
        """Refuse what could be done, and then not be answered in the least that it takes.

        `blocks` is what the answer can travel in beside general blocks.
        """
        cut = self._agreed(GENERAL_BLOCKS) or blocks is not None and self._agreed(blocks)
        if not cut and not self._fits(size):
            raise Refused(Violation.TOO_LONG, f"an answer of {size} octets, which does not fit")

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
        silent = unconfirmed(apdu)
        if with_list and not silent:
            self._check_answer(_HEAD_SIZE + _listed(len(attributes)))
        invoke = apdu.invoke_id_and_priority
        pending = Pending(invoke, attributes, (), with_list, unconfirmed=silent)
        self._accept(Step.SET, pending, set_request(attributes, values))

    def _on_set_first(self, apdu: SetRequestFirstBlock | SetRequestWithListFirstBlock) -> None:
        with_list = isinstance(apdu, SetRequestWithListFirstBlock)
        if isinstance(apdu, SetRequestFirstBlock):
            attributes: tuple[AttributeDescriptor, ...] = (apdu.attribute,)
        else:
            attributes = filled(apdu.attributes)
        if with_list:
            self._check_answer(_HEAD_SIZE + _listed(len(attributes)) + _BLOCK_NUMBER_SIZE)
        pending = Pending(apdu.invoke_id_and_priority, attributes, (), with_list)
        self._first(
            Step.SET if apdu.block.last_block else Step.SET_FIRST_BLOCK, pending, apdu.block
        )

    def _first(self, step: Step, pending: Pending, block: DataBlock) -> None:
        needed = SET_IN_BLOCKS if pending.attributes else ACTION_IN_BLOCKS
        following = self._begin(step, needed | needed_by(pending))
        self._incoming = Incoming(self._settings.transfer_size_max)
        self._pending, self._carrying = pending, None
        self._take_block(following, pending.invoke, block)

    def _on_set_block(self, apdu: SetRequestBlock) -> None:
        invoke = apdu.invoke_id_and_priority
        if self._state is State.ASSOCIATED:
            self._check_agreed(SET_IN_BLOCKS)
            none = SetResponseNormal(invoke, DataAccessResult.NO_LONG_SET_IN_PROGRESS)
            self._reply(none)
            return
        last = apdu.block.last_block
        following = self._expect(Step.SET_LAST_BLOCK if last else Step.SET_BLOCK)
        self._check_invoke(invoke)
        self._take_block(following, invoke, apdu.block)

    def _on_action_block(self, apdu: ActionRequestBlock) -> None:
        invoke = apdu.invoke_id_and_priority
        if self._state is State.ASSOCIATED:
            self._check_agreed(ACTION_IN_BLOCKS)
            none = MethodReturn(ActionResult.NO_LONG_ACTION_IN_PROGRESS)
            self._reply(ActionResponseNormal(invoke, none))
            return
        last = apdu.block.last_block
        following = self._expect(Step.ACTION_LAST_BLOCK if last else Step.ACTION_BLOCK)
        self._check_invoke(invoke)
        self._take_block(following, invoke, apdu.block)

    def _take_block(self, following: State, invoke: int, block: DataBlock) -> None:
        """Take a block of a SET or ACTION request; the last one completes the request."""
        pending = self._pending
        assert pending is not None
        if block.block_number != self._incoming.number + 1:
            self._abort(pending, invoke, block.block_number)
            return
        self._incoming.take(block)
        if not block.last_block:
            self._state = following
            if pending.attributes:
                self._walk(Step.SET_BLOCK_TAKEN)
                taken: Apdu = SetResponseBlock(invoke, block.block_number)
            else:
                self._walk(Step.ACTION_BLOCK_TAKEN)
                taken = ActionResponseNext(invoke, block.block_number)
            self._reply(taken)
            return
        reader = Reader(self._incoming.joined())
        values = read_values(reader) if pending.with_list else (reader.value(),)
        reader.end()
        if pending.attributes:
            request: SetRequest | ActionRequest = set_request(pending.attributes, values)
        else:
            request = action_request(pending.methods, values)
        self._pending = Pending(
            invoke, pending.attributes, pending.methods, pending.with_list, block.block_number
        )
        self._state = following
        self._events.append(request)

    def _abort(self, pending: Pending, invoke: int, number: int) -> None:
        """A block out of order ends the transfer (Green Book 9.4.6.4 and 9.4.6.5)."""
        if self._state in BETWEEN_BLOCKS:
            self._walk(Step.ABANDONED)
        if pending.attributes:
            wrong = DataAccessResult.DATA_BLOCK_NUMBER_INVALID
            answer: Apdu = SetResponseLastBlock(invoke, wrong, number)
        else:
            aborted = MethodReturn(ActionResult.LONG_ACTION_ABORTED)
            answer = ActionResponseNormal(invoke, aborted)
        self._reply(answer)

    def _on_action(self, apdu: ActionRequestNormal | ActionRequestWithList) -> None:
        if (
            self._state is State.CHALLENGED
            and isinstance(apdu, ActionRequestNormal)
            and apdu.method.class_id == _ASSOCIATION_CLASS
            and apdu.method.method == 1
        ):
            self._on_proof(apdu)
            return
        if with_list := isinstance(apdu, ActionRequestWithList):
            methods = filled(apdu.methods)
            request = action_request(methods, apdu.parameters)
        else:
            methods = (apdu.method,)
            request = ActionRequest(methods, (apdu.parameters,))
        invoke, silent = apdu.invoke_id_and_priority, unconfirmed(apdu)
        if with_list and not silent:
            least = _HEAD_SIZE + _listed(len(methods), _BARE_RETURN_SIZE)
            self._check_answer(least, Conformance.BLOCK_TRANSFER_WITH_ACTION)
        pending = Pending(invoke, (), methods, with_list, unconfirmed=silent)
        self._accept(Step.ACTION, pending, request)

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
        silent = unconfirmed(apdu)
        pending = Pending(invoke, (), (), True, items=apdu.items, unconfirmed=silent)
        self._accept(Step.ACCESS, pending, request)

    def _on_confirm(self, confirm: DataNotificationConfirm) -> None:
        invoke = confirm.long_invoke_id_and_priority & INVOKE_ID
        if invoke not in self._pushed:
            raise Refused(Violation.UNEXPECTED, f"no push {invoke} waits to be confirmed")
        self._pushed = tuple(number for number in self._pushed if number != invoke)
        self._events.append(confirm)


def _listed(count: int, each: int = 1) -> int:
    """Octets of a list of results."""
    return len(encode_length(count)) + count * each


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
