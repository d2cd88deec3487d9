"""The commercial system changes its mind: cancel and change, as long as nothing was sent.

Both work inside the transaction that keeps the message and its answer (see `inbox`).  Where the
message names meters, only these are touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.orders import cutting, rules
from headend.orders.settle import Settling
from headend.ports import Transaction


@dataclass(frozen=True, slots=True)
class Target:
    """Orders as their sender names them; one of the three is given."""

    number: int | None = None
    transaction_id: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of the orders that a cancellation or change named.

    `transaction_id` is that of the first order named; None when there is none at all.  `strangers`
    are meters that the message names and that have no such order among those.
    """

    transaction_id: str | None
    done: tuple[Order, ...] = ()
    too_late: tuple[Order, ...] = ()  # sent or ended already
    above_contract: tuple[Order, ...] = ()  # the new amount is; they wait with the old one
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Cancels and changes orders that wait."""

    settling: Settling

    def cancel(
        self,
        tx: Transaction,
        targets: Iterable[Target],
        *,
        source: str,
        at: datetime,
        meters: Collection[str] | None = None,
        by: str | None = None,
    ) -> Withdrawn:
        """Cancel a source's waiting orders; with `meters`, of these meters only; `by` names who
        does it where that is another.

        Call `announce` once the transaction is kept.
        """
        named = _named(tx, source, targets)
        meant = [order for order in named if meters is None or order.meter in meters]
        cancelled = tuple(
            self.settling.end(
                tx,
                order,
                State.CANCELLED,
                reason=ReasonCode.CANCELLED,
                at=at,
                cause=f"cancelled by {by or source}",
            )
            for order in meant
            if order.state is State.QUEUED
        )
        return Withdrawn(
            _transaction_of(named),
            done=cancelled,
            too_late=tuple(order for order in meant if order.state is not State.QUEUED),
            strangers=_strangers(meters or (), meant),
        )

    def announce(self, withdrawn: Withdrawn) -> None:
        """Tell whoever waits for an order that is cancelled now."""
        self.settling.announce(order for order in withdrawn.done if order.final)

    def change(
        self,
        tx: Transaction,
        target: Target,
        *,
        source: str,
        at: datetime,
        meters: Collection[str],
        amount: Decimal,
        unit: str | None,
    ) -> Withdrawn:
        """Give a source's waiting limits of these meters another amount.  Too late is a meter of
        which none waits any more."""
        policy = self.settling.policy
        named = _named(tx, source, [target])
        limits = [o for o in named if o.kind is Kind.SET_LIMIT and o.meter in meters]
        waiting = {order.meter for order in limits if order.state is State.QUEUED}
        changed, above, late, held = [], [], [], []
        for order in limits:
            if order.state is not State.QUEUED:
                if order.meter not in waiting:
                    late.append(order)
                continue
            wanted = replace(order, amount=amount, unit=unit)
            meter = tx.meter(order.meter)
            if meter is None or not rules.within_contract(wanted, meter, policy):
                above.append(order)
                continue
            cause = f"amount changed to {amount} {unit or 'W'}"
            wanted = cutting.weigh_anew(tx, wanted, at, policy)
            if wanted.held and not order.held:
                cause += f"; {cutting.why(policy)}"
                held.append(wanted)
            tx.save_order(wanted, at=at, cause=cause)
            changed.append(wanted)
        cutting.note(tx, held, source, at, policy)
        return Withdrawn(
            _transaction_of(named),
            done=tuple(changed),
            too_late=tuple(late),
            above_contract=tuple(above),
            strangers=_strangers(meters, limits),
        )


def _named(tx: Transaction, source: str, targets: Iterable[Target]) -> list[Order]:
    """The orders meant, each once however often it is named."""
    found: dict[int, Order] = {}
    for target in targets:
        if target.number is not None:
            order = tx.order(target.number)
            some = [] if order is None else [order]
        else:
            # The promised end of a bounded limit shares its names, but nobody sent it: it goes
            # only by its own number, or a limit that is to end would stay.
            some = [
                order
                for order in tx.orders_of(
                    transaction_id=target.transaction_id, correlation_id=target.correlation_id
                )
                if order.restores is None
            ]
        found |= {order.number: order for order in some if order.source == source}
    return list(found.values())


def _strangers(meters: Iterable[str], orders: Iterable[Order]) -> tuple[str, ...]:
    known = {order.meter for order in orders}
    return tuple(meter for meter in meters if meter not in known)


def _transaction_of(orders: list[Order]) -> str | None:
    return orders[0].transaction_id if orders else None
