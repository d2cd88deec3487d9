"""A simulated concentrator does what it was asked while its SIM was barred, once it is back."""

from __future__ import annotations

from datetime import datetime

import pytest

from headend.access.desk import By
from headend.app.head_end import HeadEnd
from headend.domain.activity import Activity, ActivityKind, ActivityState
from headend.registry.activity_asking import AskWanted, ask
from headend.store import activity_queries as queries
from scenarios import commands
from scenarios.engine import run
from scenarios.schema import ClockSpec, parse

K = ActivityKind
STORY = """
about = "A concentrator is asked while its SIM is barred, and answers afterwards."
start = 2026-07-06T10:00:00
duration = "3h"

[field]
meters = 3

[[fault]]
kind = "sim"
target = "C-001"
code = 103 # illegal MS
at = "5m"
until = "40m"

[[clock]]
at = "10m"
meter = "90000001"

[[clock]]
at = "2h50m"
meter = "90000002"

[expect]
orders = 0
"""
WANTED = [
    *(AskWanted("C-001", kind, 7200) for kind in K if kind is not K.TASK),
    AskWanted("C-001", K.TASK, 7200, objects=("1.0.1.8.0.255",)),
    AskWanted("C-001", K.TASK, 7200, meters=("90000002",), objects=("1.0.99.1.0.255",)),
]


async def _asked(head_end: HeadEnd) -> None:
    now = head_end.reads.clock.now()
    for wanted in WANTED:
        await head_end.store.run(
            lambda tx, wanted=wanted: ask(tx, wanted, By("ana", "test"), now, head_end.reads)  # type: ignore[misc]
        )
    head_end.activities.wake()


def test_what_was_asked_meanwhile_is_done_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Activity] = []
    off_line: list[bool | None] = []

    async def order(head_end: HeadEnd, spec: ClockSpec, start: datetime) -> None:
        if spec.meter == "90000001":
            off_line.append(head_end.field.connectivity("C-001").online)
            await _asked(head_end)
        else:
            found.extend(head_end.store.read(queries.activities))

    monkeypatch.setattr(commands, "order", order)  # what the story's two clocks stand for
    run(parse(STORY))
    assert off_line == [False]
    assert [each.kind for each in reversed(found)] == [wanted.kind for wanted in WANTED]
    assert {(each.state, each.tries, each.reason) for each in found} == {
        (ActivityState.ANSWERED, 1, None)
    }
    told = [each.told for each in reversed(found) if each.kind is K.TASK]
    assert [each["read"] == each["meters"] for each in told if each] == [True, True]
    assert told[1] == {"meters": 1, "read": 1}
    for each in found:
        assert each.sent_at and each.ended_at
        assert (each.sent_at - each.asked_at).total_seconds() >= 25 * 60  # the SIM was barred
