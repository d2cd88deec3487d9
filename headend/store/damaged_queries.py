"""Orders as far as they can be read: a row that nobody can decode hides no other.

Rows get so by a hand in the database, a failing disk, or a version that knew other words.  What
is broken is told by its number, with the little that is text whatever it should mean; how such an
order ends is told in `headend.orders.breakage`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, String, select, type_coerce
from sqlalchemy.exc import DBAPIError

from headend.domain.order import Order
from headend.ports import StoreUnavailable
from headend.store import queries, schema
from headend.store.queries import PAGE, OrderFilter, conditions

_columns = schema.orders.c


@dataclass(frozen=True, slots=True)
class DamagedOrder:
    """A row of which no order can be made, and why."""

    number: int
    meter: str
    state: str
    why: str


def order(connection: Connection, number: int) -> Order | DamagedOrder | None:
    """One order; None where there is no row."""
    try:
        return queries.order(connection, number)
    except (StoreUnavailable, DBAPIError):
        raise
    except Exception as error:  # whatever a column's type may raise
        return _damaged(connection, number, error)


def orders(
    connection: Connection, which: OrderFilter | None = None, *, limit: int = PAGE
) -> list[Order | DamagedOrder]:
    """The latest orders first, each by itself where one of them is damaged."""
    try:
        return [*queries.orders(connection, which, limit=limit)]
    except (StoreUnavailable, DBAPIError):
        raise
    except Exception:  # of one row, and it does not say of which
        numbers = select(_columns.number).order_by(_columns.number.desc()).limit(limit)
        for condition in conditions(which or OrderFilter()):
            numbers = numbers.where(condition)
        found = (order(connection, row.number) for row in connection.execute(numbers).all())
        return [each for each in found if each is not None]


def _damaged(connection: Connection, number: int, error: Exception) -> DamagedOrder:
    texts = (type_coerce(column, String) for column in (_columns.meter, _columns.state))
    row = connection.execute(select(*texts).where(_columns.number == number)).one()
    meter, state = (value if isinstance(value, str) else repr(value) for value in row)
    return DamagedOrder(number, meter, state, f"{type(error).__name__}: {error}")
