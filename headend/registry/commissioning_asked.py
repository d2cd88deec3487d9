"""Commissioning on request: the head-end reads the meter by an order, and concludes when it ends.

The order carries who asked and why, and the transaction that ends it makes the checks and takes
the step: whoever asked need not wait, and a restart in between loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headend.domain.life_cycle import Refusal, Step, taken
from headend.domain.meter import Meter
from headend.domain.order import Order
from headend.orders.rules import COMMISSIONING
from headend.ports import Transaction
from headend.registry.asked_by_order import examine
from headend.registry.commissioning import Examination, conclude
from headend.registry.lives import By, NotTaken

MARK = "commissioning"
"""Begins the correlation id of such a read: commissioning/ACCOUNT/WHY."""


@dataclass(frozen=True, slots=True)
class _At:
    """The moment of a transaction, as a clock."""

    at: datetime

    def now(self) -> datetime:
        return self.at


def asked_as(who: str, why: str) -> str:
    """The correlation id of a read that `conclude_asked` is to conclude.  No account has a / in
    its name."""
    return f"{MARK}/{who}/{why}"


def check(meter: Meter) -> None:
    """Raises `NotTaken` where a meter cannot be commissioned by a read."""
    refused = taken(meter, Step.COMMISSION)
    if isinstance(refused, Refusal):
        raise NotTaken.of(refused)
    if meter.lane is None:
        raise NotTaken(
            f"meter {meter.name} is linked to no concentrator, and has no address of its own",
            f"link it: ami meter link {meter.name} CONCENTRATOR; or wait until one has found it",
            "no-line",
        )


def conclude_asked(tx: Transaction, order: Order, at: datetime) -> None:
    """Where an order that has ended was such a read: make the checks, and take the step where all
    hold.  A meter that has moved on meanwhile stays as it is."""
    mark, _, rest = (order.correlation_id or "").partition("/")
    if order.source != COMMISSIONING or mark != MARK:
        return
    meter = tx.meter(order.meter)
    if meter is None or isinstance(taken(meter, Step.COMMISSION), Refusal):
        return
    who, _, why = rest.partition("/")
    examined = Examination(meter, By(who, at, why), _At(at))
    examine(examined, order)
    conclude(tx, examined)
