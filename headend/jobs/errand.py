"""What an order does at the meter, and what a reading tells of one that nobody answered."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from protocols.concentrator.effect import shown
from protocols.concentrator.messages import Status
from protocols.dlms.procedures import Outcome, Procedure, read_limit, read_supply
from protocols.dlms.procedures.command import procedure_of
from protocols.jobs.package import PackedOrder


def procedure_for(order: PackedOrder) -> Procedure:
    """What an order does."""
    return procedure_of(
        order.action,
        amount=None if order.amount is None else Decimal(order.amount),
        unit=order.unit,
        objects=order.objects,
    )


def reading_for(order: PackedOrder) -> Procedure:
    """The reading that shows whether an order took effect."""
    return read_limit() if "limit" in order.action else read_supply()


def concluded(order: PackedOrder, unanswered: Outcome, reading: Outcome) -> Outcome:
    """The outcome of an order whose acting message nobody answered, after a reading."""
    if reading.status is not Status.DONE:
        return replace(unanswered, status=Status.UNKNOWN)
    status = shown(
        order.action,
        amount=None if order.amount is None else Decimal(order.amount),
        unit=order.unit,
        limit=reading.limit,
        supply=reading.supply,
    )
    if status is Status.NOT_APPLIED:
        # The meter never said that it accepted: it did not answer, and shows that it did nothing.
        status = Status.NO_ANSWER
    return replace(unanswered, status=status, limit=reading.limit, supply=reading.supply)
