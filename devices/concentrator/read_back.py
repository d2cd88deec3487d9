"""What an attempt does at the meter, and what a reading tells of one that was not answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from devices.concentrator.flash import Attempt
from protocols.concentrator.effect import LOOK, shown
from protocols.concentrator.messages import Status
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.procedures.command import procedure_of


def procedure_for(attempt: Attempt, now: Callable[[], datetime]) -> Procedure:
    """What an attempt does at the meter; `now` is what the own clock shows."""
    return procedure_of(
        attempt.action,
        amount=None if attempt.amount is None else Decimal(attempt.amount),
        unit=attempt.unit,
        objects=attempt.objects,
        clock=attempt.clock,
        tariff=attempt.tariff,
        since=attempt.since,
        now=now,
    )


def reading_for(attempt: Attempt) -> Procedure:
    """The reading that shows whether an attempt took effect."""
    return procedure_of(LOOK[attempt.action])


def concluded(attempt: Attempt, unanswered: Outcome, reading: Outcome) -> Outcome:
    """The outcome of an attempt whose acting message nobody answered, after a reading."""
    if reading.status is not Status.DONE:
        return replace(unanswered, status=Status.UNKNOWN)
    status = shown(
        attempt.action,
        amount=None if attempt.amount is None else Decimal(attempt.amount),
        unit=attempt.unit,
        limit=reading.limit,
        supply=reading.supply,
        load=reading.load,
        demand=reading.demand,
        since=attempt.since,
    )
    if status is Status.NOT_APPLIED:
        # The meter never said that it accepted: it did not answer, and shows that it did nothing.
        status = Status.NO_ANSWER
    return replace(
        unanswered,
        status=status,
        limit=reading.limit,
        supply=reading.supply,
        load=reading.load,
        demand=reading.demand,
    )
