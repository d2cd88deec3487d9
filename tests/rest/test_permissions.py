"""Every route has a permission, asks for it, and says so in its description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from headend.domain.account import DANGEROUS, Permission
from headend.rest.door import OPENAPI
from headend.rest.standing import OPEN
from tests.rest.house import Door, the_app

P = Permission

CALENDAR = """name = "X"
season = [{ name = "S", start = "01-01", week = "W" }]
week = [{ name = "W", days = [1, 1, 1, 1, 1, 1, 1] }]
day = [{ number = 1, switch = { "00:00" = 1 } }]
"""

# What a route needs to be asked in earnest; names of things that there are not.
EXAMPLES: dict[str, dict[str, Any]] = {
    "GET /api/v1/meters/{name}/profiles/{profile}": {
        "params": {"since": "2026-07-01T00:00Z", "until": "2026-07-02T00:00Z"}
    },
    "GET /api/v1/collection": {"params": {"since": "2026-07-01", "until": "2026-07-02"}},
    "GET /api/v1/collection/completeness": {
        "params": {"since": "2026-07-01", "until": "2026-07-02"}
    },
    "GET /api/v1/collection/gaps": {"params": {"since": "2026-07-01", "until": "2026-07-02"}},
    "GET /api/v1/service-levels": {"params": {"since": "2026-07-01", "until": "2026-07-02"}},
    "GET /api/v1/stream": {"params": {"wait_s": 0}},
    "POST /api/v1/orders": {"json": {"meter": "M999", "kind": "connect"}},
    "POST /api/v1/campaigns": {"json": {"kind": "connect", "meters": ["M001"]}},
    "POST /api/v1/campaigns/preview": {"json": {"kind": "connect", "meters": ["M001"]}},
    "POST /api/v1/events/{number}/acknowledgement": {"json": {"note": "seen"}},
    "POST /api/v1/incidents/{number}/acknowledgement": {"json": {}},
    "POST /api/v1/concentrators/{name}/activities": {"json": {"kind": "clock"}},
    "POST /api/v1/meters/{name}/reads": {"json": {"objects": ["voltage-l1"]}},
    "POST /api/v1/meters/{name}/steps": {"json": {"step": "block"}},
    "POST /api/v1/meters/{name}/commissioning": {"json": {}},
    "POST /api/v1/reports": {"json": {"report": "orders", "every": "month"}},
    "POST /api/v1/party/reports": {"json": {"report": "orders", "every": "month"}},
    "POST /api/v1/places": {"json": {"code": "R", "kind": "region"}},
    "POST /api/v1/places/import": {"content": b"kind,code\nregion,R\n"},
    "POST /api/v1/installations": {"content": b"meter,service_point\n"},
    "POST /api/v1/concentrators": {"json": {"name": "C-9"}},
    "POST /api/v1/shipments": {"content": b"meter\nM998\n"},
    "POST /api/v1/shipments/preview": {"content": b"meter\nM998\n"},
    "POST /api/v1/firmware": {
        "params": {"model": "sim-3p", "version": "ami-sim-2"},
        "content": b"an image",
    },
    "POST /api/v1/meters/{name}/tariff": {"json": {"calendar": CALENDAR}},
    "POST /api/v1/tasks": {
        "json": {
            "name": "counted",
            "kind": "SIADCustomersInfo",
            "schedule": {"every": "daily"},
        }
    },
    "PATCH /api/v1/tasks/{name}": {"json": {"catch_up": "last"}},
    "POST /api/v1/tasks/{name}/runs": {"json": {}},
    "PUT /api/v1/feeders/mappings/{siad}": {"json": {"simoce": "CTO_1"}},
}
KEY = {"Idempotency-Key": "k-1"}
FILLED = {
    "id": "0123456789abcdef",
    "table": "orders",
    "source": "0" * 64,
    "number": "99",
    "name": "M999",
    "code": "R-9",
    "siad": "VEN-1",
    "image": "0" * 64,
    "profile": "1.0.99.1.0.255",
}

# What each route asks for, read aloud: a changed permission is a changed line here.
WANTED = {
    "GET /api/v1/orders": P.ORDER_READ,
    "POST /api/v1/orders": P.ORDER_SEND,
    "GET /api/v1/orders/{number}": P.ORDER_READ,
    "POST /api/v1/orders/{number}/repeat": P.ORDER_SEND,
    "POST /api/v1/orders/{number}/cancel": P.ORDER_CANCEL,
    "POST /api/v1/orders/{number}/approve": P.ORDER_APPROVE,
    "POST /api/v1/orders/{number}/refuse": P.ORDER_APPROVE,
    "GET /api/v1/campaigns": P.ORDER_READ,
    "POST /api/v1/campaigns": P.ORDER_SEND,
    "POST /api/v1/campaigns/preview": P.ORDER_SEND,
    "GET /api/v1/campaigns/{number}": P.ORDER_READ,
    "GET /api/v1/campaigns/{number}/meters": P.ORDER_READ,
    "POST /api/v1/campaigns/{number}/pause": P.ORDER_SEND,
    "POST /api/v1/campaigns/{number}/resume": P.ORDER_SEND,
    "POST /api/v1/campaigns/{number}/retry": P.ORDER_SEND,
    "POST /api/v1/campaigns/{number}/cancel": P.ORDER_CANCEL,
    "POST /api/v1/campaigns/{number}/approve": P.ORDER_APPROVE,
    "POST /api/v1/campaigns/{number}/refuse": P.ORDER_APPROVE,
    "GET /api/v1/meters": P.REGISTRY_READ,
    "GET /api/v1/meters/{name}": P.REGISTRY_READ,
    "GET /api/v1/meters/{name}/explanation": P.ORDER_READ,
    "GET /api/v1/meters/{name}/why": P.ORDER_READ,
    "GET /api/v1/service-levels": P.REPORT_READ,
    "POST /api/v1/meters/{name}/reads": P.READING_DEMAND,
    "GET /api/v1/meters/{name}/clocks": P.READING_READ,
    "POST /api/v1/meters/{name}/clock": P.METER_ADJUST,
    "POST /api/v1/meters/{name}/tariff": P.METER_ADJUST,
    "GET /api/v1/concentrators": P.REGISTRY_READ,
    "GET /api/v1/concentrators/{name}/activities": P.REGISTRY_READ,
    "POST /api/v1/concentrators/{name}/activities": P.CONCENTRATOR_ASK,
    "GET /api/v1/concentrators/{name}/activities/{number}": P.REGISTRY_READ,
    "POST /api/v1/concentrators": P.REGISTRY_WRITE,
    "GET /api/v1/meters/{name}/life": P.REGISTRY_READ,
    "POST /api/v1/meters/{name}/steps": P.REGISTRY_WRITE,
    "GET /api/v1/meters/{name}/commissioning": P.REGISTRY_READ,
    "POST /api/v1/meters/{name}/commissioning": P.REGISTRY_WRITE,
    "POST /api/v1/places/import": P.REGISTRY_WRITE,
    "POST /api/v1/installations": P.REGISTRY_WRITE,
    "GET /api/v1/collection/schedules": P.READING_READ,
    "POST /api/v1/reports": P.REPORT_READ,
    "GET /api/v1/reports/{id}": P.REPORT_READ,
    "POST /api/v1/party/reports": P.PARTY_READ,
    "GET /api/v1/party/reports/{id}": P.PARTY_READ,
    "GET /api/v1/places": P.REGISTRY_READ,
    "POST /api/v1/places": P.REGISTRY_WRITE,
    "GET /api/v1/places/{code}": P.REGISTRY_READ,
    "GET /api/v1/feeders": P.READING_READ,
    "GET /api/v1/feeders/mappings": P.READING_READ,
    "PUT /api/v1/feeders/mappings/{siad}": P.TASK_WRITE,
    "DELETE /api/v1/feeders/mappings/{siad}": P.TASK_WRITE,
    "GET /api/v1/tasks": P.TASK_READ,
    "POST /api/v1/tasks": P.TASK_WRITE,
    "GET /api/v1/tasks/kinds": P.TASK_READ,
    "GET /api/v1/tasks/runs": P.TASK_READ,
    "GET /api/v1/tasks/runs/{number}": P.TASK_READ,
    "GET /api/v1/tasks/runs/{number}/log": P.TASK_READ,
    "GET /api/v1/tasks/{name}": P.TASK_READ,
    "PATCH /api/v1/tasks/{name}": P.TASK_WRITE,
    "DELETE /api/v1/tasks/{name}": P.TASK_WRITE,
    "POST /api/v1/tasks/{name}/activate": P.TASK_WRITE,
    "POST /api/v1/tasks/{name}/deactivate": P.TASK_WRITE,
    "POST /api/v1/tasks/{name}/pause": P.TASK_WRITE,
    "POST /api/v1/tasks/{name}/resume": P.TASK_WRITE,
    "POST /api/v1/tasks/{name}/runs": P.TASK_WRITE,
    "GET /api/v1/shipments": P.REGISTRY_READ,
    "GET /api/v1/shipments/{number}": P.REGISTRY_READ,
    "POST /api/v1/shipments": P.REGISTRY_WRITE,
    "POST /api/v1/shipments/preview": P.REGISTRY_WRITE,
    "GET /api/v1/firmware": P.REGISTRY_READ,
    "GET /api/v1/firmware/{image}": P.REGISTRY_READ,
    "POST /api/v1/firmware": P.FIRMWARE_INSTALL,
    "GET /api/v1/meters/{name}/readings": P.READING_READ,
    "GET /api/v1/meters/{name}/readings/latest": P.READING_READ,
    "GET /api/v1/meters/{name}/profiles": P.READING_READ,
    "GET /api/v1/meters/{name}/profiles/{profile}": P.READING_READ,
    "GET /api/v1/collection": P.READING_READ,
    "GET /api/v1/events": P.EVENT_READ,
    "GET /api/v1/events/{number}": P.EVENT_READ,
    "POST /api/v1/events/{number}/acknowledgement": P.EVENT_ACKNOWLEDGE,
    "GET /api/v1/incidents": P.EVENT_READ,
    "GET /api/v1/incidents/{number}": P.EVENT_READ,
    "POST /api/v1/incidents/{number}/acknowledgement": P.EVENT_ACKNOWLEDGE,
    "GET /api/v1/collection/completeness": P.READING_READ,
    "GET /api/v1/collection/gaps": P.READING_READ,
    "GET /api/v1/notices": P.EVENT_READ,
    "GET /api/v1/stream": P.STREAM_READ,
    "GET /api/v1/reports": P.REPORT_READ,
    "GET /api/v1/reports/{id}/file": P.REPORT_READ,
    "GET /api/v1/party/reports": P.PARTY_READ,
    "GET /api/v1/party/reports/{id}/file": P.PARTY_READ,
    "GET /api/v1/party/files": P.PARTY_READ,
    "GET /api/v1/party/files/{table}/{source}": P.PARTY_READ,
    "GET /metrics": P.METRICS_READ,
}


def operations() -> dict[str, dict[str, Any]]:
    """What OpenAPI describes, by method and path."""
    paths = the_app(Door().parts).openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


OPERATIONS = operations()


def every(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes, those of routers inside among them."""
    for route in routes:
        inside = getattr(route, "original_router", None)
        yield from [route] if inside is None else every(inside.routes)


def test_the_description_names_one_permission_for_each_route() -> None:
    told = {
        name: [scope for needed in operation.get("security", []) for scope in needed["token"]]
        for name, operation in OPERATIONS.items()
    }
    assert told == {
        **{name: [permission] for name, permission in WANTED.items()},
        **{f"GET {path}": [] for path in OPEN},
    }


def test_no_route_is_left_out_of_the_description() -> None:
    """Or a walk over the description would not meet it."""
    routes = list(every(the_app(Door().parts).routes))
    served = {
        f"{method} {route.path}"
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    others = {getattr(route, "path", "") for route in routes if not isinstance(route, APIRoute)}
    assert served == set(OPERATIONS)
    assert others == {OPENAPI}


@pytest.mark.parametrize("name", WANTED)
async def test_nobody_gets_in_without_the_permission(name: str) -> None:
    """Without a token 401, with one of every other permission 403, with the right one neither."""
    door = await Door().open()
    method, path = name.split()
    path = path.format(**FILLED)
    asked: dict[str, Any] = {"headers": KEY, **EXAMPLES.get(name, {})}
    permission = WANTED[name]

    nobody = await door.ask(method, path, **asked)
    assert nobody.status_code == 401 and nobody.json()["code"] == "no-token"
    assert nobody.headers["www-authenticate"] == 'Bearer realm="ami"'
    wrong = await door.ask(method, path, token="ami_aaaaaaaa_" + "A" * 43, **asked)
    assert wrong.status_code == 401 and 'error="invalid_token"' in wrong.headers["www-authenticate"]
    other = await door.ask(method, path, *(each for each in P if each != permission), **asked)
    assert other.status_code == 403 and other.json()["code"] == "not-permitted"
    assert f'scope="{permission}"' in other.headers["www-authenticate"]
    assert door.story()[-1] == f"{permission} refused all"
    right = await door.ask(method, path, permission, **asked)
    assert right.status_code in (200, 201, 404), right.text
    used = f"{permission} allowed all" in door.story()
    assert used == (permission in DANGEROUS)


@pytest.mark.parametrize("path", sorted(OPEN) + [OPENAPI])
async def test_what_is_open_needs_no_token(path: str) -> None:
    assert (await (await Door().open()).ask("GET", path)).status_code == 200


async def test_a_disconnection_takes_a_permission_of_its_own() -> None:
    door = await Door().open()
    cut = {"meter": "M001", "kind": "disconnect"}
    refused = await door.ask("POST", "/api/v1/orders", P.ORDER_SEND, json=cut, headers=KEY)
    assert refused.status_code == 403 and "order.cut" in refused.json()["detail"]
    assert "order.cut refused all" in door.story()
    both = (P.ORDER_SEND, P.ORDER_CUT)
    taken = await door.ask("POST", "/api/v1/orders", *both, json=cut, headers=KEY)
    assert taken.status_code == 201
    assert door.story()[-3:] == [
        "order.send allowed all", "order.cut allowed all", "order.cut done all",
    ]  # fmt: skip


async def test_a_place_with_too_many_wrong_tokens_is_told_to_wait() -> None:
    door = await Door().open()
    for number in range(door.policy.place_failures_max + 1):
        wrong = await door.ask("GET", "/api/v1/orders", token=f"ami_aaaaaaaa_{number:043}")
    assert wrong.status_code == 429 and int(wrong.headers["retry-after"]) > 0
    assert (await door.ask("GET", "/api/v1/orders", P.ORDER_READ)).status_code == 200
