"""Which orders are refused before anything is sent (seed 004, Precondiciones)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import holidays
import pytest

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Meter
from headend.domain.order import FINAL, TRANSITIONS, ImpossibleTransition, Kind, Order, State
from headend.domain.reading import WantedObject
from headend.domain.reason import ReasonCode
from headend.orders import rules
from headend.orders.rules import COMMISSIONING

MONDAY = datetime(2026, 7, 6, 16, tzinfo=UTC)
SATURDAY = datetime(2026, 7, 11, 16, tzinfo=UTC)
DAYS = WorkingDays(ZoneInfo("America/Santiago"), holidays.country_holidays("CL"))
POLICY = OrderPolicy()
OBJECTS = (WantedObject(3, "1.0.1.8.0.255"),)
METER = Meter("m", "C-001", commissioned=True, contracted_w=Decimal(5000))


def order(kind: Kind = Kind.SET_LIMIT, at: datetime = MONDAY, **changes: object) -> Order:
    if kind is Kind.SET_LIMIT:
        changes = {"amount": Decimal(3300), "unit": "W", **changes}
    source = str(changes.pop("source", "s"))
    return Order(1, "t", source, "m", kind, at, at, at, at, **changes)  # type: ignore[arg-type]


CASES = {
    "good": (order(), METER, MONDAY, None),
    "unknown": (order(), None, MONDAY, ReasonCode.UNKNOWN_METER),
    "not commissioned": (
        order(),
        replace(METER, commissioned=False),
        MONDAY,
        ReasonCode.NOT_COMMISSIONED,
    ),
    "not commissioned, and read to see whether it may be": (
        order(Kind.READ, source=COMMISSIONING, objects=OBJECTS),
        replace(METER, commissioned=False),
        MONDAY,
        None,
    ),
    "not commissioned, and read by others": (
        order(Kind.READ, objects=OBJECTS),
        replace(METER, commissioned=False),
        MONDAY,
        ReasonCode.NOT_COMMISSIONED,
    ),
    "not commissioned, and ordered in the name of that read": (
        order(source=COMMISSIONING),
        replace(METER, commissioned=False),
        MONDAY,
        ReasonCode.NOT_COMMISSIONED,
    ),
    "not linked": (order(), replace(METER, concentrator=None), MONDAY, ReasonCode.NOT_LINKED),
    "blocked": (order(), replace(METER, blocked=True), MONDAY, ReasonCode.METER_BLOCKED),
    "exactly the contract": (order(amount=Decimal(5), unit="kW"), METER, MONDAY, None),
    "above the contract": (
        order(amount=Decimal("5.001"), unit="kW"),
        METER,
        MONDAY,
        ReasonCode.LIMIT_OUT_OF_RANGE,
    ),
    "zero": (order(amount=Decimal(0)), METER, MONDAY, ReasonCode.LIMIT_OUT_OF_RANGE),
    "apparent power that the contract holds": (
        order(amount=Decimal(5), unit="kVA"),
        METER,
        MONDAY,
        None,
    ),
    "apparent power above the contract": (
        order(amount=Decimal(5001), unit="VA"),
        METER,
        MONDAY,
        ReasonCode.LIMIT_OUT_OF_RANGE,
    ),
    "amperes that one phase's contract holds": (  # 22 A x 220 V = 4840 W
        order(amount=Decimal(22), unit="A"),
        METER,
        MONDAY,
        None,
    ),
    "amperes above it": (  # 23 A x 220 V = 5060 W
        order(amount=Decimal(23), unit="A"),
        METER,
        MONDAY,
        ReasonCode.LIMIT_OUT_OF_RANGE,
    ),
    "amperes without a contract": (
        order(amount=Decimal(999_999), unit="A"),
        replace(METER, contracted_w=None),
        MONDAY,
        None,
    ),
    "no contract known": (order(), replace(METER, contracted_w=None), MONDAY, None),
    "weekend": (order(at=SATURDAY), METER, SATURDAY, ReasonCode.OUTSIDE_WORKING_DAYS),
    "weekend allowed": (order(at=SATURDAY, any_day=True), METER, SATURDAY, None),
    "sent on Monday for a Saturday": (
        order(at=SATURDAY),
        METER,
        MONDAY,
        ReasonCode.OUTSIDE_WORKING_DAYS,
    ),
    "connect on a weekend": (
        order(Kind.CONNECT, SATURDAY),
        METER,
        SATURDAY,
        ReasonCode.OUTSIDE_WORKING_DAYS,
    ),
}


@pytest.mark.parametrize(("wish", "meter", "at", "reason"), CASES.values(), ids=CASES)
def test_refusal(wish: Order, meter: Meter | None, at: datetime, reason: ReasonCode | None) -> None:
    assert rules.refusal(wish, meter, at=at, policy=POLICY, days=DAYS) is reason


@pytest.mark.parametrize(("volts", "reason"), [(220, ReasonCode.LIMIT_OUT_OF_RANGE), (120, None)])
def test_an_ampere_counts_as_the_nominal_voltage_says(
    volts: int, reason: ReasonCode | None
) -> None:
    policy = OrderPolicy(nominal_v=volts)
    limit = order(amount=Decimal(40), unit="A")
    assert rules.refusal(limit, METER, at=MONDAY, policy=policy, days=DAYS) is reason


def test_connects_may_be_configured_for_every_day() -> None:
    policy = OrderPolicy(connect_any_day=True)
    connect = order(Kind.CONNECT, SATURDAY)
    assert rules.refusal(connect, METER, at=SATURDAY, policy=policy, days=DAYS) is None
    cut = order(Kind.DISCONNECT, SATURDAY)
    assert rules.refusal(cut, METER, at=SATURDAY, policy=policy, days=DAYS) is not None


@pytest.mark.parametrize(
    ("new", "old", "answer"),
    [
        (Kind.CONNECT, order(Kind.DISCONNECT), True),
        (Kind.CONNECT, order(Kind.SET_LIMIT), False),
        (Kind.CONNECT, order(Kind.CONNECT), False),
        (Kind.DISCONNECT, order(Kind.CONNECT), False),
        (Kind.SET_LIMIT, order(Kind.SET_LIMIT), False),
        (Kind.SET_LIMIT, order(Kind.SET_LIMIT, restores=7), True),
        (Kind.REMOVE_LIMIT, order(Kind.REMOVE_LIMIT, restores=7), True),
        (Kind.DISCONNECT, order(Kind.SET_LIMIT, restores=7), False),
        (Kind.CONNECT, replace(order(Kind.DISCONNECT), meter="another"), False),
    ],
)
def test_supersedes(new: Kind, old: Order, answer: bool) -> None:
    assert rules.supersedes(order(new), old) is answer


def test_a_final_state_has_no_way_out() -> None:
    assert set(TRANSITIONS) == set(State)
    for state in FINAL:
        ended = replace(order(), state=state)
        for to in State:
            with pytest.raises(ImpossibleTransition):
                ended.to(to)
