"""The mass-disconnect guard: above a rate, cuts of supply wait for a second person.

It counts the disconnections of every hour, by whatever door and in however many messages they came:
when they are accepted, by the time that their sender wants them done, and again when they are about
to be sent, because those that were put off must not all be done at once.  One transaction looks and
enters, and no other does meanwhile.  What a second person has approved is not counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from headend.access import lines
from headend.config import OrderPolicy
from headend.domain.order import Kind, Order
from headend.ports import Transaction

HOUR = timedelta(hours=1)
CUTS = frozenset({Kind.DISCONNECT})
"""What takes a customer's supply away."""


def must_wait(tx: Transaction, order: Order, at: datetime, policy: OrderPolicy) -> bool:
    """Whether an order that would be carried out at `at` needs a second person first."""
    if order.kind not in CUTS or order.approved_by is not None:
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


def enter(tx: Transaction, order: Order, at: datetime) -> None:
    """Count an order that goes through by itself; it is stored already."""
    if order.kind in CUTS and order.approved_by is None and not order.held:
        tx.put_cut(order.number, at)


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
    most = policy.disconnects_per_hour
    return f"held: more than {most} disconnections an hour need a second person's approval"
