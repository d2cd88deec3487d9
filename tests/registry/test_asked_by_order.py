"""What a read by way of a concentrator says of a meter that is to be commissioned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from headend.clock import LoopClock
from headend.domain.commissioning import Verdict
from headend.domain.meter import Meter, Stage
from headend.domain.order import Kind, State
from headend.domain.reading import Reading, WantedObject
from headend.domain.reason import ReasonCode
from headend.registry.asked_by_order import WORDS, examine
from headend.registry.commissioning import Examination
from headend.registry.lives import By
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import OctetString
from tests.store.making import order

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)
METER = Meter("4711", "C1", model="sim-3p", identity="FRN0000004711", stage=Stage.INSTALLED)
VALUES: dict[str, str | None] = {
    "logical-device-name": "FRN0000004711",
    "serial-number": "4711",
    "firmware": "1.2.3",
    "clock": None,
    "active-energy-import": "12345.6",
}


def time_of(ahead_s: float) -> bytes:
    shown = DateTime.from_datetime(AT + timedelta(seconds=ahead_s))
    return axdr.encode(OctetString(shown.octets))


def readings(changed: dict[str, dict[str, Any]]) -> tuple[Reading, ...]:
    found = []
    for word in WORDS:
        read = Reading("4711", "n", 2, AT, AT, "order 7", word, VALUES[word], "kWh", raw=time_of(3))
        found.append(replace(read, **changed.get(word, {})))
    return tuple(found)


def examined(changed: dict[str, dict[str, Any]], **about: Any) -> Examination:
    found = Examination(METER, By("os:ana", AT), LoopClock(AT))
    told = {"state": State.DONE, "readings": readings(changed), **about}
    wanted = tuple(WantedObject(1, "0.0.42.0.0.255", 2, word) for word in WORDS)
    examine(found, replace(order(7), kind=Kind.READ, objects=wanted, **told))
    return found


async def test_all_holds() -> None:
    found = examined({})
    assert found.held
    assert {check.what: check.verdict for check in found.checks} == {
        "association": Verdict.HELD,
        "system title": Verdict.NOTED,
        "logical device name": Verdict.HELD,
        "firmware": Verdict.NOTED,
        "clock": Verdict.HELD,
        "register": Verdict.HELD,
    }
    assert found.register is not None and found.register.value == Decimal("12345.6")


FAILING: dict[str, tuple[dict[str, dict[str, Any]], str, str]] = {
    "another name": ({"logical-device-name": {"value": "FRNX"}}, "logical device name", "another"),
    "a clock a day ahead": ({"clock": {"raw": time_of(86_400)}}, "clock", "cannot be set"),
    "a clock that says nothing": ({"clock": {"raw": b""}}, "clock", "no time"),
    "a clock of wild octets": ({"clock": {"raw": b"\x09\xff"}}, "clock", "no time"),
    "a clock that refuses": (
        {"clock": {"raw": b"", "error": "read-write-denied"}},
        "clock",
        "read-write-denied",
    ),
    "no register": (
        {"active-energy-import": {"value": None, "error": "object-undefined"}},
        "register",
        "object-undefined",
    ),
    "a register of words": ({"active-energy-import": {"value": "much"}}, "register", "no value"),
}


@pytest.mark.parametrize(("changed", "what", "why"), FAILING.values(), ids=FAILING)
async def test_what_does_not_hold(changed: dict[str, Any], what: str, why: str) -> None:
    found = examined(changed)
    (bad,) = (check for check in found.checks if check.verdict is Verdict.FAILED)
    assert bad.what == what and why in bad.why and not found.held


ENDS = {
    "it failed": ({"state": State.FAILED, "reason": ReasonCode.METER_UNREACHABLE}, "unreachable"),
    "it was refused": ({"state": State.REJECTED, "reason": ReasonCode.METER_BLOCKED}, "blocked"),
    "it has not ended": ({"state": State.QUEUED}, "has not ended yet"),
}


@pytest.mark.parametrize(("about", "why"), ENDS.values(), ids=ENDS)
async def test_a_read_that_brings_nothing(about: dict[str, Any], why: str) -> None:
    found = examined({}, readings=(), **about)
    (bad,) = found.checks
    assert bad.what == "association" and why in bad.why and "ami explain order 7" in bad.why
    assert not found.held
