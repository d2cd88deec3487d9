"""What readers of the store are told, on both databases."""

from __future__ import annotations

from tests import databases

pytest_generate_tests = databases.on_both
