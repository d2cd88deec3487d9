"""One meter in the place of another, without losing the history of either.

What the old one measured stays under its own number; the service point tells which meter hung there
when, and what their registers showed at the change.  All of it is one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.life_cycle import Step
from headend.domain.meter import Meter
from headend.domain.order import Order
from headend.domain.place import Installation, RegisterRead
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry.lives import By, NotTaken, hanging_of, known, move, remove


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What came of it.  `orders` are those of the old meter that ended with it."""

    old: Meter
    new: Meter
    left: Installation
    hung: Installation
    orders: tuple[Order, ...]


def exchange(
    tx: Transaction,
    old: str,
    new: str,
    by: By,
    settling: Settling,
    *,
    now: datetime,
    last_read: RegisterRead | None = None,
    first_read: RegisterRead | None = None,
    below_readings: bool = False,
) -> Exchanged:
    """Take `old` down and hang `new`, which is in stock, up where it hung.

    The contract and the recorded phase are the service point's, and go over to the new meter; its
    link does not: the concentrator must find it on its line.  Raises `NotTaken`.

    Call `settling.announce` with the orders once the transaction is kept.
    """
    if old == new:
        raise NotTaken(f"meter {old} cannot take its own place", "name two meters")
    before, after = known(tx, old), known(tx, new)
    hung = hanging_of(tx, old)
    if hung is None:
        raise NotTaken(
            f"nobody has written down where meter {old} hangs",
            f"do: ami meter install {old} SERVICE-POINT",
            "place-not-known",
        )
    told = f"{by.why}: " if by.why else ""
    gone = remove(
        tx,
        old,
        replace(by, why=f"{told}exchanged for {new}"),
        settling,
        now=now,
        last_read=last_read,
        below_readings=below_readings,
    )
    taken_over = replace(
        after, contracted_w=before.contracted_w, recorded_phase=before.recorded_phase
    )
    at = replace(by, why=f"{told}at {hung.service_point}, in place of {old}")
    installed = move(tx, taken_over, Step.INSTALL, at)
    there = Installation(new, hung.service_point, by.at, first_read=first_read)
    tx.add_installation(there)
    left = tx.installations_of(old)[-1]
    return Exchanged(gone.meter, installed, left, there, gone.orders)
