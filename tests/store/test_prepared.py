"""A statement compiled once: which can be, and that values go the same way as elsewhere."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects import postgresql

from headend.store import schema
from headend.store.orders import _SAVE
from headend.store.prepared import Prepared
from headend.store.rows import ORDER, order_values
from headend.store.transaction import SqlTransaction
from tests.store.making import STORY, at, order

_columns = schema.orders.c


def test_what_is_written_one_way_reads_the_same_the_other_way(
    tx: SqlTransaction, connection: Connection
) -> None:
    """Against SQLAlchemy's own execution of the same statements."""
    first = order(1, until=at(0.000001), message_id="m")
    second = order(2, until=at(0.000001), message_id="m")
    tx.add_order(first, STORY)
    connection.execute(insert(schema.orders), order_values(second))
    assert tx.order(2) == second
    rows = connection.execute(ORDER.select().order_by(_columns.number))
    assert [ORDER.read(row) for row in rows] == [first, second]
    raw = connection.exec_driver_sql("SELECT * FROM orders").mappings().all()
    differing = {name for name in raw[0] if raw[0][name] != raw[1][name]}
    assert differing == {"number", "transaction_id"}


def test_a_text_that_depends_on_its_values_is_refused(connection: Connection) -> None:
    among = select(_columns.number).where(_columns.state.in_(["queued"]))
    expanding = select(_columns.number).where(
        _columns.number.in_(bindparam("numbers", expanding=True))
    )
    for statement in (among, expanding):
        with pytest.raises(ValueError, match="not to be prepared"):
            Prepared(statement).rows(connection, {"numbers": [1]})


def test_a_missing_value_is_an_error(connection: Connection) -> None:
    one = Prepared(select(_columns.number).where(_columns.number == bindparam("of_number")))
    assert one.rows(connection, {"of_number": 1}) == []
    with pytest.raises(KeyError):
        one.rows(connection, {})


def test_named_parameters_where_the_driver_wants_them() -> None:
    sql = _SAVE.sql(postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
    assert "number = %(of_number)s" in sql and "state=%(state)s" in sql
