"""The end of an order: outcome, journal and outgoing messages in one transaction.

Whatever crashes, an order that is final has its messages in the outbox, and one that is not has
none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headend.config import OrderPolicy
from headend.domain.change import Change, ChangeKind
from headend.domain.evidence import Evidence
from headend.domain.order import (
    LOADS,
    OPPOSITE,
    OWN,
    PRIORITY,
    READY,
    Kind,
    Order,
    State,
    ValueRead,
)
from headend.domain.reading import Reading
from headend.domain.reason import REASONS, ReasonCode
from headend.orders.security import security_line
from headend.ports import Chance, Outgoing, Standing, Transaction
from protocols.commercial import messages as commercial
from protocols.concentrator.demand import DemandRead


@dataclass(slots=True)
class Settling:
    """Ends orders, posts what the commercial side is owed, and tells who waits for an end.

    `following` is done in the transaction that ends an order: what must come of it, or not be.
    """

    chance: Chance
    policy: OrderPolicy
    wake_outbox: Callable[[], None]
    following: list[Callable[[Transaction, Order, datetime], None]] = field(default_factory=list)
    _waiting: dict[int, set[asyncio.Event]] = field(default_factory=dict)

    def end(
        self,
        tx: Transaction,
        order: Order,
        state: State,
        *,
        at: datetime,
        cause: str,
        reason: ReasonCode | None = None,
        value_read: ValueRead | None = None,
        evidence: tuple[Evidence, ...] = (),
        before: ValueRead | None = None,
        attempt: int | None = None,
        readings: tuple[Reading, ...] = (),
    ) -> Order:
        """Move an order to a final state and post its messages."""
        unknown = reason is ReasonCode.EFFECT_NOT_KNOWN
        armed = value_read is not None and value_read.control_state == READY
        looks = unknown or (state is State.DONE and armed)  # whether a hand has been there
        ended = order.to(
            state,
            reason=reason,
            value_read=value_read or order.value_read,
            evidence=evidence or order.evidence,
            readings=readings,
            ended_at=at,
            verify_at=at + timedelta(seconds=self.policy.verify_first_s) if looks else None,
        )
        tx.save_order(ended, at=at, cause=cause, attempt=attempt)
        if (line := security_line(ended, at)) is not None:
            tx.add_audit(line)
        tx.tell(Change(ChangeKind.ORDER, state, at, order.number, order.meter))
        self.post(tx, ended, at)
        if state is State.DONE:
            self.promise_end(tx, ended, before, at)
        for follow in self.following:
            follow(tx, ended, at)
        return ended

    def post(self, tx: Transaction, order: Order, at: datetime) -> None:
        """Put the reply to a final order into the outbox and, on success, the event behind it.

        What is the head-end's own affair owes nobody: whoever wants a read's values asks the store.
        """
        if order.kind in OWN:
            return
        self._post(tx, order, at, "reply")
        if order.state is State.DONE:
            self._post(tx, order, at, "event")

    def report_finding(self, tx: Transaction, order: Order, at: datetime, note: str) -> None:
        """Tell the commercial side what came to light about an order after its end."""
        self._post(tx, order, at, "event", note)

    def announce(self, orders: Iterable[Order | Standing]) -> None:
        """Call after the transaction is kept: wakes the outbox and whoever waits for an end."""
        any_order = False
        for order in orders:
            any_order = True
            for event in self._waiting.pop(order.number, ()):
                event.set()
        if any_order:
            self.wake_outbox()

    async def wait_for_end(self, numbers: Iterable[int], timeout_s: float) -> None:
        """Return when these orders have ended in this process, or after `timeout_s`.  Whoever asks
        must have looked into the store before, and looks again after."""
        events = []
        for number in numbers:
            event = asyncio.Event()
            self._waiting.setdefault(number, set()).add(event)
            events.append((number, event))
        try:
            async with asyncio.timeout(timeout_s):
                for _, event in events:
                    await event.wait()
        except TimeoutError:
            pass
        finally:
            for number, event in events:
                if (waiting := self._waiting.get(number)) is not None:
                    waiting.discard(event)
                    if not waiting:
                        del self._waiting[number]

    def promise_end(
        self, tx: Transaction, order: Order, before: ValueRead | None, at: datetime
    ) -> None:
        """Queue the order that ends what is bound in time: of a limit by putting the earlier one
        back, of a load by switching it the other way.

        Where nobody read the earlier one, the limit is lifted: a bounded one must not stay.
        """
        if order.kind in LOADS:
            self._promise_load(tx, order, at)
            return
        if order.until is None or (before is None and order.kind is not Kind.SET_LIMIT):
            return
        earlier = before or ValueRead()
        no_limit = earlier.limit is None
        end = replace(
            order,
            kind=Kind.REMOVE_LIMIT if no_limit else Kind.SET_LIMIT,
            amount=earlier.limit,
            unit=None if no_limit else earlier.unit,
            priority=PRIORITY[Kind.SET_LIMIT],
        )
        self._promise(tx, order, end, at, "limit")

    def _promise_load(self, tx: Transaction, order: Order, at: datetime) -> None:
        """What was promised of an earlier switching no longer holds: this one took effect since."""
        for old in tx.open_orders_of_meter(order.meter):
            waits = old.kind in LOADS and old.restores is not None and old.state is State.QUEUED
            if waits and old.ready_at > at:
                reason, cause = ReasonCode.SUPERSEDED, f"superseded by order {order.number}"
                self.end(tx, old, State.CANCELLED, at=at, cause=cause, reason=reason)
        if order.until is not None:
            end = replace(order, kind=OPPOSITE[order.kind])
            self._promise(tx, order, end, at, "switching")

    def _promise(self, tx: Transaction, order: Order, end: Order, at: datetime, what: str) -> None:
        assert order.until is not None
        promised = replace(
            end,
            number=tx.next_order_number(),
            accepted_at=at,
            ready_at=order.until,
            not_before=order.until,
            deadline=order.until + timedelta(seconds=self.policy.deadline_s),
            until=None,
            state=State.QUEUED,
            any_day=True,
            attempts=0,
            tries=0,
            commanded=0,
            not_after=None,
            reason=None,
            value_read=None,
            evidence=(),
            ended_at=None,
            verify_at=None,
            restores=order.number,
        )
        story = (
            (State.RECEIVED, f"ends the {what} of order {order.number}; allowed on any day"),
            (State.QUEUED, f"waits for {order.until:%Y-%m-%d %H:%M:%S}Z"),
        )
        tx.add_order(promised, story)

    def _post(
        self,
        tx: Transaction,
        order: Order,
        at: datetime,
        kind: str,
        note: str | None = None,
    ) -> None:
        for channel, address in channels_of(order.reply_address):
            message_id = self.chance.uuid()
            tx.post(
                Outgoing(
                    message_id=message_id,
                    order=order.number,
                    channel=channel,
                    kind=kind,
                    created_at=at,
                    body=commercial.encode(result_message(order, message_id, at, kind, note)),
                    address=address,
                    not_before=at,
                )
            )


def channels_of(reply_address: str | None) -> list[tuple[str, str | None]]:
    """The ways by which an order's messages leave, each with its address where it has one."""
    channels: list[tuple[str, str | None]] = [("queue", None), ("legacy", None)]
    if reply_address:
        channels.append(("soap", reply_address))
    return channels


def result_message(
    order: Order, message_id: str, at: datetime, kind: str, note: str | None = None
) -> commercial.ResultMessage:
    """What the commercial side is told of an order."""
    return commercial.ResultMessage(
        message_id=message_id,
        kind="event" if kind == "event" else "reply",
        at=at,
        order=order.number,
        transaction_id=order.transaction_id,
        source=order.source,
        meter=order.meter,
        action=order.kind,
        ok=order.state is State.DONE,
        state=order.state,
        noun=order.noun,
        generic=order.generic,
        correlation_id=order.correlation_id,
        request_message_id=order.message_id,
        amount=None if order.amount is None else str(order.amount),
        unit=order.unit,
        reason=None if order.reason is None else _reason(order.reason),
        value=None if order.value_read is None else _value(order.value_read),
        evidence=tuple(
            commercial.EvidenceGiven(item.source, item.at, item.text) for item in order.evidence
        ),
        note=note,
    )


def _reason(code: ReasonCode) -> commercial.ReasonGiven:
    row = REASONS[code]
    return commercial.ReasonGiven(row.code, row.cim, row.text, row.details, row.crew)


def _demand(read: DemandRead) -> commercial.DemandGiven:
    return commercial.DemandGiven(
        read.resets, read.reset_at, read.rows, read.maximum, read.unit, read.maximum_at
    )


def _value(read: ValueRead) -> commercial.ValueGiven:
    return commercial.ValueGiven(
        limit=None if read.limit is None else str(read.limit),
        limit_active=None if read.limit_active is None else str(read.limit_active),
        unit=read.unit,
        supply_on=read.supply_on,
        control_state=read.control_state,
        load_on=read.load_on,
        demand=None if read.demand is None else _demand(read.demand),
    )
