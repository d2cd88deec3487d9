"""Orders by REST: sent once, shown, cancelled; what cannot be is told."""

from __future__ import annotations

from typing import Any

import pytest

from headend.store import queries
from tests.rest.asking import LIMIT, METERS, ORDERS, P, send
from tests.rest.house import Door


async def test_an_order_is_sent_shown_and_cancelled() -> None:
    door = await Door().open()
    sent = await send(door, correlation="c-1")
    order = sent.json()
    assert sent.status_code == 201 and sent.headers["location"] == f"{ORDERS}/{order['number']}"
    names = ("meter", "kind", "amount", "unit", "state", "source")
    assert {name: order[name] for name in names} == {
        "meter": "M001", "kind": "set-limit", "amount": "1500.5", "unit": "W", "state": "queued",
        "source": "all",
    }  # fmt: skip
    shown = await door.ask("GET", sent.headers["location"], P.ORDER_READ)
    assert shown.json()["order"] == order
    assert [line["state"] for line in shown.json()["journal"]] == [
        "received",
        "validated",
        "queued",
    ]
    cancelled = await door.ask("POST", f"{ORDERS}/{order['number']}/cancel", P.ORDER_CANCEL)
    assert (cancelled.json()["state"], cancelled.json()["reason"]) == ("cancelled", "cancelled")
    again = await door.ask("POST", f"{ORDERS}/{order['number']}/cancel", P.ORDER_CANCEL)
    assert again.status_code == 409 and again.json()["detail"] == "it is cancelled"
    story = [line for line in door.story() if line.startswith("order.")]
    assert story == [
        "order.send allowed all", "order.send done all", "order.cancel allowed all",
        "order.cancel done all", "order.cancel allowed all",
    ]  # fmt: skip


async def test_the_same_question_is_done_once_and_another_refused() -> None:
    door = await Door().open()
    first, again = await send(door), await send(door)
    assert first.content == again.content and first.status_code == again.status_code
    other = await send(door, amount="2000")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert (await send(door, key="k-2", amount="2000")).json()["number"] == 2
    assert len(door.store.read(queries.orders)) == 2


async def test_what_cannot_be_carried_out_is_an_order_that_tells_why() -> None:
    door = await Door().open()
    rejected = {}
    for number, meter in enumerate(("M999", "M013")):
        told = (await send(door, key=f"k-{number}", meter=meter)).json()
        rejected[meter] = told["state"], told["reason"]
    assert rejected == {
        "M999": ("rejected", "unknown-meter"),
        "M013": ("rejected", "not-commissioned"),
    }


async def test_a_load_goes_off_for_a_while_and_a_period_ends() -> None:
    door = await Door().open()
    until = "2026-07-06T23:00:00Z"
    off = (await send(door, key="k-1", kind="load-off", amount=None, until=until)).json()
    reset = (await send(door, key="k-2", kind="reset-demand", amount=None)).json()
    assert [(told["kind"], told["state"], told["until"]) for told in (off, reset)] == [
        ("load-off", "queued", until), ("reset-demand", "queued", None),
    ]  # fmt: skip


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no amount": ({"amount": None}, "body.amount"),
    "an amount of a disconnection": ({"kind": "disconnect"}, "body.amount"),
    "a limit of nothing": ({"amount": "0"}, "body.amount"),
    "no number": ({"amount": "NaN"}, "body.amount"),
    "more than any supply": ({"amount": "1e12"}, "body.amount"),
    "another unit": ({"unit": "MW"}, "body.unit"),
    "another kind": ({"kind": "explode"}, "body.kind"),
    "a kind that is not sent so": ({"kind": "read"}, "body.kind"),
    "an end of a connection": (
        {"kind": "connect", "amount": None, "until": "2026-07-06T12:00Z"}, "body.until",
    ),
    "an end of a reset": (
        {"kind": "reset-demand", "amount": None, "until": "2026-07-06T12:00Z"}, "body.until",
    ),
    "an amount of a load": ({"kind": "load-off"}, "body.amount"),
    "an end that is past": ({"until": "2026-07-05T00:00Z"}, "body.until"),
    "a deadline before the start": (
        {"start": "2026-07-07T00:00Z", "deadline": "2026-07-06T12:00Z"}, "body.deadline",
    ),
    "a time of no zone": ({"deadline": "2026-07-06T12:00"}, "body.deadline"),
    "a year that no zone can move": ({"deadline": "9999-12-31T23:00-05:00"}, "body.deadline"),
    "a meter with a slash": ({"meter": "a/b"}, "body.meter"),
    "a meter with an end": ({"meter": "M001\u0000"}, "body.meter"),
    "a word that nobody knows": ({"urgent": True}, "body.urgent"),
}  # fmt: skip


@pytest.mark.parametrize(("wanted", "where"), WRONG.values(), ids=WRONG)
async def test_a_wrong_question_is_told_where_it_is_wrong(wanted: Any, where: str) -> None:
    door = await Door().open()
    told = await send(door, **wanted)
    assert told.status_code == 400, told.text
    problem = told.json()
    assert told.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "wrong-question" and problem["next_step"]
    assert [each["where"] for each in problem["wrong"]] == [where]
    assert door.store.read(queries.orders) == []


KEYS = {"none": {}, "empty": {"Idempotency-Key": ""}, "with a space": {"Idempotency-Key": "a b"}}


@pytest.mark.parametrize("headers", KEYS.values(), ids=KEYS)
async def test_an_order_has_a_key(headers: dict[str, str]) -> None:
    door = await Door().open()
    told = await door.ask("POST", ORDERS, P.ORDER_SEND, json=LIMIT, headers=headers)
    assert told.status_code == 400 and "Idempotency-Key" in told.json()["detail"]


async def test_an_overloaded_head_end_takes_the_order_later() -> None:
    door = await Door().open()
    for number in range(door.config.orders.waiting_max):
        assert (await send(door, key=f"k-{number}")).status_code == 201
    told = await send(door, key="one more")
    assert told.status_code == 400
    told = await send(door, key="one-more")
    assert (told.status_code, told.json()["code"]) == (503, "overloaded")
    assert told.headers["retry-after"] == "60"


async def test_a_read_becomes_an_order() -> None:
    door = await Door().open()
    path, key = f"{METERS}/M001/reads", {"Idempotency-Key": "k-1"}
    wanted = {"objects": ["voltage-l1", "1.0.1.8.0.255"]}
    sent = await door.ask("POST", path, P.READING_DEMAND, json=wanted, headers=key)
    assert sent.status_code == 201 and sent.json()["kind"] == "read"
    again = await door.ask("POST", path, P.READING_DEMAND, json=wanted, headers=key)
    assert again.content == sent.content
    order = door.store.read(lambda connection: queries.order(connection, 1))
    assert order is not None and [each.word for each in order.objects] == ["voltage-l1", ""]
    unknown = {"objects": ["blood-pressure"]}
    told = await door.ask(
        "POST", path, P.READING_DEMAND, json=unknown, headers={"Idempotency-Key": "k-2"}
    )
    assert told.status_code == 400 and "Known: " in told.json()["detail"]
    nobody = f"{METERS}/M999/reads"
    told = await door.ask("POST", nobody, P.READING_DEMAND, json=wanted, headers=key)
    assert told.status_code == 422  # the key was another meter's
