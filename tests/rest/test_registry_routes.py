"""The registry's work by REST: places, concentrators, a meter's life."""

from __future__ import annotations

from typing import Any

import pytest

from headend.domain.account import Permission
from headend.domain.meter import Meter, Stage
from headend.store import access_queries, queries, registry_queries
from tests.access.making import BY
from tests.rest.house import Door

P = Permission
V1 = "/api/v1"
READ, WRITE = P.REGISTRY_READ, P.REGISTRY_WRITE


class Registry:
    """A door, and a counter for keys."""

    def __init__(self, door: Door) -> None:
        self.door, self.keys = door, 0

    async def do(self, path: str, body: dict[str, Any], key: str = "") -> Any:
        self.keys += 1
        headers = {"Idempotency-Key": key or f"k-{self.keys}"}
        return await self.door.ask("POST", V1 + path, WRITE, json=body, headers=headers)

    async def step(self, meter: str, step: str, **more: Any) -> Any:
        return await self.do(f"/meters/{meter}/steps", {"step": step, **more})

    async def see(self, path: str, **params: Any) -> Any:
        return (await self.door.ask("GET", V1 + path, READ, params=params)).json()


async def opened() -> Registry:
    door = await Door().open()
    new = [Meter(name, stage=Stage.IN_STOCK, model="sim-3p") for name in ("N-1", "N-2")]
    await door.store.run(lambda tx: tx.put_meters(new))
    registry = Registry(door)
    for code, kind, parent in (("Z", "zone", None), ("SP", "service-point", "Z")):
        put = await registry.do("/places", {"code": code, "kind": kind, "parent": parent})
        assert put.status_code == 200, put.text
    return registry


async def test_places_are_entered_moved_and_listed() -> None:
    registry = await opened()
    assert [each["code"] for each in (await registry.see("/places"))["items"]] == ["SP", "Z"]
    within = await registry.see("/places", within="Z", kind="service-point")
    assert [each["code"] for each in within["items"]] == ["SP"]
    first = await registry.see("/places", limit=1)
    rest = await registry.see("/places", limit=1, cursor=first["next"])
    assert [each["code"] for each in rest["items"]] == ["Z"]
    assert (await registry.see("/places/SP"))["parent"] == "Z"
    for body in (
        {"code": "SP", "kind": "zone"},  # it stays a service point
        {"code": "Y", "kind": "zone", "parent": "SP"},
        {"code": "Y", "kind": "zone", "parent": "nowhere"},
    ):
        wrong = await registry.do("/places", body)
        assert wrong.status_code == 409 and wrong.json()["code"] == "misplaced"


async def test_a_meters_life_by_rest() -> None:
    registry = await opened()
    assert (await registry.do("/concentrators", {"name": "C-9", "sim": "8956"})).status_code == 200
    hung = await registry.step("N-1", "install", service_point="SP", why="new supply")
    assert hung.status_code == 200 and hung.json()["stage"] == "installed"
    linked = await registry.step("N-1", "link", concentrator="C-9")
    assert linked.json()["concentrator"] == "C-9"
    assert (await registry.step("N-1", "block", why="tampering")).json()["blocked"] is True
    assert (await registry.step("N-1", "unblock", why="seen")).json()["blocked"] is False
    changed = await registry.step("N-1", "exchange", by="N-2", why="broken glass")
    assert changed.status_code == 200 and changed.json()["name"] == "N-2"
    old, new = await registry.see("/meters/N-1/life"), await registry.see("/meters/N-2/life")
    assert old["stage"] == "removed" and new["stage"] == "installed"
    assert [line["step"] for line in old["life"]] == [
        "install", "link", "block", "unblock", "remove",
    ]  # fmt: skip
    assert {line["who"] for line in old["life"]} == {"all"}
    assert old["installations"][0]["until"] == new["installations"][0]["since"]
    entries = registry.door.store.read(lambda c: access_queries.audit(c))
    done = [(e.subject, e.detail) for e in entries if (e.action, e.outcome) == (WRITE, "done")]
    assert ("meter N-1", "exchange: broken glass") in done


async def test_a_last_reading_below_what_was_read_is_refused_unless_told_so() -> None:
    registry = await opened()
    at = {"service_point": "SP", "first_read_kwh": "47999.5"}
    assert (await registry.step("N-1", "install", **at)).status_code == 200
    low = {"by": "N-2", "last_read_kwh": "12345.6", "why": "broken glass"}
    refused = await registry.step("N-1", "exchange", **low)
    assert (refused.status_code, refused.json()["code"]) == (409, "below-readings"), refused.text
    assert "below the 47,999.5 kWh" in refused.json()["detail"]
    kept = await registry.step("N-1", "exchange", **low, below_readings=True)
    assert kept.status_code == 200, kept.text
    left, _ = registry.door.store.read(lambda c: registry_queries.installations_at(c, "SP"))
    assert left.last_read is not None and left.last_read.value == 12345600
    entries = registry.door.store.read(lambda c: access_queries.audit(c))
    done = [e.detail for e in entries if (e.action, e.outcome) == (WRITE, "done")]
    assert "exchange below readings: broken glass" in done


@pytest.mark.parametrize(
    ("meter", "body", "status", "code"),
    [
        ("N-9", {"step": "block"}, 404, "no-such-meter"),
        ("N-1", {"step": "link", "concentrator": "C-77"}, 404, "no-such-concentrator"),
        ("N-1", {"step": "install", "service_point": "Z"}, 404, "no-such-place"),
        ("N-1", {"step": "install"}, 400, "wrong-question"),
        ("N-1", {"step": "fly"}, 400, "wrong-question"),
        ("N-1", {"step": "block", "at": "2099-01-01T00:00Z"}, 400, "wrong-question"),
        ("N-1", {"step": "take-into-service"}, 409, "meter-in-stock"),
        ("M001", {"step": "exchange", "by": "N-1"}, 409, "place-not-known"),
    ],
)
async def test_a_step_that_is_not_taken_leaves_nothing(
    meter: str, body: dict[str, Any], status: int, code: str
) -> None:
    registry = await opened()
    before = registry.door.store.read(lambda c: queries.meter(c, meter))
    refused = await registry.do(f"/meters/{meter}/steps", body, key="again")
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert registry.door.store.read(lambda c: queries.meter(c, meter)) == before
    right = await registry.do("/meters/N-2/steps", {"step": "block", "why": "x"}, key="again")
    assert right.status_code == 200, "the key is not used up"


async def test_the_same_key_takes_a_step_once() -> None:
    registry = await opened()
    body = {"step": "block", "why": "x"}
    first = await registry.do("/meters/N-1/steps", body, key="one")
    again = await registry.do("/meters/N-1/steps", body, key="one")
    assert (again.status_code, again.content) == (200, first.content)
    assert len((await registry.see("/meters/N-1/life"))["life"]) == 1
    other = await registry.do("/meters/N-2/steps", body, key="one")
    assert other.status_code == 422 and other.json()["code"] == "key-reused"


async def test_a_token_for_one_place_sees_a_life_and_takes_no_step() -> None:
    registry = await opened()
    await registry.step("N-1", "install", service_point="SP")
    door = registry.door
    _, token = await door.desk.create_token("all", BY, scopes=(READ, WRITE), place="zone:Z")
    life = await door.ask("GET", f"{V1}/meters/N-1/life", token=token)
    assert life.status_code == 200
    other = await door.ask("GET", f"{V1}/meters/N-2/life", token=token)
    assert other.status_code == 404
    for method, path, body in (
        ("POST", "/meters/N-1/steps", {"step": "block"}),
        ("GET", "/places", None),
        ("POST", "/places", {"code": "Q", "kind": "zone"}),
    ):
        refused = await door.ask(
            method, V1 + path, token=token, json=body, headers={"Idempotency-Key": "p"}
        )
        assert refused.status_code == 403 and refused.json()["code"] == "limited-to-a-place"


async def test_no_shipment_has_come() -> None:
    registry = await opened()
    assert await registry.see("/shipments") == {"items": [], "next": None}
    assert (await registry.see("/shipments/7"))["code"] == "not-found"
