"""Translates requests into orders, and what became of them into answers.

The answer is composed inside the transaction that keeps the message with its effect, so that the
same message sent again gets the same octets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from headend.config import OrderPolicy
from headend.domain.order import LIMITS, LOADS, Kind
from headend.orders.accept import Acceptance, Accepted, Submission, Wish
from headend.orders.inbox import Inbox, Received, Repeated, Taken
from headend.orders.rules import GIVING_BACK
from headend.orders.settle import Settling, result_message
from headend.orders.withdraw import Withdrawal, Withdrawn
from headend.ports import Chance, Clock, Store, StoreUnavailable, Transaction
from headend.soap.desks import Call, Done, Operation
from headend.soap.door.admission import OUR_NAME
from headend.soap.orders.answers import first_answer
from headend.soap.orders.withdrawals import changed_limit, targets_of, withdrawn_answer
from headend.soap.taking import taken_in
from protocols.cim import control_request, envelope, xml
from protocols.cim.codes import Result
from protocols.cim.control_request import Control, ControlRequest, Verb
from protocols.cim.control_types import STANDARD, Vocabulary
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.replies import Stamp
from protocols.cim.results import reply_to_all

ANONYMOUS = "unknown"  # Header/Source is optional in the standard


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Takes orders, their changes and their withdrawals.  `vocabulary` adds a utility's own control
    types to the standard's."""

    inbox: Inbox
    acceptance: Acceptance
    withdrawal: Withdrawal
    settling: Settling
    store: Store
    clock: Clock
    chance: Chance
    policy: OrderPolicy
    vocabulary: Vocabulary = STANDARD
    _outcomes: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)  # awaited

    async def answer(self, call: Call) -> bytes:
        """As `headend.soap.desks.Desk`.  Nothing of an order is passed over: what a message carries
        besides its profile might say whom it is for."""
        return await self.submit(self._read(call), call.digest, call.octets)

    def _read(self, call: Call) -> ControlRequest:
        if call.set_aside:
            names = ", ".join(xml.clean(name, 60) for name in call.set_aside[:3])
            raise _refused("1.8", f"ELEMENTO_AJENO: {names}", "Payload")
        return control_request.read(call.message, self.vocabulary, now=self.clock.now())

    async def submit(self, request: ControlRequest, digest: str, octets: bytes) -> bytes:
        message = Received(request.source or ANONYMOUS, request.message_id, digest, octets)
        now = self.clock.now()

        def effect(tx: Transaction, transaction_id: str) -> tuple[Accepted | Withdrawn, bytes]:
            done, answer = self._effect(tx, request, transaction_id, now)
            return done, _octets(answer)

        taken = await taken_in(self.inbox, message, effect)
        if isinstance(taken, Repeated):
            return await self._first_answer(taken)
        return await self._follow_up(request, taken)

    def operation(self, call: Call) -> Operation:
        """As `headend.soap.desks.Operating`."""
        request = self._read(call)
        now = self.clock.now()

        def effect(tx: Transaction, transaction_id: str) -> Done:
            done, answer = self._effect(tx, request, transaction_id, now)
            assert answer.reply is not None
            return Done(
                errors=tuple(e for e in answer.reply.errors if not e.code.startswith("0.")),
                partly=answer.reply.result is Result.PARTIAL,
                kept=lambda: self._announce(done),
            )

        return effect

    def _announce(self, done: Accepted | Withdrawn) -> None:
        if isinstance(done, Withdrawn):
            self.withdrawal.announce(done)
        else:
            self.acceptance.announce(done)

    def _effect(
        self, tx: Transaction, request: ControlRequest, transaction_id: str, now: datetime
    ) -> tuple[Accepted | Withdrawn, Message]:
        """What a message brings about that was not here before, and the answer to it."""
        match request.verb:
            case Verb.CREATE:
                return self._create(tx, request, transaction_id, now)
            case Verb.CHANGE if request.noun == "MeterConfig":
                return self._create(tx, request, transaction_id, now)
            case Verb.CHANGE:
                target, one, asked = changed_limit(request)
                changed = self.withdrawal.change(
                    tx,
                    target,
                    source=request.source or ANONYMOUS,
                    at=now,
                    meters=[meter.value for meter in one.meters],
                    amount=asked.value,
                    unit=str(asked.unit),
                )
                return self._withdrawn(request, changed, now)
            case Verb.CANCEL | Verb.DELETE | Verb.CLOSE:
                cancelled = self.withdrawal.cancel(
                    tx,
                    targets_of(request),
                    source=request.source or ANONYMOUS,
                    at=now,
                    meters=[meter.value for meter in request.meters] or None,
                )
                return self._withdrawn(request, cancelled, now)

    def _create(
        self, tx: Transaction, request: ControlRequest, transaction_id: str, now: datetime
    ) -> tuple[Accepted, Message]:
        submission = Submission(
            source=request.source or ANONYMOUS,
            wishes=tuple(_wishes(request, now)),
            message_id=request.message_id,
            correlation_id=request.correlation_id,
            reply_address=request.reply_address,
            noun=request.noun,
            generic=request.typed is None,
            deadline=request.end_time,
            any_day=request.non_working_day_permitted,
        )
        accepted = self.acceptance.accept(tx, submission, transaction_id, at=now)
        stamp = self._stamp(request, now, transaction_id)
        typed = request.typed is not None
        answer = first_answer(request.noun, stamp, transaction_id, accepted.orders, typed=typed)
        return accepted, answer

    def _withdrawn(
        self, request: ControlRequest, withdrawn: Withdrawn, now: datetime
    ) -> tuple[Withdrawn, Message]:
        if withdrawn.transaction_id is None:
            raise _refused("2.15", "ORDEN_DESCONOCIDA: ninguna orden con ese identificador")
        stamp = self._stamp(request, now, withdrawn.transaction_id)
        answer = withdrawn_answer(request, withdrawn, withdrawn.transaction_id, stamp)
        return withdrawn, answer

    async def _follow_up(
        self, request: ControlRequest, taken: Taken[Accepted | Withdrawn]
    ) -> bytes:
        """What is due once message and effect are kept; the answer."""
        match taken.effect:
            case Withdrawn() as withdrawn:
                self._announce(withdrawn)
                return taken.answer
            case Accepted() as accepted:
                self._announce(accepted)
                if request.async_reply:
                    return taken.answer
                outcome = asyncio.get_running_loop().create_future()
                self._outcomes[taken.transaction_id] = outcome
                try:
                    answer = await self._outcome(request, accepted, taken)
                    outcome.set_result(answer)
                    return answer
                finally:
                    outcome.cancel()
                    del self._outcomes[taken.transaction_id]

    async def _first_answer(self, repeated: Repeated) -> bytes:
        """What the message was told when it first came, or will be told where that still waits."""
        outcome = self._outcomes.get(repeated.transaction_id)
        if outcome is None:
            return repeated.answer
        await asyncio.wait([outcome])  # unlike `await`, does not cancel it for the others
        return repeated.answer if outcome.cancelled() else outcome.result()

    async def _outcome(
        self, request: ControlRequest, accepted: Accepted, taken: Taken[Accepted | Withdrawn]
    ) -> bytes:
        """The outcome, if it comes in time; otherwise the acknowledgement.  Either is kept as the
        first answer to the message."""
        numbers = [order.number for order in accepted.orders if not order.final]
        if not numbers:
            return taken.answer
        await self.settling.wait_for_end(numbers, self.policy.sync_wait_s)

        def work(tx: Transaction) -> bytes:
            orders = [o for order in accepted.orders if (o := tx.order(order.number)) is not None]
            if not all(order.final for order in orders):
                return taken.answer
            stamp = self._stamp(request, self.clock.now(), taken.transaction_id)
            ends = [
                result_message(order, stamp.message_id, order.ended_at or stamp.at, "reply")
                for order in orders
            ]
            answer = _octets(reply_to_all(ends, stamp))
            tx.set_answer(taken.transaction_id, answer)
            return answer

        try:
            return await self.store.run(work)
        except StoreUnavailable:  # the orders are kept; only their outcome cannot be told now
            return taken.answer

    def _stamp(self, request: ControlRequest, at: datetime, transaction_id: str) -> Stamp:
        return Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=at,
            correlation_id=request.correlation_id or request.message_id or transaction_id,
        )


def _wishes(request: ControlRequest, now: datetime) -> Iterable[Wish]:
    """One wish for each meter of each control, in their order.  Raises `RequestRefused`."""
    if request.end_time is not None and request.end_time <= now:
        raise _refused("4.1", "PLAZO_VENCIDO: el plazo de la orden ya pasó", "EndTime")
    for control in request.controls:
        kind = Kind(control.kind)
        pressed = request.until_pressed and kind in GIVING_BACK
        if control.emergency:
            raise _refused(
                "5.2",
                "LIMITE_DE_EMERGENCIA_NO_ADMITIDO: el perfil de emergencia no se ordena aquí",
                "EndDeviceControlType",
            )
        if control.end is not None and kind not in LIMITS | LOADS:
            raise _refused(
                "1.8",
                "PLAZO_NO_ADMITIDO: sólo un límite o el control de una carga puede tener fin",
                "primaryDeviceTiming",
            )
        if control.end is not None and control.end <= now:
            raise _refused("4.1", "PLAZO_VENCIDO: el fin pedido ya pasó", "primaryDeviceTiming")
        start = control.start or request.start_time
        if start is not None and any(
            end is not None and end <= start for end in (control.end, request.end_time)
        ):
            raise _refused(
                "1.8",
                "PLAZO_INVALIDO: la orden debería empezar cuando su plazo ya terminó",
                "primaryDeviceTiming",
            )
        for meter in control.meters:
            wish = _wish(control, kind, meter, request.start_time)
            yield replace(wish, until_pressed=pressed)


def _wish(control: Control, kind: Kind, meter: MeterRef, start: datetime | None) -> Wish:
    wish = Wish(meter.value, kind, start=control.start or start, until=control.end)
    if control.amount is None:
        return wish
    return replace(wish, amount=control.amount.value, unit=str(control.amount.unit))


def _refused(code: str, details: str, xpath: str | None = None) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))


def _octets(message: Message) -> bytes:
    return xml.serialize(envelope.write(message))
