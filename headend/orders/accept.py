"""A commercial message becomes orders, durably, before it is acknowledged.

The transaction that keeps the message and its answer (see `inbox`) writes its orders with the first
lines of their journals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import is_direct
from headend.domain.order import PRIORITY, Kind, Order, State
from headend.domain.reading import WantedObject
from headend.domain.reason import REASONS, ReasonCode
from headend.orders import cutting, rules
from headend.orders.settle import Settling
from headend.ports import Transaction
from protocols.concentrator.messages import ClockWanted, TariffWanted


@dataclass(frozen=True, slots=True)
class Wish:
    """What a message asks for one meter."""

    meter: str
    kind: Kind
    amount: Decimal | None = None
    unit: str | None = None
    start: datetime | None = None
    until: datetime | None = None  # a limit bound in time ends then
    objects: tuple[WantedObject, ...] = ()  # READ only
    clock: ClockWanted | None = None  # SET_CLOCK only
    tariff: TariffWanted | None = None  # SET_TARIFF only
    until_pressed: bool = False  # CONNECT only
    priority: int | None = None  # the kind's own where left out
    correlation_id: str | None = None  # the message's where left out
    image: str | None = None  # UPDATE_FIRMWARE only
    activate_at: datetime | None = None  # UPDATE_FIRMWARE only


@dataclass(frozen=True, slots=True)
class Submission:
    """A commercial message that asks for orders, translated."""

    source: str
    wishes: tuple[Wish, ...]
    message_id: str | None = None
    correlation_id: str | None = None
    reply_address: str | None = None
    noun: str = "EndDeviceControls"
    generic: bool = False
    deadline: datetime | None = None
    any_day: bool = False
    approved_by: str | None = None  # the second person who approved all of it beforehand


@dataclass(frozen=True, slots=True)
class Accepted:
    """Stored.  `orders` holds one for each wish, in order, the rejected ones among them;
    `superseded` those of earlier messages that they make pointless."""

    orders: tuple[Order, ...]
    superseded: tuple[Order, ...] = ()


class Overloaded(Exception):
    """Too many orders wait; nothing is stored."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The counter at which orders are taken in."""

    policy: OrderPolicy
    days: WorkingDays
    settling: Settling
    wake: Callable[[Iterable[str]], None]  # tells lanes of concentrators that work has come

    def accept(
        self, tx: Transaction, submission: Submission, transaction_id: str, *, at: datetime
    ) -> Accepted:
        """Store a submission's orders.  Raises `Overloaded`.

        Call `announce` once the transaction is kept.
        """
        if tx.waiting_orders() + len(submission.wishes) > self.policy.waiting_max:
            raise Overloaded
        superseded: list[Order] = []
        orders = tuple(
            self._take(tx, submission, wish, transaction_id, at, superseded)
            for wish in submission.wishes
        )
        held = [order for order in orders if order.held]
        cutting.note(tx, held, submission.source, at, self.policy)
        return Accepted(orders, tuple(superseded))

    def announce(self, accepted: Accepted) -> None:
        """Wake the lanes that have work now, and whoever waits for what has ended already."""
        self.wake(order.concentrator for order in accepted.orders if order.concentrator)
        ended = (order for order in accepted.orders if order.final)
        self.settling.announce([*accepted.superseded, *ended])

    def _bounds(self, wish: Wish) -> ClockWanted | None:
        """Of a clock: the usual ones where nobody says which."""
        usual = ClockWanted(zone=self.policy.zone) if wish.kind is Kind.SET_CLOCK else None
        return wish.clock or usual

    def _take(
        self,
        tx: Transaction,
        submission: Submission,
        wish: Wish,
        transaction_id: str,
        now: datetime,
        superseded: list[Order],
    ) -> Order:
        ready_at = max(now, wish.start or now)
        deadline = submission.deadline or ready_at + timedelta(seconds=self.policy.deadline_s)
        if wish.until is not None:  # a limit is not set when it should have ended
            deadline = min(deadline, wish.until)
        meter = tx.meter(wish.meter)
        order = Order(
            number=tx.next_order_number(),
            transaction_id=transaction_id,
            source=submission.source,
            meter=wish.meter,
            kind=wish.kind,
            accepted_at=now,
            ready_at=ready_at,
            not_before=ready_at,
            deadline=deadline,
            priority=PRIORITY[wish.kind] if wish.priority is None else wish.priority,
            message_id=submission.message_id,
            correlation_id=wish.correlation_id or submission.correlation_id,
            reply_address=submission.reply_address,
            noun=submission.noun,
            generic=submission.generic,
            amount=wish.amount,
            unit=wish.unit,
            until=wish.until,
            any_day=submission.any_day,
            concentrator=meter.lane if meter else None,
            objects=wish.objects,
            approved_by=submission.approved_by,
            image=wish.image,
            activate_at=wish.activate_at,
            clock=self._bounds(wish),
            tariff=wish.tariff,
            until_pressed=wish.until_pressed,
        )
        received = (State.RECEIVED, _received(order, days=self.days))
        reason = rules.refusal(order, meter, at=now, policy=self.policy, days=self.days)
        if reason is None and order.image is not None:
            assert meter is not None
            reason = rules.image_refusal(meter, tx.image_label(order.image))
        if reason is not None:
            order = order.to(State.REJECTED, reason=reason, ended_at=now)
            tx.add_order(order, (received, (State.REJECTED, REASONS[reason].text)))
            self.settling.post(tx, order, now)
            return order
        for old in tx.open_orders_of_meter(order.meter):
            waits = old.state is State.QUEUED or (old.until_pressed and old.armed)
            if waits and rules.supersedes(order, old):
                ended = self.settling.end(
                    tx,
                    old,
                    State.CANCELLED if old.state is State.QUEUED else State.FAILED,
                    reason=ReasonCode.SUPERSEDED,
                    at=now,
                    cause=f"superseded by order {order.number}",
                )
                superseded.append(ended)
        held = cutting.must_wait(tx, order, ready_at, self.policy)
        order = replace(order, state=State.QUEUED, held_at=now if held else None)
        story = (
            received,
            (
                State.VALIDATED,
                "meter known, commissioned, linked; day and amount allowed",
            ),
            (State.QUEUED, cutting.why(self.policy) if held else f"waits for {_way(order)}"),
        )
        tx.add_order(order, story)
        cutting.enter(tx, order, ready_at, self.policy)
        return order


def _way(order: Order) -> str:
    lane = order.concentrator or ""
    return f"its turn in {lane}" if is_direct(lane) else f"concentrator {lane}"


def _received(order: Order, *, days: WorkingDays) -> str:
    text = f"from {order.source}"
    if order.any_day and not days.is_working_day(order.ready_at):
        text += "; carries the permission for a day that is no working day"
    return text
