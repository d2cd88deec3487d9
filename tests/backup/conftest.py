"""Backups are of both kinds of database."""

from tests import databases

pytest_generate_tests = databases.on_both
