"""Everything here runs on both kinds of database."""

from __future__ import annotations

from tests import databases

pytest_generate_tests = databases.on_both
