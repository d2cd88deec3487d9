"""What there is not, what is away, and how the head-end stands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headend.domain.meter_clock import MeterClock
from headend.ports import StoreUnavailable, Transaction
from tests.conftest import SIMULATED_START
from tests.rest.asking import METERS, ORDERS, P, send
from tests.rest.house import Door

LOST = {
    "a meter": f"{METERS}/M999",
    "its explanation": f"{METERS}/M999/explanation",
    "its readings": f"{METERS}/M999/readings",
    "its latest": f"{METERS}/M999/readings/latest",
    "its profiles": f"{METERS}/M999/profiles",
    "an order": f"{ORDERS}/99",
}


@pytest.mark.parametrize("path", LOST.values(), ids=LOST)
async def test_what_there_is_not(path: str) -> None:
    door = await Door().open()
    told = await door.ask("GET", path, *P)
    assert (told.status_code, told.json()["code"]) == (404, "not-found")
    assert told.json()["next_step"].startswith("GET /api/v1/")


OUTSIDE = {
    "no route": ("GET", "/api/v2/orders", 404, "no-such-route"),
    "a slash behind": ("GET", "/api/v1/orders/", 404, "no-such-route"),
    "another method": ("DELETE", "/api/v1/orders", 405, "wrong-method"),
    "no page of scripts": ("GET", "/docs", 404, "no-such-route"),
}


@pytest.mark.parametrize(("method", "path", "status", "code"), OUTSIDE.values(), ids=OUTSIDE)
async def test_outside_of_the_routes(method: str, path: str, status: int, code: str) -> None:
    told = await (await Door().open()).ask(method, path, P.ORDER_READ)
    assert (told.status_code, told.json()["code"]) == (status, code)
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["cache-control"] == "no-store"


async def test_a_question_has_bounds() -> None:
    door = await Door().open()
    large = b"[" + b" " * door.config.rest.body_max_bytes
    told = await door.ask("POST", ORDERS, P.ORDER_SEND, content=large)
    assert (told.status_code, told.json()["code"]) == (413, "too-large")
    deep = b"[" * 100_000
    told = await door.ask(
        "POST", ORDERS, P.ORDER_SEND, content=deep,
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )  # fmt: skip
    assert told.status_code == 400


async def test_a_database_that_is_away_is_told_so() -> None:
    door = await Door().open()
    token = await door.token("all")

    async def away(query: object) -> None:
        raise StoreUnavailable("disk full")

    door.parts = replace(door.parts, read=away)  # type: ignore[arg-type]
    told = await door.ask("GET", ORDERS, token=token)
    assert (told.status_code, told.json()["code"]) == (503, "database-away")
    assert "disk" not in told.text
    health = await door.ask("GET", "/health")
    assert health.status_code == 503 and health.json() == {
        "healthy": False, "parts": {"broker": True, "work": True, "database": False},
    }  # fmt: skip


async def test_a_mistake_of_ours_shows_no_stack() -> None:
    door = await Door().open()

    async def broken(query: object) -> None:
        raise RuntimeError("secret word")

    door.parts = replace(door.parts, read=broken)  # type: ignore[arg-type]
    told = await door.ask("GET", ORDERS, P.ORDER_READ)
    assert (told.status_code, told.json()["code"]) == (500, "broke")
    assert "secret" not in told.text


async def test_health_tells_which_part_is_not_well() -> None:
    door = await Door().open()
    assert (await door.ask("GET", "/health")).json()["healthy"] is True
    door.healthy = {"broker": False, "work": True}
    told = await door.ask("GET", "/health")
    assert told.status_code == 503 and told.json()["parts"]["broker"] is False


async def test_metrics_of_orders_and_of_questions() -> None:
    door = await Door().open()
    await send(door)
    await send(door, key="k-2", meter="M999")
    await door.ask("GET", f"{METERS}/M001", P.REGISTRY_READ)
    await door.ask("GET", f"{METERS}/M002", P.REGISTRY_READ)
    told = await door.ask("GET", "/metrics", P.METRICS_READ)
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    count = "ami_rest_answer_seconds_count"
    for line in (
        'ami_orders_open{state="queued"} 1.0',
        'ami_orders_ended_total{state="rejected"} 1.0',
        'ami_outbox_messages{channel="queue"} 1.0',
        f'{count}{{method="POST",route="/api/v1/orders",status="201"}} 2.0',
        f'{count}{{method="GET",route="/api/v1/meters/{{name}}",status="200"}} 2.0',
    ):
        assert line in told.text, told.text
    assert "M001" not in told.text


async def test_each_look_at_a_clock_is_reached() -> None:
    door = await Door().open()
    looks = [
        MeterClock("M001", SIMULATED_START + timedelta(seconds=at), at + 1, float(at), 0.1)
        for at in range(3)
    ]

    def work(tx: Transaction) -> None:
        for look in looks:
            tx.add_meter_clock(look)

    await door.store.run(work)
    found: list[Any] = []
    asked: dict[str, Any] = {"limit": 2}
    while True:
        path = f"{METERS}/M001/clocks"
        told = (await door.ask("GET", path, P.READING_READ, params=asked)).json()
        found += told["items"]
        if told["next"] is None:
            break
        asked["cursor"] = told["next"]
    assert [each["order"] for each in found] == [3, 2, 1]


BOUNDED = {
    # by nature, as docs/rest.md says of each: the objects of a meter, its profiles, 400 days, what
    # a configuration has, the tasks and plug-ins of a head-end, a utility's feeders
    "/api/v1/meters/{name}/readings/latest",
    "/api/v1/meters/{name}/profiles",
    "/api/v1/collection",
    "/api/v1/collection/schedules",
    "/api/v1/tasks",
    "/api/v1/tasks/kinds",
    "/api/v1/feeders",
    "/api/v1/feeders/mappings",
}


async def test_every_list_comes_in_pages() -> None:
    told = (await (await Door().open()).ask("GET", "/api/v1/openapi.json")).json()
    whole = set()
    for path, methods in told["paths"].items():
        asked = methods.get("get", {"responses": {}})
        content = asked["responses"].get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        named = told["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
        parts = named.get("properties", {})
        if schema.get("type") != "array" and "items" not in parts:
            continue
        words = {each["name"] for each in asked.get("parameters", ())}
        if not ("next" in parts and {"limit", "cursor"} <= words):
            whole.add(path)
    assert whole == BOUNDED
    page = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
    pages = next(line for line in page.split("\n- ") if line.startswith("**Pages.**"))
    for path in BOUNDED:
        assert path.removeprefix("/api/v1").replace("{name}", "…") in pages


async def test_the_description_is_of_version_3_1_and_whole() -> None:
    door = await Door().open()
    told = (await door.ask("GET", "/api/v1/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    assert told["components"]["securitySchemes"]["token"] == {
        "type": "http", "scheme": "bearer", "description": "A token: ami token create",
    }  # fmt: skip
    text = json.dumps(told)
    names = {each.split('"')[0] for each in text.split("#/components/schemas/")[1:]}
    assert names <= set(told["components"]["schemas"])
    assert "HTTPValidationError" not in text
