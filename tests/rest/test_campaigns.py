"""Campaigns by REST: started once, steered, and decided on by a second person."""

from __future__ import annotations

from typing import Any

import pytest

from headend.access.desk import By
from headend.config import Config, OrderPolicy
from headend.domain.account import Permission, Role
from tests.rest.house import Door

P = Permission
HERE = "/api/v1/campaigns"
LIMIT: dict[str, Any] = {"kind": "set-limit", "amount": "2000", "meters": ["M001", "M002"]}
KEY = {"Idempotency-Key": "k-1"}
SENDS, READS, CUTS = P.ORDER_SEND, P.ORDER_READ, P.ORDER_CUT


async def start(door: Door, scopes: tuple[P, ...] = (SENDS,), key: str = "k-1", **body: Any) -> Any:
    return await door.ask(
        "POST", HERE, *scopes, headers={"Idempotency-Key": key}, json={**LIMIT, **body}
    )


async def test_one_is_started_once_and_shown() -> None:
    door = await Door().open()
    made = await start(door, waves=["1", "100%"], pace=5, note="summer")
    assert made.status_code == 201 and made.headers["location"] == f"{HERE}/1"
    assert (await start(door, waves=["1", "100%"], pace=5, note="summer")).json() == made.json()
    other = await start(door, note="another")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    shown = (await door.ask("GET", f"{HERE}/1", READS)).json()
    assert shown["campaign"] == made.json()
    assert shown["total"] == {
        "waiting": 2, "under_way": 0, "done": 0, "failed": 0, "withdrawn": 0
    }  # fmt: skip
    assert (len(shown["waves"]), shown["reasons"], shown["held"]) == (2, {}, 0)
    assert shown["story"][0]["who"] == "all"
    (listed,) = (await door.ask("GET", HERE, READS)).json()["items"]
    assert listed == made.json()


async def test_meters_come_in_pages() -> None:
    door = await Door().open()
    await start(door, meters=["M003", "M001", "M002"])
    first = (await door.ask("GET", f"{HERE}/1/meters?limit=2", READS)).json()
    rest = (await door.ask("GET", f"{HERE}/1/meters?cursor={first['next']}", READS)).json()
    names = [each["meter"] for each in first["items"] + rest["items"]]
    assert names == ["M003", "M001", "M002"] and rest["next"] is None
    none = await door.ask("GET", f"{HERE}/1/meters?state=failed", READS)
    assert none.json()["items"] == []


async def test_it_is_steered() -> None:
    door = await Door().open()
    await start(door)
    for verb, scope, state in (
        ("pause", SENDS, "paused"),
        ("resume", SENDS, "running"),
        ("cancel", P.ORDER_CANCEL, "cancelled"),
    ):
        told = await door.ask("POST", f"{HERE}/1/{verb}", scope)
        assert (told.status_code, told.json()["state"]) == (200, state)
    again = await door.ask("POST", f"{HERE}/1/pause", SENDS, json={"why": "late"})
    assert (again.status_code, again.json()["code"]) == (409, "not-so")
    audited = await door.store.run(lambda tx: tx.audit_head())
    assert audited.number > 4


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no choice": ({"meters": []}, 400, "no-choice"),
    "unknown meters": ({"meters": ["X"]}, 400, "unknown-meters"),
    "a wave of nothing": ({"waves": ["0"]}, 400, "wrong-question"),
    "no waves": ({"waves": []}, 400, "wrong-question"),
    "no amount": ({"amount": None}, 400, "wrong-campaign"),
    "a detail that no order takes": ({"detail": {"colour": 1}}, 400, "wrong-campaign"),
    "a field that nobody knows": ({"colour": 1}, 400, "wrong-question"),
    "no kind": ({"kind": "explode"}, 400, "wrong-question"),
}


@pytest.mark.parametrize("body, status, code", WRONG.values(), ids=WRONG)
async def test_what_is_refused(body: dict[str, Any], status: int, code: str) -> None:
    door = await Door().open()
    told = await start(door, **body)
    assert (told.status_code, told.json()["code"]) == (status, code)


async def test_one_is_foreseen_and_nothing_begins() -> None:
    door = await Door().open()
    asked = {**LIMIT, "meters": ["M001", "M013", "X-1"], "waves": ["2", "1"], "any_day": True}
    told = await door.ask("POST", f"{HERE}/preview", SENDS, json=asked)
    assert told.json() == {
        "size": 2, "waves": [2], "cuts": False, "may_stop": True,
        "left_out": [{"why": "unknown", "count": 1, "meters": ["X-1"]}],
        "refused": [{"why": "not-commissioned", "count": 1, "meters": ["M013"]}],
    }  # fmt: skip
    every = {**asked, "meters": [], "every": True}
    told = await door.ask("POST", f"{HERE}/preview", SENDS, json=every)
    assert (told.json()["size"], told.json()["refused"]) == (19, [])
    assert told.json()["left_out"] == [{"why": "not-commissioned", "count": 1, "meters": ["M013"]}]
    for body, code in (
        ({"place": "T-9"}, "no-such-place"), ({"meters": []}, "no-choice"),
        ({"kind": "update-firmware", "amount": None, "detail": {"image": "0" * 64}},
         "no-such-image"),
    ):  # fmt: skip
        scopes = (SENDS, P.FIRMWARE_INSTALL)
        told = await door.ask("POST", f"{HERE}/preview", *scopes, json={**asked, **body})
        assert (told.status_code, told.json()["code"]) == (400, code)
        begun = await start(door, scopes, **{**asked, **body})
        assert begun.status_code == 400 and (code != "no-such-image" or code in begun.text)
    cut = {**asked, "kind": "disconnect", "amount": None}
    assert (await door.ask("POST", f"{HERE}/preview", SENDS, json=cut)).status_code == 403
    told = await door.ask("POST", f"{HERE}/preview", SENDS, CUTS, json=cut)
    assert told.json()["cuts"] is True
    assert (await door.ask("GET", HERE, READS)).json()["items"] == []


async def test_a_kind_takes_its_own_permission() -> None:
    door = await Door().open()
    cut = {"kind": "disconnect", "amount": None}
    assert (await start(door, **cut)).status_code == 403
    assert (await start(door, (SENDS, CUTS), **cut)).status_code == 201
    assert (await door.ask("POST", f"{HERE}/1/pause", SENDS)).status_code == 403
    assert (await door.ask("POST", f"{HERE}/1/pause", SENDS, CUTS)).status_code == 200


async def test_a_limit_of_one_watt_takes_what_a_disconnection_takes() -> None:
    door = await Door().open()
    body = {"kind": "set-limit", "amount": "1", "meter": "M001", "any_day": True}
    key = {"Idempotency-Key": "k-9"}
    told = await door.ask("POST", "/api/v1/orders", SENDS, headers=key, json=body)
    assert told.status_code == 403
    told = await door.ask("POST", "/api/v1/orders", SENDS, CUTS, headers=key, json=body)
    assert told.status_code == 201
    assert (await start(door, amount="1")).status_code == 403
    assert (await start(door, (SENDS, CUTS), amount="1")).status_code == 201
    assert (await door.ask("POST", f"{HERE}/1/pause", SENDS)).status_code == 403


async def test_a_second_person_decides() -> None:
    door = await Door(
        config=Config(orders=OrderPolicy(disconnects_per_hour=0, waiting_max=20))
    ).open()
    cut = {"kind": "disconnect"}
    for number in (1, 2):
        body = {**cut, "meter": f"M00{number}", "any_day": True}
        key = {"Idempotency-Key": f"k-{number}"}
        told = await door.ask("POST", "/api/v1/orders", SENDS, CUTS, headers=key, json=body)
        assert (told.json()["state"], told.json()["held_at"] is None) == ("queued", False)
    held = await door.ask("GET", "/api/v1/orders?held=true", READS)
    assert [each["number"] for each in held.json()["items"]] == [2, 1]
    own = await door.ask("POST", "/api/v1/orders/1/approve", P.ORDER_APPROVE)
    assert (own.status_code, own.json()["code"]) == (403, "not-second-person")
    await door.account("eva", Role.OPERATOR, password=None)
    by = By("root", "test")
    _, token = await door.desk.create_token("eva", by, scopes=(P.ORDER_APPROVE,))
    let = await door.ask("POST", "/api/v1/orders/1/approve", token=token)
    assert (let.json()["approved_by"], let.json()["held_at"]) == ("eva", None)
    ended = await door.ask("POST", "/api/v1/orders/2/refuse", token=token)
    assert (ended.json()["state"], ended.json()["reason"]) == ("cancelled", "approval-refused")
    twice = await door.ask("POST", "/api/v1/orders/1/approve", token=token)
    assert (twice.status_code, twice.json()["code"]) == (409, "not-held")
    assert (await door.ask("GET", "/api/v1/orders?held=true", READS)).json()["items"] == []
    assert len((await door.ask("GET", "/api/v1/orders?held=false", READS)).json()["items"]) == 2
    await start(door, (SENDS, CUTS), "k-3", kind="disconnect", amount=None)
    own = await door.ask("POST", f"{HERE}/1/approve", P.ORDER_APPROVE)
    assert (own.status_code, own.json()["code"]) == (403, "not-second-person")
    let = await door.ask("POST", f"{HERE}/1/approve", token=token)
    assert (let.status_code, let.json()["approved_by"]) == (200, "eva")
