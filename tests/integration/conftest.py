"""The outbox's tests run on each kind of database."""

from __future__ import annotations

from tests import databases

pytest_generate_tests = databases.on_both
