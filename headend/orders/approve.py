"""A second person lets orders through that the guard holds, or refuses them.

Who asked for them may not be who approves them: neither by the same account, nor by the user of the
machine that the account's name is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from headend.access import lines
from headend.domain.account import Caller, Permission, second_person
from headend.domain.order import Order, State
from headend.domain.reason import ReasonCode
from headend.orders.settle import Settling
from headend.ports import Transaction


class NotSecond(Exception):
    """Nobody approves what they have asked for, and only who may approves at all."""

    def __init__(self, asked: str, account: str) -> None:
        super().__init__(f"{account} is no second person to {asked}")
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of orders that somebody decided on.  `not_held` wait for nobody."""

    done: tuple[Order, ...] = ()
    not_held: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """Decides on held orders."""

    settling: Settling
    wake: Callable[[Iterable[str]], None]  # tells lanes that work has come

    def approve(
        self, tx: Transaction, orders: Iterable[Order], by: Caller, *, at: datetime, source: str
    ) -> Decided:
        """Let orders through.  Raises `NotSecond`, and none goes then; `refused` says so in the
        audit log, in a transaction of its own.  Call `announce` once the transaction is kept."""
        held, not_held = _apart(orders)
        for order in held:
            if not second_person(order.source, by):
                raise NotSecond(order.source, by.account)
        done = tuple(replace(each, held_at=None, approved_by=by.account) for each in held)
        for order in done:
            tx.save_order(order, at=at, cause=f"approved by {by.account}")
        _note(tx, done, by, at, "approved", source)
        return Decided(done, not_held)

    def refuse(
        self, tx: Transaction, orders: Iterable[Order], by: Caller, *, at: datetime, source: str
    ) -> Decided:
        """End orders that are held.  Call `announce` once the transaction is kept."""
        held, not_held = _apart(orders)
        done = tuple(
            self.settling.end(
                tx,
                order,
                State.CANCELLED,
                reason=ReasonCode.APPROVAL_REFUSED,
                at=at,
                cause=f"refused by {by.account}",
            )
            for order in held
        )
        _note(tx, done, by, at, "refused", source)
        return Decided(done, not_held)

    def announce(self, decided: Decided) -> None:
        """Wake the lanes that have work now, and whoever waits for what has ended."""
        self.wake(each.concentrator for each in decided.done if each.concentrator)
        self.settling.announce(each for each in decided.done if each.final)


def refused(tx: Transaction, error: NotSecond, by: Caller, at: datetime, source: str) -> None:
    """Write down that somebody tried to be their own second person."""
    subject = f"what {error.asked} asked for"
    why = f"{by.account} is no second person"
    permission = Permission.ORDER_APPROVE
    tx.add_audit(lines.refused(at, by.account, permission, subject, why, source=source))


def _apart(orders: Iterable[Order]) -> tuple[list[Order], tuple[Order, ...]]:
    held: list[Order] = []
    others: list[Order] = []
    for order in orders:
        (held if order.held else others).append(order)
    return held, tuple(others)


def _note(
    tx: Transaction, orders: tuple[Order, ...], by: Caller, at: datetime, what: str, source: str
) -> None:
    if not orders:
        return
    numbers = ", ".join(str(order.number) for order in orders)
    sources = ", ".join(sorted({order.source for order in orders}))
    line = lines.done(
        at,
        by.account,
        Permission.ORDER_APPROVE,
        f"{len(orders)} orders of {sources}",
        f"{what}: {numbers}",
        source=source,
    )
    tx.add_audit(line)
