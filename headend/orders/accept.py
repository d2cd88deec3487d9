"""A commercial message becomes orders, durably, before it is acknowledged.

One transaction writes the message, its orders with the first lines of their journals, and the
answer that will be given; only then is the answer given.  The key Source + MessageID makes a repeat
harmless: the same body gets the first answer again, another body is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.order import PRIORITY, Kind, Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.orders import rules
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, InboundMessage, Store, Transaction


@dataclass(frozen=True, slots=True)
class Wish:
    """What a message asks for one meter."""

    meter: str
    kind: Kind
    amount: Decimal | None = None
    unit: str | None = None
    start: datetime | None = None
    until: datetime | None = None  # a limit bound in time ends then


@dataclass(frozen=True, slots=True)
class Submission:
    """A commercial message, translated.  `digest` is of its body without time stamps.  One without
    `message_id` is never recognised when it comes again."""

    source: str
    wishes: tuple[Wish, ...]
    digest: str
    request: bytes  # the octets it came in, kept for whoever asks how an order came about
    message_id: str | None = None
    correlation_id: str | None = None
    reply_address: str | None = None
    noun: str = "EndDeviceControls"
    generic: bool = False
    deadline: datetime | None = None
    any_day: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """Stored.  `orders` holds one for each wish, in order, the rejected ones among them."""

    transaction_id: str
    orders: tuple[Order, ...]
    answer: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same message was here before; `answer` is what it was told then."""

    transaction_id: str
    orders: tuple[Order, ...]
    answer: bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another body came under the same Source and MessageID before; nothing is stored."""


@dataclass(frozen=True, slots=True)
class Overloaded:
    """Too many orders wait; nothing is stored."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The counter at which orders are taken in."""

    store: Store
    clock: Clock
    chance: Chance
    policy: OrderPolicy
    days: WorkingDays
    settling: Settling
    wake: Callable[[Iterable[str]], None]  # tells lanes of concentrators that work has come

    async def accept(
        self, submission: Submission, compose: Callable[[str, tuple[Order, ...]], bytes]
    ) -> Accepted | Repeated | Conflict | Overloaded:
        """Store a submission; `compose(transaction_id, orders)` makes the answer to it."""
        now = self.clock.now()
        transaction_id = self.chance.uuid()
        superseded: list[Order] = []

        def work(tx: Transaction) -> Accepted | Repeated | Conflict | Overloaded:
            if submission.message_id is not None:
                seen = tx.inbound(submission.source, submission.message_id)
                if seen is not None:
                    return self._repeat(tx, seen, submission)
            if tx.waiting_orders() + len(submission.wishes) > self.policy.waiting_max:
                return Overloaded()
            orders = tuple(
                self._take(tx, submission, wish, transaction_id, now, superseded)
                for wish in submission.wishes
            )
            answer = compose(transaction_id, orders)
            tx.add_inbound(
                InboundMessage(
                    submission.source,
                    submission.message_id,
                    submission.digest,
                    now,
                    transaction_id,
                    submission.request,
                    answer,
                )
            )
            return Accepted(transaction_id, orders, answer)

        outcome = await self.store.run(work)
        if isinstance(outcome, Accepted):
            self.wake(order.concentrator for order in outcome.orders if order.concentrator)
            ended = (order for order in outcome.orders if order.final)
            self.settling.announce([*superseded, *ended])
        return outcome

    def _repeat(
        self, tx: Transaction, seen: InboundMessage, submission: Submission
    ) -> Repeated | Conflict:
        if seen.digest != submission.digest or seen.answer is None:
            return Conflict()
        orders = tuple(tx.orders_of(transaction_id=seen.transaction_id))
        return Repeated(seen.transaction_id, orders, seen.answer)

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
            priority=PRIORITY[wish.kind],
            message_id=submission.message_id,
            correlation_id=submission.correlation_id,
            reply_address=submission.reply_address,
            noun=submission.noun,
            generic=submission.generic,
            amount=wish.amount,
            unit=wish.unit,
            until=wish.until,
            any_day=submission.any_day,
            concentrator=meter.concentrator if meter else None,
        )
        received = (State.RECEIVED, _received(order, days=self.days))
        reason = rules.refusal(order, meter, at=now, policy=self.policy, days=self.days)
        if reason is not None:
            order = order.to(State.REJECTED, reason=reason, ended_at=now)
            tx.add_order(order, (received, (State.REJECTED, REASONS[reason].text)))
            self.settling.post(tx, order, now)
            return order
        for old in tx.open_orders_of_meter(order.meter):
            if old.state is State.QUEUED and rules.supersedes(order, old):
                ended = self.settling.end(
                    tx,
                    old,
                    State.CANCELLED,
                    reason=ReasonCode.SUPERSEDED,
                    at=now,
                    cause=f"superseded by order {order.number}",
                )
                superseded.append(ended)
        order = replace(order, state=State.QUEUED)
        story = (
            received,
            (
                State.VALIDATED,
                "meter known, commissioned, linked; day and amount allowed",
            ),
            (State.QUEUED, f"waits for concentrator {order.concentrator}"),
        )
        tx.add_order(order, story)
        return order


def _received(order: Order, *, days: WorkingDays) -> str:
    text = f"from {order.source}"
    if order.any_day and not days.is_working_day(order.ready_at):
        text += "; carries the permission for a day that is no working day"
    return text
