"""The registry's desk: create, change and delete of the Config nouns, each message once.

A message is one transaction with its answer.  Within it each object stands for itself: what the
registry refuses is told with the object's ID and leaves nothing behind, the others are done
(PARTIAL).  Who wants all or none sends an OperationSet.

With AsyncReplyFlag the message is acknowledged, and what came of it follows to its ReplyAddress, or
on the queue: it is kept with its effect.  A limit in `change MeterConfig` is an order and goes to
the orders' desk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from headend.access import lines
from headend.domain.account import Permission
from headend.domain.order import Order
from headend.orders.inbox import Inbox, Received, Repeated
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, Transaction
from headend.registry.lives import By, NotTaken
from headend.soap.desks import Call, Desk, Done, Operating, Operation
from headend.soap.door.admission import OUR_NAME
from headend.soap.outbound.messages import kept
from headend.soap.reading.later import stream_of, told_later
from headend.soap.registry import told as t
from headend.soap.registry.acts import Act, Came
from headend.soap.registry.device_said import no_limits
from headend.soap.registry.judging import Clerk, acts_of, check_header, is_order
from headend.soap.registry.refusals import refused, told
from headend.soap.replying import octets
from headend.soap.taking import taken_in
from protocols.cim import exchange, xml
from protocols.cim.codes import Level, Result
from protocols.cim.envelope import Header, Message
from protocols.cim.errors import Identifier, ReplyError, RequestRefused
from protocols.cim.replies import ACKNOWLEDGEMENT, Stamp

OBJECTS_MAX: Final = 1_000  # of one message: a transaction of some seconds
VERBS: Final = ("create", "change", "delete")
ANONYMOUS: Final = "unknown"  # Header/Source is optional in the standard
BY_SOAP: Final = "soap"  # where the audit log says that it came from


@dataclass(frozen=True, slots=True)
class _Work:
    """A message, judged: its acts, and what about its objects is refused already."""

    header: Header
    acts: tuple[Act, ...]
    errors: tuple[ReplyError, ...]
    set_aside: tuple[str, ...]

    @property
    def source(self) -> str:
        return self.header.source or ANONYMOUS


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a message in its transaction."""

    came: tuple[Came, ...]
    errors: tuple[ReplyError, ...]
    passed_over: tuple[str, ...]

    @property
    def orders(self) -> Iterable[Order]:
        return (order for each in self.came for order in each.orders)

    @property
    def result(self) -> Result:
        if not self.errors:
            return Result.OK
        return Result.PARTIAL if self.came else Result.FAILED


@dataclass(frozen=True, slots=True)
class RegistryDesk:
    """Takes what the commercial system tells of the registry.  `clerks` know the nouns, `orders`
    takes limits, `posted` is told when a reply is to leave."""

    inbox: Inbox
    clerks: Mapping[str, Clerk]
    settling: Settling
    clock: Clock
    chance: Chance
    orders: Desk
    posted: Callable[[], None]

    async def answer(self, call: Call) -> bytes:
        """As `headend.soap.desks.Desk`."""
        if is_order(call.message):
            return await self.orders.answer(call)
        work = self._judged(call)
        header = work.header
        received = Received(work.source, header.message_id, call.digest, call.octets)

        def effect(tx: Transaction, transaction_id: str) -> tuple[_Outcome, bytes]:
            outcome = self._carried_out(tx, work)
            if outcome.result is Result.FAILED:
                raise RequestRefused(*outcome.errors)
            reply = self._reply(call.message, outcome, transaction_id)
            if not header.async_reply:
                return outcome, octets(reply)
            later = told_later(reply, transaction_id)
            tx.post_outbound(kept(later, stream_of(transaction_id), header.reply_address))
            stamp = self._stamp(header, transaction_id)
            ids = (Identifier(transaction_id, "transaction"),)
            taken_ = exchange.answer(call.message, stamp, Result.OK, [ACKNOWLEDGEMENT], ids=ids)
            return outcome, octets(taken_)

        taken = await taken_in(self.inbox, received, effect)
        if not isinstance(taken, Repeated):
            self.settling.announce(taken.effect.orders)
            self.posted()
        return taken.answer

    def operation(self, call: Call) -> Operation:
        """As `headend.soap.desks.Operating`."""
        if is_order(call.message):
            assert isinstance(self.orders, Operating)
            return self.orders.operation(call)
        work = self._judged(call)

        def effect(tx: Transaction, transaction_id: str) -> Done:
            outcome = self._carried_out(tx, work)
            return Done(
                errors=outcome.errors,
                partly=outcome.result is Result.PARTIAL,
                kept=lambda: self.settling.announce(outcome.orders),
            )

        return effect

    def _judged(self, call: Call) -> _Work:
        """What the message asks for, by itself alone.  Raises `RequestRefused`."""
        header = call.message.header
        assert header is not None
        check_header(call.message, header)
        records = exchange.content(call.message)
        for record in records:
            t.no_secrets(record)
            no_limits(record)
        acts: list[Act] = []
        errors: list[ReplyError] = []
        for record in records:
            for act in acts_of(self.clerks[header.noun], header.verb, record, errors):
                acts.append(act)
        if not acts and not errors:
            raise refused("1.7", "CONTENIDO_FALTA: el mensaje no trae objetos", xpath="Payload")
        if len(acts) + len(errors) > OBJECTS_MAX:
            details = f"DEMASIADOS_OBJETOS: se admiten {OBJECTS_MAX} por mensaje"
            raise refused("3.1", details, xpath="Payload")
        if not acts:
            raise RequestRefused(*errors)
        return _Work(header, tuple(acts), tuple(errors), call.set_aside)

    def _carried_out(self, tx: Transaction, work: _Work) -> _Outcome:
        now = self.clock.now()
        came: list[Came] = []
        errors = list(work.errors)
        for act in work.acts:
            try:
                came.append(tx.attempt(partial(self._one, tx, act, work, now)))
            except RequestRefused as refused_:
                errors += refused_.errors
            except NotTaken as error:
                errors += told(error, act.at).errors
        passed_over = (name for each in came for name in each.passed_over)
        return _Outcome(
            tuple(came), tuple(errors), tuple(dict.fromkeys((*passed_over, *work.set_aside)))
        )

    def _one(self, tx: Transaction, act: Act, work: _Work, now: datetime) -> Came:
        """Do it, with its line in the audit log, as REST writes it."""
        came = act.do(tx, By(work.source, now, xml.clean(act.why, 500)))
        if came.told:
            header = work.header
            said = f"{header.verb} {header.noun}: {came.told}"
            if act.why:
                said += f": {act.why}"
            write = Permission.REGISTRY_WRITE
            tx.add_audit(lines.done(now, work.source, write, came.about, said, source=BY_SOAP))
        return came

    def _stamp(self, header: Header, transaction_id: str) -> Stamp:
        return Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=header.correlation_id or header.message_id or transaction_id,
        )

    def _reply(self, to: Message, outcome: _Outcome, transaction_id: str) -> Message:
        assert to.header is not None
        stamp = self._stamp(to.header, transaction_id)
        errors = outcome.errors
        if outcome.result is Result.PARTIAL:
            errors = (ReplyError("0.2", level=Level.WARNING), *errors)
        if outcome.passed_over:
            names = ", ".join(xml.clean(name, 60) for name in outcome.passed_over[:10])
            details = f"NO_GUARDADO: {names}"
            errors = (ReplyError("0.0", details, level=Level.INFORM), *errors)
        ids = (Identifier(transaction_id, "transaction"),)
        return exchange.answer(to, stamp, outcome.result, errors, ids=ids)
