"""Orders and times for the store's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from headend.domain.order import PRIORITY, Kind, Order, State
from headend.ports import Outgoing

T0 = datetime(2026, 7, 6, 12, tzinfo=UTC)
STORY = ((State.RECEIVED, "from CIS"), (State.QUEUED, "waits"))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def order(number: int, **changes: Any) -> Order:
    """A queued order that is due, with what `changes` says."""
    kind = changes.pop("kind", Kind.DISCONNECT)
    limit = kind is Kind.SET_LIMIT
    made = Order(
        number=number,
        transaction_id=f"t{number}",
        source="CIS",
        meter="M1",
        kind=kind,
        accepted_at=T0,
        ready_at=T0,
        not_before=T0,
        deadline=at(6 * 3600),
        state=State.QUEUED,
        priority=PRIORITY[kind],
        concentrator="C1",
        amount=Decimal(1500) if limit else None,
        unit="W" if limit else None,
    )
    return replace(made, **changes)


def outgoing(message_id: str, **changes: Any) -> Outgoing:
    """A reply to order 1 on the queue, with what `changes` says."""
    made = Outgoing(message_id, 1, "queue", "reply", created_at=T0, body=b"{}")
    return replace(made, **changes)
