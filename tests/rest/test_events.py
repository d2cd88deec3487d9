"""Events and incidents by REST: filtered, in pages, acknowledged once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headend.config import EventPolicy
from headend.domain.account import Permission
from headend.domain.event import Event, Source
from headend.domain.event_table import PARTS, of_name
from headend.events.incidents import correlate
from headend.ports import Transaction
from tests.conftest import SIMULATED_START
from tests.rest.house import Door

P = Permission
EVENTS, INCIDENTS = "/api/v1/events", "/api/v1/incidents"


async def door_after_an_outage() -> Door:
    """Five meters lost their supply and four have it back; a sixth lost its cover."""
    door = await Door().open()

    def work(tx: Transaction) -> None:
        kept = []
        told = [(f"M{n:03}", "power-down", n) for n in range(5)]
        told += [(f"M{n:03}", "power-up", 600 + n) for n in range(4)]
        told += [("M006", "terminal-cover-removed", 30)]
        for device, name, second in told:
            kind, part = of_name(name), PARTS.get(name)
            event = Event(
                device, name, kind.severity, SIMULATED_START + timedelta(seconds=second),
                door.clock.now(), (Source.PUSH,), kind.code, "transformer T-1",
                None if part is None else part.kind,
            )  # fmt: skip
            number = tx.add_event(event)
            found = tx.event(number)
            assert found is not None
            kept.append(found)
        correlate(tx, kept, EventPolicy(), door.clock.now())

    await door.store.run(work)
    return door


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 10),
        ({"device": "M006"}, 1),
        ({"name": "power-up"}, 4),
        ({"severity": "critical"}, 5),
        ({"severity": "major"}, 6),
        ({"incident": 1}, 9),
        ({"incident": 2}, 0),
        ({"since": (SIMULATED_START + timedelta(seconds=600)).isoformat()}, 4),
        ({"until": (SIMULATED_START + timedelta(seconds=2)).isoformat()}, 2),
        ({"acknowledged": "true"}, 0),
        ({"acknowledged": "false"}, 10),
    ],
)
async def test_events_are_filtered(asked: dict[str, Any], count: int) -> None:
    door = await door_after_an_outage()
    answer = await door.ask("GET", EVENTS, P.EVENT_READ, params=asked)
    assert len(answer.json()["items"]) == count, answer.text


async def test_pages_hold_each_event_once_the_latest_first() -> None:
    door = await door_after_an_outage()
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = await door.ask("GET", EVENTS, P.EVENT_READ, params={"limit": 3, **after})
        found += page.json()["items"]
        if page.json()["next"] is None:
            break
        after = {"cursor": page.json()["next"]}
    assert len({each["number"] for each in found}) == len(found) == 10
    assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True)
    assert {(each["name"], each["texto"], each["cim"]) for each in found} >= {
        ("power-down", "corte de alimentación", "3.26.0.47")
    }
    wrong = await door.ask("GET", EVENTS, P.EVENT_READ, params={"cursor": "W10"})
    assert wrong.status_code == 400


async def test_an_incident_is_shown_and_acknowledged_once_with_its_events() -> None:
    door = await door_after_an_outage()
    (one,) = (await door.ask("GET", INCIDENTS, P.EVENT_READ, params={"open": "true"})).json()[
        "items"
    ]
    assert (one["kind"], one["place"], one["members"], one["without"], one["ended_at"]) == (
        "outage", "transformer T-1", 5, 1, None,
    )  # fmt: skip
    path = f"{INCIDENTS}/{one['number']}"
    assert (await door.ask("GET", path, P.EVENT_READ)).json() == one
    for params, count in (
        ({"open": "false"}, 0), ({"kind": "phase-loss"}, 0), ({"place": "transformer T-1"}, 1),
        ({"place": "transformer T-2"}, 0), ({"acknowledged": "true"}, 0),
    ):  # fmt: skip
        answer = await door.ask("GET", INCIDENTS, P.EVENT_READ, params=params)
        assert len(answer.json()["items"]) == count, params

    for note in ("a crew is on its way", "another hand"):
        seen = await door.ask(
            "POST", f"{path}/acknowledgement", P.EVENT_ACKNOWLEDGE, json={"note": note}
        )
        assert seen.status_code == 200
        assert seen.json()["acknowledged"]["note"] == "a crew is on its way"
        assert seen.json()["acknowledged"]["who"] == "all"
    assert door.story().count("event.acknowledge done all") == 1
    left = await door.ask("GET", EVENTS, P.EVENT_READ, params={"acknowledged": "false"})
    assert [each["device"] for each in left.json()["items"]] == ["M006"]
    alone = f"{EVENTS}/{left.json()['items'][0]['number']}"
    seen = await door.ask("POST", f"{alone}/acknowledgement", P.EVENT_ACKNOWLEDGE, json={})
    assert seen.json()["acknowledged"]["note"] == ""
    assert (await door.ask("GET", alone, P.EVENT_READ)).json() == seen.json()


@pytest.mark.parametrize("path", [f"{EVENTS}/99", f"{INCIDENTS}/99"])
async def test_what_there_is_not(path: str) -> None:
    door = await door_after_an_outage()
    assert (await door.ask("GET", path, P.EVENT_READ)).status_code == 404
    seen = await door.ask("POST", f"{path}/acknowledgement", P.EVENT_ACKNOWLEDGE, json={})
    assert seen.status_code == 404
