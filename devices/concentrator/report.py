"""An errand's outcome and record as the `Result` that goes to the head-end.

Times in it are those of the concentrator's own clock: it has no other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from devices.concentrator.conversing import Record
from devices.concentrator.flash import Attempt
from devices.concentrator.table import Entry
from protocols.concentrator.messages import Action, Apdu, Result, Status
from protocols.dlms.procedures import Outcome, to_result_fields


def ended(
    attempt: Attempt,
    outcome: Outcome,
    *,
    message_id: str,
    at: datetime,
    ahead: timedelta,
    now: float,
    entry: Entry,
    record: Record,
    engine: str,
) -> Result:
    """The result of an errand.  `ahead` is by how much the own clock is ahead of the world's."""
    link = record.link.report(entry.meter, now, registered=entry.leg.registered)
    last_heard = None if link.last_heard is None else link.last_heard + ahead
    return Result(
        id=message_id,
        at=at,
        order=attempt.key.order,
        attempt=attempt.key.attempt,
        meter=attempt.meter,
        action=attempt.action,
        engine=engine,
        link=replace(link, at=at, last_heard=last_heard),
        apdus=tuple(
            Apdu(
                at=datetime.fromtimestamp(exchange.at, UTC) + ahead,
                direction=exchange.direction,
                wire=exchange.wire,
                plain=None if attempt.action is Action.CHANGE_KEYS else exchange.plain,
            )
            for exchange in record.exchanges
        ),
        frames=tuple(replace(frame, at=frame.at + ahead) for frame in record.frames),
        **to_result_fields(outcome),
    )


def without_errand(
    attempt: Attempt, status: Status, *, acted: bool, message_id: str, at: datetime
) -> Result:
    """The result of an attempt that ended without word from the meter."""
    return Result(
        id=message_id,
        at=at,
        order=attempt.key.order,
        attempt=attempt.key.attempt,
        meter=attempt.meter,
        action=attempt.action,
        status=status,
        acted=acted,
    )


def as_before(attempt: Attempt, done: Result, *, message_id: str) -> Result:
    """The result of an attempt whose order an earlier one had carried out."""
    return replace(
        done,
        id=message_id,
        order=attempt.key.order,
        attempt=attempt.key.attempt,
        action=attempt.action,
        acted=False,
    )
