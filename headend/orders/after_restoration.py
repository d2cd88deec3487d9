"""What becomes of orders when a head-end that came back from a backup begins to send again.

Of an order that is open nobody knows what was sent for it after the backup: its effect is looked
for at the meter before anything is, as it is for any order whose effect is not known.  That holds
for orders that were accepted since the restoration as well: the commercial side sends again what it
had sent before the loss, and what the meter shows already is not done again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.order import OWN, Order, State
from headend.domain.reason import ReasonCode
from headend.domain.restoration import ATTEMPTS, Stray
from headend.orders.settle import Settling
from headend.ports import Transaction
from protocols.concentrator.messages import ACTING, Action

LOOKED_FOR = "came back from a backup: what was sent after it is not known, the meter is read first"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many orders are looked for, made again because nothing hangs on it, left alone because
    their time has not come, and ended because a later one of the lost life has acted."""

    looked_for: int = 0
    again: int = 0
    later: int = 0
    superseded: int = 0


def reconcile(tx: Transaction, settling: Settling, now: datetime) -> Reconciled:
    """Bring each open order to where it may be taken up."""
    lost = [stray for stray in tx.strays() if stray.action in ACTING]
    looked, again, later, superseded = [], 0, 0, 0
    for order in tx.all_open_orders():
        if order.state is State.QUEUED and (order.held or order.ready_at > now):
            later += 1  # it waits for its time, or for a second person
        elif order.kind in OWN:
            tx.save_order(_renumbered(order), at=now, cause=None)
            again += 1
        elif (by := _superseded_by(order, lost)) is not None:
            state = State.CANCELLED if order.state is State.QUEUED else State.FAILED
            cause = f"superseded by order {by.order}, which the backup does not know, and the field"
            reason = ReasonCode.SUPERSEDED
            settling.end(tx, order, state, at=now, cause=f"{cause} does", reason=reason)
            superseded += 1
        else:
            looked.append(_unknown(order, now))
            tx.save_order(looked[-1], at=now, cause=LOOKED_FOR)
    tx.look_at_meters(looked)
    return Reconciled(len(looked), again, later, superseded)


def _unknown(order: Order, now: datetime) -> Order:
    order = replace(_renumbered(order), not_before=now, not_after=order.not_after or now)
    return order if order.state is State.UNKNOWN else order.to(State.UNKNOWN)


def _renumbered(order: Order) -> Order:
    """Concentrators answer a number that they know from memory: the next one is nobody's."""
    return replace(order, attempts=order.attempts + ATTEMPTS)


def _superseded_by(order: Order, lost: list[Stray]) -> Stray | None:
    """The last command of the lost life that acted on the meter after this order was given."""
    acting = (
        stray
        for stray in lost
        if stray.meter == order.meter
        and stray.order > order.number
        and Action(stray.action) in ACTING
    )
    return max(acting, key=lambda stray: stray.order, default=None)
