"""On SQLite and on PostgreSQL."""

from tests import databases

pytest_generate_tests = databases.on_both
