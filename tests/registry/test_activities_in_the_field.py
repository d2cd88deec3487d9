"""A simulated concentrator does what it was asked while its SIM was barred, once it is back."""

from __future__ import annotations

from headend.domain.activity import ActivityKind, ActivityState
from scenarios.engine import run
from scenarios.schema import parse
from tests.databases import sqlite_only

K = ActivityKind
BARRED_STILL_S = 25 * 60  # from when it was asked until its SIM may come back
WANTED = [
    *(f'kind = "{kind}"' for kind in K if kind not in (K.TASK, K.REBOOT)),
    'kind = "task"\nobjects = ["1.0.1.8.0.255"]',
    'kind = "task"\nobjects = ["1.0.99.1.0.255"]\nmeters = ["90000002"]',
]
STORY = """
about = "A concentrator is asked while its SIM is barred, and answers afterwards."
start = 2026-07-06T10:00:00
duration = "3h"

[field]
meters = 3
outages = "none"
grid = false

[[fault]]
kind = "sim"
target = "C-001"
code = 103 # illegal MS
at = "5m"
until = "40m"

[expect]
orders = 0
""" + "".join(
    f'\n[[ask]]\nat = "10m"\nconcentrator = "C-001"\ndeadline = "2h"\n{each}\n' for each in WANTED
)


@sqlite_only("stories keep what they tell in it")
def test_what_was_asked_meanwhile_is_done_after_it() -> None:
    found = run(parse(STORY)).activities[::-1]
    # All are asked in one moment, by one command each: who is first is not said.
    assert sorted(each.kind for each in found) == sorted([*(set(K) - {K.REBOOT}), K.TASK])
    assert {(each.state, each.tries, each.reason) for each in found} == {
        (ActivityState.ANSWERED, 1, None)
    }
    told = {each.task.objects[0].class_id: each.told for each in found if each.task is not None}
    assert told == {3: {"meters": 3, "read": 3}, 7: {"meters": 1, "read": 1}}
    for each in found:
        assert each.sent_at and each.ended_at
        assert (each.sent_at - each.asked_at).total_seconds() >= BARRED_STILL_S
