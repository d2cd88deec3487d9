"""Translates requests into orders, and what became of them into answers.

The answer to an acceptance is composed inside the transaction that stores the orders, so that the
same message sent again gets the same octets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from headend.config import OrderPolicy
from headend.domain.order import LIMITS, Kind, Order
from headend.orders.accept import (
    Acceptance,
    Accepted,
    Conflict,
    Overloaded,
    Repeated,
    Submission,
    Wish,
)
from headend.orders.settle import Settling, result_message
from headend.orders.withdraw import Withdrawal, Withdrawn
from headend.ports import Chance, Clock, Store, StoreUnavailable, Transaction
from headend.soap.answers import first_answer, order_error
from headend.soap.server import OUR_NAME
from protocols.cim import envelope, replies, xml
from protocols.cim.codes import Level, Result
from protocols.cim.control_request import Control, ControlRequest, Verb
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.replies import Stamp
from protocols.cim.results import ORDER, reply_to_all

ANONYMOUS = "unknown"  # Header/Source is optional in the standard


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """The desk behind the SOAP door (`headend.soap.server.Desk`)."""

    acceptance: Acceptance
    withdrawal: Withdrawal
    settling: Settling
    store: Store
    clock: Clock
    chance: Chance
    policy: OrderPolicy

    async def submit(self, request: ControlRequest, digest: str, octets: bytes) -> bytes:
        match request.verb:
            case Verb.CREATE:
                return await self._create(request, digest, octets)
            case Verb.CHANGE if request.noun == "MeterConfig":
                return await self._create(request, digest, octets)
            case Verb.CHANGE:
                return await self._change(request)
            case Verb.CANCEL | Verb.DELETE | Verb.CLOSE:
                return await self._cancel(request)

    # --- create ----------------------------------------------------------------------------------

    async def _create(self, request: ControlRequest, digest: str, octets: bytes) -> bytes:
        now = self.clock.now()
        submission = Submission(
            source=request.source or ANONYMOUS,
            wishes=tuple(_wishes(request, now)),
            digest=digest,
            request=octets,
            message_id=request.message_id,
            correlation_id=request.correlation_id,
            reply_address=request.reply_address,
            noun=request.noun,
            generic=request.typed is None,
            deadline=request.end_time,
            any_day=request.non_working_day_permitted,
        )

        def compose(transaction_id: str, orders: tuple[Order, ...]) -> bytes:
            stamp = self._stamp(request, now, transaction_id)
            return _octets(
                first_answer(
                    request.noun, stamp, transaction_id, orders, typed=request.typed is not None
                )
            )

        try:
            taken = await self.acceptance.accept(submission, compose)
        except StoreUnavailable as error:
            raise _refused(
                "5.1", "ALMACEN_NO_DISPONIBLE: ninguna orden quedó guardada; repita el mensaje"
            ) from error
        match taken:
            case Accepted():
                if request.async_reply:
                    return taken.answer
                return await self._outcome(request, taken)
            case Repeated():
                return taken.answer
            case Conflict():
                raise _refused(
                    "2.15",
                    "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO: el mismo MessageID llegó antes con otro"
                    " contenido",
                    "MessageID",
                )
            case Overloaded():
                raise _refused("3.2", "COLA_LLENA: hay demasiadas órdenes en espera")

    async def _outcome(self, request: ControlRequest, taken: Accepted) -> bytes:
        """The outcome, if it comes in time; otherwise the acknowledgement.  Either is kept as the
        first answer to the message."""
        numbers = [order.number for order in taken.orders if not order.final]
        if not numbers:
            return taken.answer
        await self.settling.wait_for_end(numbers, self.policy.sync_wait_s)

        def work(tx: Transaction) -> bytes:
            orders = [order for o in taken.orders if (order := tx.order(o.number)) is not None]
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

    # --- change and cancel -----------------------------------------------------------------------

    async def _change(self, request: ControlRequest) -> bytes:
        """Another amount for orders that wait, named by the request's CorrelationID."""
        if request.correlation_id is None:
            raise _refused("1.5", "CORRELACION_FALTA: falta CorrelationID", "CorrelationID")
        match request.controls:
            case [Control(kind="set-limit", amount=asked)] if asked is not None:
                changed = await self.withdrawal.change(
                    source=request.source or ANONYMOUS,
                    correlation_id=request.correlation_id,
                    amount=asked.value,
                    unit=asked.unit,
                )
            case _:
                raise _refused(
                    "1.8", "CAMBIO_NO_ADMITIDO: se puede cambiar el monto de un único control"
                )
        return self._withdrawn(request, changed)

    async def _cancel(self, request: ControlRequest) -> bytes:
        """Gives up orders that wait, named by transaction, by order or by CorrelationID."""
        source = request.source or ANONYMOUS
        if request.targets:
            parts = []
            for target in request.targets:
                if target.object_type == ORDER:
                    if re.fullmatch(r"[0-9]{1,18}", target.value) is None:
                        raise _refused("2.15", "ORDEN_DESCONOCIDA: no es un número de orden", "ID")
                    part = await self.withdrawal.cancel(source=source, number=int(target.value))
                elif target.kind in (None, "transaction", "uuid"):
                    part = await self.withdrawal.cancel(source=source, transaction_id=target.value)
                else:
                    raise _refused("2.15", "ID_NO_ADMITIDO: se espera kind=transaction", "ID")
                parts.append(part)
            done = tuple(order for part in parts for order in part.done)
            late = tuple(order for part in parts for order in part.too_late)
            return self._withdrawn(request, Withdrawn(done, late))
        if request.correlation_id is None:
            raise _refused("1.6", "OBJETIVO_FALTA: falta ID o CorrelationID", "CorrelationID")
        withdrawn = await self.withdrawal.cancel(
            source=source, correlation_id=request.correlation_id
        )
        return self._withdrawn(request, withdrawn)

    def _withdrawn(self, request: ControlRequest, withdrawn: Withdrawn) -> bytes:
        named = (*withdrawn.done, *withdrawn.too_late)
        if not named:
            raise _refused("2.15", "ORDEN_DESCONOCIDA: ninguna orden con ese identificador")
        errors = [
            order_error(order, "5.2", f"DEMASIADO_TARDE: la orden está {order.state}")
            for order in withdrawn.too_late
        ]
        result = Result.OK if not errors else Result.PARTIAL if withdrawn.done else Result.FAILED
        if result is Result.PARTIAL:
            errors.insert(0, ReplyError("0.2", level=Level.WARNING))
        transaction = named[0].transaction_id
        stamp = self._stamp(request, self.clock.now(), transaction)
        return _octets(
            replies.reply(
                request.noun, stamp, result, errors, transaction, typed=request.typed is not None
            )
        )

    def _stamp(self, request: ControlRequest, at: datetime, transaction_id: str) -> Stamp:
        return Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=at,
            correlation_id=request.correlation_id or request.message_id or transaction_id,
        )


def _wishes(request: ControlRequest, now: datetime) -> Iterable[Wish]:
    """One wish for each meter of each control, in their order.  Raises `RequestRefused`."""
    for control in request.controls:
        kind = Kind(control.kind)
        if control.emergency:
            raise _refused(
                "5.2",
                "LIMITE_DE_EMERGENCIA_NO_ADMITIDO: el perfil de emergencia no se ordena aquí",
                "EndDeviceControlType",
            )
        if control.end is not None and kind not in LIMITS:
            raise _refused(
                "1.8",
                "PLAZO_NO_ADMITIDO: sólo un límite puede tener fin",
                "primaryDeviceTiming",
            )
        if control.end is not None and control.end <= now:
            raise _refused("4.1", "PLAZO_VENCIDO: el fin del límite ya pasó", "primaryDeviceTiming")
        for meter in control.meters:
            yield _wish(control, kind, meter, request.start_time)


def _wish(control: Control, kind: Kind, meter: MeterRef, start: datetime | None) -> Wish:
    wish = Wish(meter.value, kind, start=control.start or start, until=control.end)
    if control.amount is None:
        return wish
    return replace(wish, amount=control.amount.value, unit=str(control.amount.unit))


def _refused(code: str, details: str, xpath: str | None = None) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))


def _octets(message: Message) -> bytes:
    return xml.serialize(envelope.write(message))
