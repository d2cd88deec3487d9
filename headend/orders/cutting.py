"""The mass-disconnect guard: above a rate, cuts of supply wait for a second person.

It counts the disconnections of every hour, and the limits that leave next to nothing, which are
disconnections by another name, by whatever door and in however many messages they came: when they
are accepted, by the time that their sender wants them done, and again when they are about to be
sent, because those that were put off must not all be done at once.  One transaction looks and
enters, and no other does meanwhile.  What a second person has approved is not counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from headend.access import lines
from headend.access.ordering import permission_for
from headend.config import OrderPolicy
from headend.domain.account import Permission
from headend.domain.order import Kind, Order
from headend.orders.rules import in_watts
from headend.ports import Transaction

HOUR = timedelta(hours=1)


def cuts(kind: Kind, amount: Decimal | None, unit: str | None, policy: OrderPolicy) -> bool:
    """Whether what is ordered takes a customer's supply away: by disconnecting it, or by a limit
    below `cutting_limit_w`.  The bound is the same for all, as lights and cold food need the same
    power whatever the contract says, and not every meter's contract is known."""
    if kind is Kind.DISCONNECT:
        return True
    if kind is not Kind.SET_LIMIT or amount is None:
        return False
    return in_watts(amount, unit, policy) < policy.cutting_limit_w


def counts(order: Order, policy: OrderPolicy) -> bool:
    """Whether an order is one that the guard counts.  What a second person has approved is not; nor
    is the end of a bounded limit: it puts back what the meter had, and was promised with it."""
    if order.approved_by is not None or order.restores is not None:
        return False
    return cuts(order.kind, order.amount, order.unit, policy)


def permission(
    kind: Kind, amount: Decimal | None, unit: str | None, policy: OrderPolicy
) -> Permission:
    """What who orders this must be allowed: what a disconnection takes, where it is as good as
    one."""
    return Permission.ORDER_CUT if cuts(kind, amount, unit, policy) else permission_for(kind)


def must_wait(tx: Transaction, order: Order, at: datetime, policy: OrderPolicy) -> bool:
    """Whether an order that would be carried out at `at` needs a second person first."""
    if not counts(order, policy):
        return False
    tx.lock_cuts()
    near = tx.cuts_between(at - HOUR, at + HOUR, but=order.number)
    return crowded(near, at, policy.disconnects_per_hour)


def crowded(near: Sequence[datetime], at: datetime, most: int) -> bool:
    """Whether one more at `at` would make more than `most` in some hour.  `near` are the others
    less than an hour from it, the earliest first."""
    if len(near) < most:
        return False
    begins = [*(time for time in near if time <= at), at]
    return any(
        bisect_left(near, begin + HOUR) - bisect_left(near, begin) >= most for begin in begins
    )


def enter(tx: Transaction, order: Order, at: datetime, policy: OrderPolicy) -> None:
    """Count an order that goes through by itself; it is stored already."""
    if counts(order, policy) and not order.held:
        tx.put_cut(order.number, at)


def weigh_anew(tx: Transaction, order: Order, at: datetime, policy: OrderPolicy) -> Order:
    """A waiting order, stored already, whose limit was changed, held or let go as the new one asks:
    a second person has approved the old one."""
    ready_at = max(at, order.ready_at)
    fresh = replace(order, held_at=None, approved_by=None)
    held = must_wait(tx, fresh, ready_at, policy)  # takes its lock before anything is written
    tx.drop_cut(order.number)
    if held:
        return replace(fresh, held_at=order.held_at or at)
    enter(tx, fresh, ready_at, policy)
    return fresh


def hold(tx: Transaction, order: Order, at: datetime, policy: OrderPolicy) -> Order:
    """Hold an order that was about to be sent."""
    held = replace(order, held_at=at)
    tx.drop_cut(order.number)
    tx.save_order(held, at=at, cause=why(policy))
    note(tx, [held], held.source, at, policy)
    return held


def note(
    tx: Transaction, held: Sequence[Order], source: str, at: datetime, policy: OrderPolicy
) -> None:
    """Write down for whoever watches security that these orders of one message are held."""
    if not held:
        return
    first, last = held[0].number, held[-1].number
    subject = f"order {first}" if first == last else f"{len(held)} orders, {first} to {last}"
    tx.add_audit(lines.seen(at, "supply.held", subject, why(policy), source=source))


def why(policy: OrderPolicy) -> str:
    """What the journal says of an order that is held."""
    return f"held: more than {floods(policy)} an hour need a second person's approval"


def floods(policy: OrderPolicy) -> str:
    """Of what no hour may have more."""
    most, least_w = policy.disconnects_per_hour, policy.cutting_limit_w
    return f"{most} disconnections" + (f" or limits below {least_w} W" if least_w else "")
