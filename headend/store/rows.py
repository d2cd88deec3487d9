"""A row as a domain value, and back.

The columns of a table bear the names of the value's fields.  The queue's own columns of `orders`
are worked out here, in one place, so that no writer can forget them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Select, Table, select

from headend.domain.evidence import Evidence
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Attempt, JournalLine, Order
from headend.ports import InboundMessage, Outgoing
from headend.store import schema

T = TypeVar("T")


class Form(Generic[T]):
    """How a dataclass and a table correspond, field by field."""

    def __init__(self, of: type[T], table: Table) -> None:
        self._of: Callable[..., T] = of
        self.table = table
        self.names = tuple(field.name for field in fields(of))  # type: ignore[arg-type]
        self.columns: tuple[Column[Any], ...] = tuple(table.c[name] for name in self.names)
        self._get = attrgetter(*self.names)

    def select(self) -> Select[*tuple[Any, ...]]:
        """All rows, in columns that `read` understands."""
        return select(*self.columns)

    def read(self, row: Iterable[Any]) -> T:
        return self._of(*row)

    def values(self, value: T) -> dict[str, Any]:
        return dict(zip(self.names, self._get(value), strict=True))


METER = Form(Meter, schema.meters)
CONCENTRATOR = Form(Concentrator, schema.concentrators)
EVIDENCE = Form(Evidence, schema.concentrator_evidence)
INBOUND = Form(InboundMessage, schema.inbound_messages)
ORDER = Form(Order, schema.orders)
JOURNAL = Form(JournalLine, schema.journal)
ATTEMPT = Form(Attempt, schema.attempts)
OUTGOING = Form(Outgoing, schema.outbox)


def due_at(order: Order) -> datetime | None:
    """The earliest time at which a lane may take an order up; None once nothing is left to do."""
    if order.final:
        return order.verify_at
    # One that is held is taken up when its time is over, to end it.
    return order.deadline if order.held else max(order.not_before, order.ready_at)


QUEUE_NAMES = ("unfinished", "due_at")


def order_values(order: Order) -> dict[str, Any]:
    values = ORDER.values(order)
    values["unfinished"] = not order.final
    values["due_at"] = due_at(order)
    return values
