"""Orders go where their meter is linked: those that wait move with it when it is linked elsewhere.

What waits has nothing under way: no concentrator has it, or the one that had it has told that it
did not act.  So it may change its lane by a line in its journal.  What was sent stays with whom it
was sent to until its effect is known, withdrawn or told; only then it waits again, and moves.  So
no two concentrators ever hold one order at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headend.domain.meter import Meter
from headend.domain.order import Order, State
from headend.ports import Transaction


def follow(tx: Transaction, meter: Meter, *, at: datetime) -> tuple[Order, ...]:
    """Move a meter's waiting orders to its lane, in the transaction that links it; those moved."""
    return tuple(
        moved
        for order in tx.open_orders_of_meter(meter.name)
        if order.state is State.QUEUED and (moved := _moved(tx, order, meter, at)) is not None
    )


def strayed(tx: Transaction, order: Order, *, at: datetime) -> Order | None:
    """A waiting order whose meter is linked elsewhere by now, moved there; None where it stands
    where it should.  Whoever is about to send it looks, as a link may have come between its
    acceptance and now."""
    meter = tx.meter(order.meter)
    return None if meter is None else _moved(tx, order, meter, at)


def lane_now(tx: Transaction, order: Order) -> str | None:
    """Where an order's meter is reached now; as the order says where it is linked to nobody."""
    meter = tx.meter(order.meter)
    return order.concentrator if meter is None or meter.lane is None else meter.lane


def _moved(tx: Transaction, order: Order, meter: Meter, at: datetime) -> Order | None:
    if meter.lane is None or meter.lane == order.concentrator:
        return None
    moved = replace(order, concentrator=meter.lane)
    tx.save_order(moved, at=at, cause=f"its meter is linked to {meter.lane} now; waits there")
    return moved
