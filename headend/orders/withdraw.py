"""The commercial system changes its mind: cancel and change, as long as nothing was sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.orders import rules
from headend.orders.settle import Settling
from headend.ports import Clock, Store, Transaction


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of the orders that a cancellation or change named."""

    done: tuple[Order, ...]
    too_late: tuple[Order, ...]  # sent or ended already, or the new amount exceeds the contract


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Cancels and changes orders that wait."""

    store: Store
    clock: Clock
    settling: Settling

    async def cancel(
        self,
        *,
        source: str,
        correlation_id: str | None = None,
        transaction_id: str | None = None,
        number: int | None = None,
    ) -> Withdrawn:
        """Cancel a source's waiting orders, named by correlation, transaction or number."""
        now = self.clock.now()

        def work(tx: Transaction) -> Withdrawn:
            named = _named(tx, source, correlation_id, transaction_id, number)
            waiting = [order for order in named if order.state is State.QUEUED]
            cancelled = tuple(
                self.settling.end(
                    tx,
                    order,
                    State.CANCELLED,
                    reason=ReasonCode.CANCELLED,
                    at=now,
                    cause=f"cancelled by {source}",
                )
                for order in waiting
            )
            return Withdrawn(cancelled, tuple(o for o in named if o.state is not State.QUEUED))

        outcome = await self.store.run(work)
        self.settling.announce(outcome.done)
        return outcome

    async def change(
        self, *, source: str, correlation_id: str, amount: Decimal, unit: str | None
    ) -> Withdrawn:
        """Give waiting limit orders another amount."""
        now = self.clock.now()

        def work(tx: Transaction) -> Withdrawn:
            named = _named(tx, source, correlation_id, None, None)
            changed = []
            for order in named:
                if order.state is State.QUEUED and order.kind is Kind.SET_LIMIT:
                    order = replace(order, amount=amount, unit=unit)
                    meter = tx.meter(order.meter)
                    if meter is None or not rules.within_contract(order, meter):
                        continue
                    tx.save_order(order, at=now, cause=f"amount changed to {amount} {unit or 'W'}")
                    changed.append(order)
            numbers = {order.number for order in changed}
            return Withdrawn(tuple(changed), tuple(o for o in named if o.number not in numbers))

        return await self.store.run(work)


def _named(
    tx: Transaction,
    source: str,
    correlation_id: str | None,
    transaction_id: str | None,
    number: int | None,
) -> list[Order]:
    if number is not None:
        order = tx.order(number)
        named = [order] if order is not None else []
    else:
        found = tx.orders_of(transaction_id=transaction_id, correlation_id=correlation_id)
        # The promised end of a bounded limit shares its names, but nobody sent it: it goes only by
        # its own number, or a limit that is to end would stay.
        named = [order for order in found if order.restores is None]
    return [order for order in named if order.source == source]
