"""The MDM's stand-in at a door that answers as it is told: what it keeps, and what ends a run."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from devices.clock import run_simulated
from scenarios import mdm_scenes
from scenarios.parts import BadScenario
from scenarios.schema import MdmSpec
from scenarios.stand_ins.mdm import Mdm

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)


@dataclass
class Door:
    """Answers every question alike, and keeps what came."""

    status: int = 200
    parts: list[bytes] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.asked.append({**scope, "body": message["body"], "headers": dict(scope["headers"])})
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def mdm(door: Door) -> Mdm:
    return Mdm(door, "ami_token", lambda: AT)


def test_each_question_has_its_token_and_a_key_of_its_own() -> None:
    door = Door(201, [b'{"number": 7, "transaction": "t", "state": "queued"}'])
    asking = mdm(door)

    async def twice() -> None:
        for _ in range(2):
            await asking.ask("POST", "/meters/4711/reads?x=1", {"objects": ["clock"]})

    asyncio.run(twice())
    keys = [each["headers"][b"idempotency-key"] for each in door.asked]
    assert len(set(keys)) == 2
    assert {each["headers"][b"authorization"] for each in door.asked} == {b"Bearer ami_token"}
    assert door.asked[0]["path"] == "/api/v1/meters/4711/reads"
    assert door.asked[0]["query_string"] == b"x=1"
    assert json.loads(door.asked[0]["body"]) == {"objects": ["clock"]}
    asked, answered = asking.journal[:2]
    assert (asked.way, asked.device, asked.order) == ("asked", "4711", None)
    assert (answered.way, answered.what, answered.order) == ("answered", "201", 7)


# What of an answer goes into the journal.
TOLD = [
    (b'{"title": "No.", "code": "no-token"}', "no-token"),
    (b'{"items": [1, 2, 3], "next": null}', "3"),
    (b"[1]", "1"),
    (b'{"campaign": {"number": 2, "state": "running"}}', "campaign 2 running"),
    (b'{"stage": "linked"}', "linked"),
    (b'{"code": 83}', ""),  # an event's, and no problem's
    (b"", ""),
]


@pytest.mark.parametrize(("body", "detail"), TOLD)
def test_an_answer_is_told_in_a_few_words(body: bytes, detail: str) -> None:
    asking = mdm(Door(200, [body]))
    asyncio.run(asking.ask("GET", "/x", {}))
    assert asking.journal[-1].detail == detail


@pytest.mark.parametrize(
    ("status", "expected", "right"),
    [(200, None, True), (403, None, False), (403, 403, True), (200, 403, False)],
)
def test_an_answer_that_the_story_does_not_expect_ends_it(
    status: int, expected: int | None, right: bool
) -> None:
    spec = MdmSpec(at="1m", ask="GET /events", status=expected)
    asking = mdm_scenes.ask(mdm(Door(status)), spec)
    if right:
        run_simulated(asking, start=AT)
        return
    with pytest.raises(BadScenario, match=f"GET /events was answered {status}"):
        run_simulated(asking, start=AT)


def test_the_stream_is_heard_in_parts_and_gone_on_with() -> None:
    """A line that comes in two parts is one; the next question begins where the last one ended."""
    event = b'event: order\nid: 5\ndata: {"kind":"order","what":"done","number":3}\n\n'
    door = Door(200, [b"event: start\nid: 4\ndata: {}\n\n", event[:30], event[30:]])
    listening = mdm(door)

    async def listen_twice() -> None:
        task = asyncio.ensure_future(listening.listen())
        while len(door.asked) < 2:
            await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_simulated(listen_twice(), start=AT)
    said = listening.journal[0]
    assert (said.what, said.order, said.way) == ("order done", 3, "told")
    assert b"last-event-id" not in door.asked[0]["headers"]
    assert door.asked[1]["headers"][b"last-event-id"] == b"5"
