"""A new store in memory, in the caller's thread, on each kind of database."""

from tests import databases
from tests.store.conftest import connection, tx

__all__ = ["connection", "tx"]

pytest_generate_tests = databases.on_both
