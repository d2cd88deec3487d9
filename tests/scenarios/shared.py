"""A short story in which an order succeeds at one meter, one cuts another, and one fails."""

from __future__ import annotations

from scenarios.engine import run
from scenarios.schema import Scenario, parse
from scenarios.story import Story

LIMITED, CUT, REFUSING = "90000001", "90000002", "90000003"

THREE_ORDERS = """
about = "Three orders, three meters."
start = 2026-07-06T10:00:00
duration = "10m"

[field]
meters = 4

[[order]]
at = "30s"
meter = "90000001"
kind = "set-limit"
amount = "3300"

[[order]]
at = "1m"
meter = "90000002"
kind = "disconnect"

[[order]]
at = "2m"
meter = "90000003"
kind = "set-limit"
amount = "3300.5"

[expect]
"""


def three_orders() -> Scenario:
    return parse(THREE_ORDERS)


def told() -> Story:
    """The story as it happened, for a test to falsify."""
    return run(three_orders())
