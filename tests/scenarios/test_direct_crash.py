"""The head-end dies at each moment of a session with a meter that keeps no order for it."""

from __future__ import annotations

import pytest

from scenarios.engine import run
from scenarios.expectations import checks
from scenarios.schema import parse

STORY = """
about = "A limit at a meter without a concentrator, and a head-end that dies over it."
start = 2026-07-06T10:00:00
duration = "1h"
seed = 11

[field]
meters = 1

[[meter]]
name = "90000001"
direct = true

[[order]]
at = "5m"
kind = "set-limit"
meter = "90000001"
amount = "4400"

[[event]]
at = "5m{after:.3f}s"
do = "crash-head-end"
down = "3s"

[expect]
orders = 1
done = 1
limit = {{ 90000001 = "4400" }}
"""

# From the order's arrival to some time after the session's end, which takes about a second.
MOMENTS_MS = range(0, 1000, 50)


@pytest.mark.parametrize("after_ms", MOMENTS_MS)
def test_the_limit_is_set_once_and_the_order_ends_well(after_ms: int) -> None:
    story = run(parse(STORY.format(after=after_ms / 1000)))
    assert [check for check in checks(story) if not check.ok] == []


def test_some_of_these_moments_leave_the_effect_unknown_and_none_sends_twice() -> None:
    """Otherwise the moments would miss what they are to hit."""
    told = set()
    for after_ms in MOMENTS_MS:
        (record,) = run(parse(STORY.format(after=after_ms / 1000))).records
        told |= {attempt.result for attempt in record.attempts}
        assert sum(not attempt.verification for attempt in record.attempts) <= 2
    assert {"the session ended with unknown", "the session ended with done"} <= told
