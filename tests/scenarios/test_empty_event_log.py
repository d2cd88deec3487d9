"""An event log without rows is read on demand, whichever engine the concentrator speaks by."""

from __future__ import annotations

import pytest

from headend.domain.order import State
from scenarios.engine import run
from scenarios.schema import parse

STORY = """
about = "An operator reads the event log of a meter to which nothing has happened yet."
start = 2026-07-06T10:00:00
duration = "3m"

[field]
meters = 3
engines = "{engine}"
outages = "none"
grid = false

[[read]]
at = "20s"
meter = "90000001"
objects = ["event-log"]

[expect]
orders = 1
done = 1
"""


@pytest.mark.parametrize("engine", ["own", "gurux"])
def test_a_read_of_an_empty_log_is_done(engine: str) -> None:
    told = run(parse(STORY.format(engine=engine)))
    (record,) = told.records
    assert (record.order.state, record.order.attempts) == (State.DONE, 1)
    assert [each.value for each in record.order.readings] == ["0 rows"]
