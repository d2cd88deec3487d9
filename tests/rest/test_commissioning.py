"""Commissioning, tables of places and installations, and schedules, by REST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from headend.config import CollectionPolicy, CollectionTask, Config
from headend.domain.account import Permission
from headend.domain.meter import Meter, Stage
from headend.domain.order import Order, State
from headend.domain.reading import Reading
from headend.domain.reason import ReasonCode
from headend.ports import Transaction
from headend.store import access_queries, queries
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import OctetString
from tests.access.making import BY
from tests.rest.house import Door

P = Permission
V1 = "/api/v1"
READ, WRITE = P.REGISTRY_READ, P.REGISTRY_WRITE
PATH = f"{V1}/meters/N-1/commissioning"
VALUES = {
    "logical-device-name": "N-1", "serial-number": "4711", "firmware": "1", "clock": None,
    "active-energy-import": "12.5",
}  # fmt: skip


async def opened(**about: Any) -> Door:
    """A door, and a meter that hangs behind a concentrator."""
    door = await Door().open()
    meter = Meter("N-1", "C-1", model="sim-3p", identity="N-1", stage=Stage.INSTALLED)
    await door.store.run(lambda tx: tx.put_meters([replace(meter, **about)]))
    return door


async def ask(door: Door, key: str = "k", path: str = PATH, **body: Any) -> Any:
    headers = {"Idempotency-Key": key}
    return await door.ask("POST", path, WRITE, json=body, headers=headers)


async def shown(door: Door) -> Any:
    answer = await door.ask("GET", PATH, READ)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def end(door: Door, number: int, **how: Any) -> None:
    """The read ends so."""
    now = door.clock.now()
    settling = door.parts.placing.withdrawal.settling

    def work(tx: Transaction) -> None:
        order = tx.order(number)
        assert order is not None
        for state in (State.DISPATCHED, State.EXECUTING):
            order = order.to(state)
            tx.save_order(order, at=now, cause="on its way")
        settling.end(tx, order, at=now, cause="the test", **how)

    await door.store.run(work)


def readings(at: datetime, **other: str) -> tuple[Reading, ...]:
    time = axdr.encode(OctetString(DateTime.from_datetime(at).octets))
    return tuple(
        Reading("N-1", "1.0.1.8.0.255", 2, at, at, "order 1", word, value, "kWh", raw=time)
        for word, value in (VALUES | other).items()
    )


async def test_a_meter_that_holds_is_commissioned_by_who_asked() -> None:
    door = await opened()
    asked = await ask(door, why="new supply")
    assert asked.status_code == 202 and asked.headers["location"] == PATH
    told = asked.json()
    assert (told["stage"], told["state"], told["held"]) == ("installed", "queued", None)
    assert (await ask(door, why="new supply")).json() == told, "once for one key"
    assert (await shown(door))["held"] is None
    await end(door, told["order"], state=State.DONE, readings=readings(door.clock.now()))
    after = await shown(door)
    assert (after["stage"], after["state"], after["held"]) == ("linked", "done", True)
    assert {each["who"] for each in after["checks"]} == {"all"}
    assert "register" in {each["what"] for each in after["checks"]}
    life = (await door.ask("GET", f"{V1}/meters/N-1/life", READ)).json()["life"][-1]
    assert (life["step"], life["who"], life["why"]) == ("commission", "all", "new supply")
    entries = door.store.read(lambda connection: access_queries.audit(connection))
    done = [
        (e.actor, e.subject, e.detail) for e in entries if (e.action, e.outcome) == (WRITE, "done")
    ]
    assert done == [("all", "meter N-1", "commission: new supply")]


ENDS: dict[str, tuple[Callable[[datetime], dict[str, Any]], str, str]] = {
    "another meter hangs there": (
        lambda at: {
            "state": State.DONE, "readings": readings(at, **{"logical-device-name": "N-2"})
        },
        "logical device name", "another meter",
    ),
    "it is not reached": (
        lambda at: {"state": State.FAILED, "reason": ReasonCode.METER_UNREACHABLE},
        "association", "unreachable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
async def test_a_meter_that_does_not_hold_stays_as_it_is(name: str) -> None:
    how, what, why = ENDS[name]
    door = await opened()
    number = (await ask(door)).json()["order"]
    await end(door, number, **how(door.clock.now()))
    after = await shown(door)
    assert (after["stage"], after["held"]) == ("installed", False)
    (bad,) = (each for each in after["checks"] if each["verdict"] == "failed")
    assert bad["what"] == what and why in bad["why"]
    again = (await ask(door, "again")).json()["order"]
    await end(door, again, state=State.DONE, readings=readings(door.clock.now()))
    assert (await shown(door))["stage"] == "linked", "a later one may hold"


async def test_one_that_was_blocked_meanwhile_stays_blocked() -> None:
    door = await opened()
    number = (await ask(door)).json()["order"]
    await ask(door, "b", f"{V1}/meters/N-1/steps", step="block", why="x")
    await end(door, number, state=State.DONE, readings=readings(door.clock.now()))
    after = await shown(door)
    assert (after["stage"], after["held"], after["checks"]) == ("blocked", None, [])


WRONG = {
    "nobody knows it": ("N-9", {}, 404, "no-such-meter"),
    "in stock": ("N-1", {"stage": Stage.IN_STOCK}, 409, "meter-in-stock"),
    "behind nothing": ("N-1", {"concentrator": None}, 409, "no-line"),
    "commissioned": (
        "N-1", {"commissioned": True, "stage": Stage.LINKED}, 409, "meter-linked",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_not_commissioned_is_not_read(name: str) -> None:
    meter, about, status, code = WRONG[name]
    door = await opened(**about)
    refused = await ask(door, path=f"{V1}/meters/{meter}/commissioning")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    orders: list[Order] = door.store.read(lambda connection: queries.orders(connection))
    assert orders == []
    none = await door.ask("GET", f"{V1}/meters/{meter}/commissioning", READ)
    assert none.status_code == 404


async def test_a_token_for_one_place_commissions_what_hangs_there() -> None:
    door = await opened()
    table = b"kind,code,parent\nzone,Z,\nservice-point,SP,Z\n"
    headers = {"Idempotency-Key": "t"}
    await door.ask("POST", f"{V1}/places/import", WRITE, content=table, headers=headers)
    _, token = await door.desk.create_token("all", BY, scopes=(READ, WRITE), place="zone:Z")
    for path in (PATH, f"{V1}/installations", f"{V1}/places/import"):
        answer = await door.ask("POST", path, token=token, json={}, headers=headers)
        assert answer.status_code == (404 if path == PATH else 403), "it hangs elsewhere"


# --- tables ---

PLACES = b"kind,code,parent,name\nzone,Z,,Norte\nservice-point,SP-1,Z,\nservice-point,SP-2,Z,\n"


async def put(door: Door, path: str, content: bytes, key: str = "") -> Any:
    headers = {"Idempotency-Key": key or content.decode()[-40:].replace("\n", "/")}
    return await door.ask("POST", V1 + path, WRITE, content=content, headers=headers)


async def test_tables_are_entered_whole() -> None:
    door = await opened(stage=Stage.IN_STOCK)
    places = await put(door, "/places/import", PLACES)
    assert (places.status_code, places.json()) == (200, {"entered": 3})
    assert (await put(door, "/places/import", PLACES)).content == places.content
    hung = await put(door, "/installations", b"meter,service_point\nN-1,SP-1\n")
    assert (hung.status_code, hung.json()) == (200, {"entered": 1}), hung.text
    life = (await door.ask("GET", f"{V1}/meters/N-1/life", READ)).json()
    assert life["stage"] == "installed" and life["life"][-1]["who"] == "all"
    assert life["installations"][-1]["service_point"] == "SP-1"


BAD = {
    "no kind": ("/places/import", b"kind,code\ncastle,X\n", "line 2, kind"),
    "no such column": ("/places/import", b"kind,code,owner\nzone,X,me\n", "line 1, owner"),
    "misplaced": ("/places/import", b"kind,code,parent\nzone,X,\nservice-point,Y,Q\n", "Y"),
    "no such meter": ("/installations", b"meter,service_point\nN-1,SP-1\nN-9,SP-2\n", "line 3"),
    "no time": ("/installations", b"meter,service_point,at\nN-1,SP-1,noon\n", "line 2, at"),
}


@pytest.mark.parametrize("name", BAD)
async def test_of_a_table_with_a_wrong_line_nothing_is_entered(name: str) -> None:
    path, content, where = BAD[name]
    door = await opened(stage=Stage.IN_STOCK)
    await put(door, "/places/import", PLACES)
    refused = await put(door, path, content)
    assert (refused.status_code, refused.json()["code"]) == (409, "file-refused")
    assert [each["where"] for each in refused.json()["wrong"]] == [where]
    places = await door.ask("GET", f"{V1}/places", READ)
    assert [each["code"] for each in places.json()["items"]] == ["SP-1", "SP-2", "Z"]
    assert (await door.ask("GET", f"{V1}/meters/N-1", READ)).json()["stage"] == "in-stock"


# --- schedules ---


async def test_the_schedules_tell_whom_they_are_for_and_when_they_come_round() -> None:
    task = CollectionTask(name="voltage", kind="registers", objects=("1.0.32.7.0.255",))
    config = Config(collection=CollectionPolicy(task=(task,)))
    door = await Door(config=config).open()
    told = (await door.ask("GET", f"{V1}/collection/schedules", P.READING_READ)).json()
    (one,) = told["items"]
    assert told["zone"] == config.orders.zone
    assert (one["name"], one["every"], one["members"]) == ("voltage", "1h", 20)
    assert [(each["name"], each["meters"]) for each in one["concentrators"]] == [("C-1", 20)]
    assert one["last"] <= one["next"] < one["until"]
