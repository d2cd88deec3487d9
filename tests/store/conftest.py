"""A new store in memory, in the caller's thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA
from headend.store.transaction import SqlTransaction
from tests import databases

pytest_generate_tests = databases.on_both


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A transaction on new tables, never committed."""
    engine = open_writer(databases.rolled_back())
    upgrade(engine, SCHEMA)
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
    engine.dispose()


@pytest.fixture
def tx(connection: Connection) -> SqlTransaction:
    return SqlTransaction(connection)
