"""Requests and responses as APDUs: alone, with list, and in blocks.

A client's `whole` and `blocks_of` say what a request looks like; a server's `Pending` remembers how
one came, and `answer` says what the response to it looks like.  Nothing here knows a state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocols.dlms import axdr
from protocols.dlms.access import (
    BREAK_ON_ERROR,
    CONFIRMED,
    SELF_DESCRIPTIVE,
    AccessRequestApdu,
    AccessResponseApdu,
)
from protocols.dlms.action import (
    ActionRequestFirstBlock,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionRequestWithListFirstBlock,
    ActionResponseBlock,
    ActionResponseNormal,
    ActionResponseWithList,
    read_return,
    write_return,
    write_returns,
)
from protocols.dlms.apdu import Apdu
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult
from protocols.dlms.events import Refused, Violation
from protocols.dlms.get import (
    GetRequestNormal,
    GetRequestWithList,
    GetResponseBlock,
    GetResponseNormal,
    GetResponseWithList,
    write_results,
)
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessItem,
    AccessRequest,
    AccessResponse,
    AccessSet,
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    MethodReturn,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from protocols.dlms.set import (
    DataBlock,
    SetRequestFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetRequestWithListFirstBlock,
    SetResponseLastBlock,
    SetResponseLastBlockWithList,
    SetResponseNormal,
    SetResponseWithList,
    write_values,
)
from protocols.dlms.state import Step
from protocols.dlms.values import NULL, NullData, Value
from protocols.errors import ProtocolError

SERVICE_CONFIRMED = 0x40
"""Service class in the invoke id and priority (IEC 62056-5-3 clause 8.2)."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The request being answered; `block` is the last that brought it, 0 when it came whole."""

    invoke: int
    attributes: tuple[AttributeDescriptor, ...]
    methods: tuple[MethodDescriptor, ...]
    with_list: bool
    block: int = 0
    items: tuple[AccessItem, ...] = ()  # of an ACCESS
    unconfirmed: bool = False  # carried out, and nothing is said of it

    @property
    def count(self) -> int:
        """How many results answer it."""
        return len(self.attributes) or len(self.methods) or len(self.items)


_UNCONFIRMED_KINDS = (
    SetRequestNormal,
    SetRequestWithList,
    ActionRequestNormal,
    ActionRequestWithList,
)


def unconfirmed(apdu: Apdu) -> bool:
    """Whether the client wants no answer: the service class bit of its invoke id is 0.

    A GET is confirmed whatever its bit says (Green Book 9.3.6: what it is for is the answer), and
    so is what comes in blocks, each of which waits for the one before to be acknowledged.
    """
    if isinstance(apdu, AccessRequestApdu):
        return not apdu.long_invoke_id_and_priority & CONFIRMED
    if isinstance(apdu, _UNCONFIRMED_KINDS):
        return not apdu.invoke_id_and_priority & SERVICE_CONFIRMED
    return False


def needed_by(pending: Pending) -> int:
    """What the form of a request takes to be agreed on: a list of one is a list, too."""
    needed = Conformance(0)
    if pending.with_list and not pending.items:
        needed |= Conformance.MULTIPLE_REFERENCES
    if any(attribute.selection for attribute in pending.attributes):
        needed |= Conformance.SELECTIVE_ACCESS
    return int(needed)


def answer(
    pending: Pending, response: GetResponse | SetResponse | ActionResponse | AccessResponse
) -> tuple[Apdu, bytes, Callable[[DataBlock], Apdu] | None, Conformance]:
    """The whole answer; and for blocks: its octets, the APDU around one, what they need."""
    invoke = pending.invoke
    if isinstance(response, SetResponse):
        return _set_answer(pending, response), b"", None, Conformance(0)
    if isinstance(response, AccessResponse):
        return access_answer(pending, response), b"", None, Conformance(0)
    if isinstance(response, GetResponse):
        needed = Conformance.BLOCK_TRANSFER_WITH_GET

        def get_block(block: DataBlock) -> Apdu:
            return GetResponseBlock(invoke, block.last_block, block.block_number, block.raw)

        if pending.with_list:
            raw = write_results(response.results)
            return GetResponseWithList(invoke, response.results), raw, get_block, needed
        result = response.results[0]
        normal = GetResponseNormal(invoke, result)
        if isinstance(result, DataAccessResult):
            return normal, b"", None, needed
        return normal, axdr.encode(result), get_block, needed
    needed = Conformance.BLOCK_TRANSFER_WITH_ACTION

    def action_block(block: DataBlock) -> Apdu:
        return ActionResponseBlock(invoke, block)

    if pending.with_list:
        raw = write_returns(response.results)
        return ActionResponseWithList(invoke, response.results), raw, action_block, needed
    single = ActionResponseNormal(invoke, response.results[0])
    return single, write_return(response.results[0]), action_block, needed


def without_returned(pending: Pending, response: Response) -> Apdu | None:
    """How methods ended, without what they returned; None for what is no answer to an ACTION."""
    if not isinstance(response, ActionResponse):
        return None
    missing = DataAccessResult.OTHER_REASON
    ended = tuple(MethodReturn(each.result, missing) for each in response.results)
    if pending.with_list:
        return ActionResponseWithList(pending.invoke, ended)
    return ActionResponseNormal(pending.invoke, ended[0])


def access_answer(pending: Pending, response: AccessResponse) -> AccessResponseApdu:
    """Repeats what was asked, without data, where the request asked for that."""
    asked = response.asked
    if asked is None and pending.invoke & SELF_DESCRIPTIVE:
        asked = tuple(map(without_data, pending.items))
    return AccessResponseApdu(pending.invoke, response.date_time, response.results, asked)


def without_data(item: AccessItem) -> AccessItem:
    """The specification of one part, as a response repeats it."""
    if isinstance(item, AccessSet):
        return AccessSet(item.attribute, NULL)
    if isinstance(item, AccessAction):
        return AccessAction(item.method)
    return AccessGet(item.attribute)


def _set_answer(pending: Pending, response: SetResponse) -> Apdu:
    invoke, results = pending.invoke, response.results
    if pending.with_list:
        if pending.block:
            return SetResponseLastBlockWithList(invoke, results, pending.block)
        return SetResponseWithList(invoke, results)
    if pending.block:
        return SetResponseLastBlock(invoke, results[0], pending.block)
    return SetResponseNormal(invoke, results[0])


def filled(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not items:
        raise Refused(Violation.MALFORMED, "a list without elements")
    return items


def set_request(
    attributes: tuple[AttributeDescriptor, ...], values: tuple[Value, ...]
) -> SetRequest:
    if len(values) != len(attributes):
        raise Refused(Violation.MALFORMED, f"{len(values)} values for {len(attributes)} attributes")
    return SetRequest(attributes, values)


def action_request(
    methods: tuple[MethodDescriptor, ...], values: tuple[Value, ...]
) -> ActionRequest:
    """With list, and in blocks, null-data stands for no parameters."""
    if len(values) != len(methods):
        raise Refused(Violation.MALFORMED, f"{len(values)} parameters for {len(methods)} methods")
    return ActionRequest(
        methods, tuple(None if isinstance(value, NullData) else value for value in values)
    )


def joined_return(raw: bytes) -> MethodReturn:
    """What the blocks of one method's answer hold.

    The standard has Action-Response-With-Optional-Data; gurux servers send the returned Data alone.
    Octets that are one are never the other: Data cannot begin with a result and go on.
    """
    reader = Reader(raw)
    try:
        item = read_return(reader)
        reader.end()
    except ProtocolError:
        return MethodReturn(ActionResult.SUCCESS, axdr.decode(raw))
    return item


def _access(request: AccessRequest, invoke: int) -> AccessRequestApdu:
    """The short invoke id's number and bits, in the long form."""
    long = (invoke & 0x0F) | CONFIRMED
    if request.break_on_error:
        long |= BREAK_ON_ERROR
    if request.self_descriptive:
        long |= SELF_DESCRIPTIVE
    return AccessRequestApdu(long, request.date_time, request.items)


def whole(request: Request, invoke: int) -> tuple[Step, Apdu, bytes | None]:
    """The request as one APDU, and what of it could travel in blocks of its own service."""
    if isinstance(request, GetRequest):
        if len(request.attributes) == 1:
            return Step.GET, GetRequestNormal(invoke, request.attributes[0]), None
        return Step.GET, GetRequestWithList(invoke, request.attributes), None
    if isinstance(request, SetRequest):
        if len(request.attributes) == 1:
            value = request.values[0]
            normal = SetRequestNormal(invoke, request.attributes[0], value)
            return Step.SET, normal, axdr.encode(value)
        several = SetRequestWithList(invoke, request.attributes, request.values)
        return Step.SET, several, write_values(request.values)
    if isinstance(request, AccessRequest):
        return Step.ACCESS, _access(request, invoke), None
    if len(request.methods) == 1:
        parameters = request.parameters[0]
        raw = None if parameters is None else axdr.encode(parameters)
        return Step.ACTION, ActionRequestNormal(invoke, request.methods[0], parameters), raw
    filled = tuple(NULL if part is None else part for part in request.parameters)
    with_list = ActionRequestWithList(invoke, request.methods, filled)
    return Step.ACTION, with_list, write_values(filled)


def blocks_of(
    request: Request, invoke: int
) -> tuple[Conformance, Callable[[DataBlock], Apdu] | None, tuple[Step, Step]]:
    """What a request in blocks needs, how its first is made, and its step if more follow or not."""
    if isinstance(request, SetRequest):
        attributes, steps = request.attributes, (Step.SET_FIRST_BLOCK, Step.SET)
        needed = Conformance.BLOCK_TRANSFER_WITH_SET
        if len(attributes) == 1:
            return needed, lambda block: SetRequestFirstBlock(invoke, attributes[0], block), steps
        return needed, lambda block: SetRequestWithListFirstBlock(invoke, attributes, block), steps
    if isinstance(request, ActionRequest):
        methods, steps = request.methods, (Step.ACTION_FIRST_BLOCK, Step.ACTION)
        needed = Conformance.BLOCK_TRANSFER_WITH_ACTION
        if len(methods) == 1:
            return needed, lambda block: ActionRequestFirstBlock(invoke, methods[0], block), steps
        return needed, lambda block: ActionRequestWithListFirstBlock(invoke, methods, block), steps
    return Conformance(0), None, (Step.GET, Step.GET)
