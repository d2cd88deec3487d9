"""Ends of orders that who watches security should hear of."""

from __future__ import annotations

from datetime import datetime

from headend.access import lines
from headend.domain.audit import AuditLine
from headend.domain.order import Kind, Order, State
from headend.domain.reason import REASONS, ReasonCode

SUSPECT = frozenset({ReasonCode.WRONG_KEY_OR_COUNTER, ReasonCode.REFUSED_ASSOCIATION})
"""A tag that does not verify, a counter that went back, or a meter that does not believe us."""


def security_line(order: Order, at: datetime) -> AuditLine | None:
    """What the audit log says of an order's end; None where that is nobody's security."""
    subject, number = f"meter {order.meter}", f"order {order.number}"
    if order.kind is Kind.CHANGE_KEYS and order.state is State.DONE:
        return lines.changed(at, order.source, "key.changed", subject, number, source="")
    if order.reason in SUSPECT:
        assert order.reason is not None
        told = f"{number}: {REASONS[order.reason].text}"
        source = order.concentrator or ""
        return lines.seen(at, f"meter.{order.reason}", subject, told, source=source)
    return None
