"""What is ordered once more is what was ordered."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from headend.domain.order import Kind, Order, State
from headend.domain.reading import WantedObject
from headend.orders import repeat
from headend.orders.accept import Wish
from headend.orders.repeat import NotRepeated
from protocols.concentrator.messages import ClockWanted

NOW = datetime(2026, 7, 6, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
CONTENT: dict[Kind, dict[str, Any]] = {
    Kind.SET_LIMIT: {"amount": Decimal(2000), "unit": "W", "until": LATER},
    Kind.CONNECT: {"until_pressed": True},
    Kind.READ: {"objects": (WantedObject(3, "1.0.1.8.0.255"),)},
    Kind.SET_CLOCK: {"clock": ClockWanted(zone="America/Santiago")},
    Kind.UPDATE_FIRMWARE: {"image": "0" * 64, "activate_at": LATER},
    Kind.DISCONNECT: {},
}
OWN = {
    "meter", "kind",
    "start",  # from now on
    "priority",  # its kind's own
    "correlation_id",  # which one it repeats
    "tariff",  # a calendar comes as two orders, and is not repeated
}  # fmt: skip


def order(kind: Kind, state: State = State.FAILED, **more: Any) -> Order:
    return Order(
        number=88, transaction_id="t", source="COMERCIAL", meter="M1", kind=kind, accepted_at=NOW,
        ready_at=NOW, not_before=NOW, deadline=NOW, state=state, any_day=True, noun="MeterReadings",
        correlation_id="c-1", reply_address="https://cis.example", priority=7, **more,
    )  # fmt: skip


@pytest.mark.parametrize("kind", CONTENT)
def test_its_content_is_the_same(kind: Kind) -> None:
    old = order(kind, **CONTENT[kind])
    repeat.check(old, NOW)
    said = repeat.repeated(old, "eva", "k-1")
    assert said.wishes == (Wish("M1", kind, **CONTENT[kind]),)
    assert (said.source, said.message_id, said.any_day) == ("eva", "k-1", True)
    assert (said.correlation_id, said.reply_address) == ("order/88", None)
    assert repeat.repeats(said.correlation_id) == 88


def test_every_field_of_a_wish_is_repeated_or_named_here_with_why_not() -> None:
    repeated = {name for content in CONTENT.values() for name in content}
    assert {each.name for each in fields(Wish)} == repeated | OWN


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (order(Kind.CONNECT, State.DONE), "not-failed"),
        (order(Kind.CONNECT, State.QUEUED), "not-failed"),
        (order(Kind.CONNECT, State.UNKNOWN), "not-failed"),
        (replace(order(Kind.LOAD_OFF), until=NOW), "end-past"),
    ],
)
def test_what_is_not_repeated(one: Order, code: str) -> None:
    with pytest.raises(NotRepeated) as told:
        repeat.check(one, NOW)
    assert told.value.code == code and told.value.next_step


@pytest.mark.parametrize("text", [None, "", "order/", "order/0", "order/1x", "order/ 1", "c-1"])
def test_another_correlation_names_no_order(text: str | None) -> None:
    assert repeat.repeats(text) is None
