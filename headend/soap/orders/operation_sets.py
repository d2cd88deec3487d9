"""OperationSet: several requests in one message and one transaction (IEC 61968-100:2013, 7.7).

They are done in their order.  `enforceTransactionalIntegrity` makes them all or none: one that
cannot be done in full undoes the others, which are told 5.9.  `enforceMsgSequence` has nothing done
behind one that failed; without either, each stands for itself.  What each came to is told by errors
with its operationId; a set is never waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from headend.orders.accept import Overloaded
from headend.orders.inbox import Inbox, Received, Repeated
from headend.ports import Chance, Clock, Transaction
from headend.soap.desks import Call, Desk, Done, Operating, Operation
from headend.soap.door.admission import OUR_NAME
from headend.soap.taking import FULL, taken_in
from protocols.cim import envelope, extensions, schema, xml
from protocols.cim import operations as sets
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Message, Payload, Reply
from protocols.cim.errors import Identifier, ReplyError, RequestRefused
from protocols.cim.operations import OperationSet
from protocols.cim.replies import ACKNOWLEDGEMENT, Stamp

OPERATION_SET = "OperationSet"
EXECUTE = "execute"
_ABORTED = ReplyError("5.9", "OPERACION_DESHECHA: otra operación del conjunto no pudo hacerse")
_NOT_TRIED = ReplyError("5.2", "OPERACION_NO_INTENTADA: una anterior no pudo hacerse")


class _Undone(Exception):
    """One could not be done, and all or none are wanted."""

    def __init__(self, errors: Sequence[ReplyError]) -> None:
        super().__init__("a set is undone")
        self.errors = errors


def calls_of(call: Call) -> list[tuple[int, Call | RequestRefused]]:
    """Each operation as a call of its own, under the set's Header, or why it is none.

    A noun or a verb that an operation leaves out is the Header's.  Raises `RequestRefused` (1.7)
    for a set of nothing, and for content beside it.
    """
    message = call.message
    payload = message.payload
    found = None if payload is None else payload.operations
    if payload is None or found is None or not found.operations or _beside(payload):
        details = "OPERACIONES_FALTAN: se espera un OperationSet y nada más"
        raise RequestRefused(ReplyError("1.7", details, xpath=OPERATION_SET))
    return [(operation.id, _call(call, operation)) for operation in found.operations]


def _beside(payload: Payload) -> bool:
    """Whether there is content besides the set.  The schema of a typed message has its noun's
    element there, empty."""
    return bool(payload.ids) or any(len(element) for element in payload.content)


def _call(call: Call, operation: sets.Operation) -> Call | RequestRefused:
    header = call.message.header
    assert header is not None
    verb, noun = operation.verb or header.verb, operation.noun or header.noun
    if noun == OPERATION_SET or verb == EXECUTE:
        details = "OPERACION_INCOMPLETA: faltan noun o verb"
        return RequestRefused(ReplyError("1.7", details, xpath="Operation"))
    if operation.element_operation:
        details = "OPERACION_PARCIAL_NO_ADMITIDA: elementOperation"
        return RequestRefused(ReplyError("1.8", details, xpath="elementOperation"))
    aside: tuple[str, ...] = ()
    content = () if operation.content is None else (operation.content,)
    try:
        for element in content:
            aside += extensions.taken_out(element)
            schema.check_content(element)
    except RequestRefused as refused:
        return refused
    message = replace(
        call.message,
        header=replace(header, verb=verb, noun=noun),
        payload=Payload(content=content),
    )
    return replace(call, message=message, set_aside=(*call.set_aside, *aside))


@dataclass(frozen=True, slots=True)
class SetDesk:
    """Takes OperationSets.  `desk_of` finds who answers a verb and a noun."""

    inbox: Inbox
    clock: Clock
    chance: Chance
    desk_of: Callable[[str, str], Desk]

    async def answer(self, call: Call) -> bytes:
        """As `headend.soap.desks.Desk`."""
        header = call.message.header
        assert header is not None and call.message.payload is not None
        wanted = call.message.payload.operations
        works = [(number, self._work(each)) for number, each in calls_of(call)]
        assert wanted is not None
        refused = [error for number, work in works if isinstance(work, RequestRefused)
                   for error in _told(number, work.errors)]  # fmt: skip
        if refused and wanted.all_or_none:
            raise RequestRefused(*refused, *_others(works, refused))
        received = Received(header.source or "unknown", header.message_id, call.digest, call.octets)

        def effect(tx: Transaction, transaction_id: str) -> tuple[list[Done], bytes]:
            done, errors = _carried_out(tx, transaction_id, works, wanted)
            return done, self._reply(call, transaction_id, done, errors)

        try:
            taken = await taken_in(self.inbox, received, effect)
        except _Undone as undone:
            raise RequestRefused(*undone.errors, *_others(works, undone.errors)) from undone
        if not isinstance(taken, Repeated):
            for each in taken.effect:
                each.kept()
        return taken.answer

    def _work(self, call: Call | RequestRefused) -> Operation | RequestRefused:
        if isinstance(call, RequestRefused):
            return call
        header = call.message.header
        assert header is not None
        desk = self.desk_of(header.verb, header.noun)
        if not isinstance(desk, Operating):
            what = xml.clean(f"{header.verb} {header.noun}", 100)
            details = f"OPERACION_NO_ADMITIDA: {what} no puede ir en un OperationSet"
            return RequestRefused(ReplyError("2.9", details, xpath="Operation"))
        try:
            return desk.operation(call)
        except RequestRefused as refused:
            return refused

    def _reply(
        self, call: Call, transaction_id: str, done: list[Done], errors: list[ReplyError]
    ) -> bytes:
        header = call.message.header
        assert header is not None
        stamp = Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=header.correlation_id or header.message_id or transaction_id,
        )
        result, told = Result.OK, [ACKNOWLEDGEMENT]
        if errors and done:
            result, told = Result.PARTIAL, [ReplyError("0.1", level=Level.WARNING), *errors]
        elif errors:
            result, told = Result.FAILED, errors
        ids = (Identifier(transaction_id, "transaction"), *(i for each in done for i in each.ids))
        return xml.serialize(envelope.write(_message(call.message, stamp, result, told, ids)))


def _message(
    to: Message,
    stamp: Stamp,
    result: Result,
    errors: Sequence[ReplyError],
    ids: Sequence[Identifier],
) -> Message:
    assert to.header is not None
    return Message(
        kind=envelope.Kind.RESPONSE,
        typed=to.typed,
        header=envelope.Header(
            verb="reply",
            noun=to.header.noun,
            timestamp=stamp.at,
            source=stamp.source,
            message_id=stamp.message_id,
            correlation_id=stamp.correlation_id,
        ),
        reply=Reply(result=result, errors=tuple(errors), ids=tuple(ids)),
    )


Works = list[tuple[int, Operation | RequestRefused]]


def _carried_out(
    tx: Transaction, transaction_id: str, works: Works, wanted: OperationSet
) -> tuple[list[Done], list[ReplyError]]:
    """Raises `_Undone` where all or none are wanted and one cannot be done."""
    done: list[Done] = []
    errors: list[ReplyError] = []
    for number, work in works:
        if errors and wanted.in_sequence:
            errors += _told(number, [_NOT_TRIED])
            continue
        came = _one(tx, transaction_id, work)
        errors += _told(number, came.errors)
        if came.errors and wanted.all_or_none:
            raise _Undone(errors)
        if came.partly or not came.errors:
            done.append(came)
    return done, errors


def _one(tx: Transaction, transaction_id: str, work: Operation | RequestRefused) -> Done:
    if isinstance(work, RequestRefused):
        return Done(errors=work.errors)
    try:
        return tx.attempt(lambda: work(tx, transaction_id))
    except RequestRefused as refused:
        return Done(errors=refused.errors)
    except Overloaded:
        return Done(errors=(FULL,))


def _told(number: int, errors: Sequence[ReplyError]) -> list[ReplyError]:
    return [replace(error, operation=number) for error in errors]


def _others(works: Works, errors: Sequence[ReplyError]) -> list[ReplyError]:
    """What the other operations are told where one undid them."""
    named = {error.operation for error in errors}
    return [replace(_ABORTED, operation=number) for number, _ in works if number not in named]
