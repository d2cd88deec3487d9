"""Whoever asks for the outcome itself (AsyncReplyFlag false), on the simulated clock."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from headend.domain.order import State, ValueRead
from headend.domain.reason import ReasonCode
from protocols.cim import end_device_controls, meter_config
from protocols.cim.codes import Result
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import control, devices
from tests.soap.counter import WAITS, counter, errors, etree_body, message_in, told


def waiting(*controls: str) -> bytes:
    return a.typed(*controls, head=a.header(flags=WAITS))


async def test_whoever_waits_gets_the_outcome_with_the_value_read() -> None:
    at = await counter()
    asked = asyncio.create_task(at.raw(waiting()))
    await asyncio.sleep(5)
    assert not asked.done()
    read = ValueRead(limit=Decimal("1500"), limit_active=Decimal(1500), unit="W")
    await at.end(1, State.DONE, value_read=read)
    first = await asked
    answer = message_in(first)
    assert told(answer) == (Result.OK, ["0.0"])
    assert answer.payload is not None
    (one,) = end_device_controls.read(answer.payload.content[0])
    assert one.attribute("powerLimit.readBack") == "1500"
    assert one.attribute("powerLimit.unit") == "W"
    again = await at.raw(waiting())
    assert etree_body(first) == etree_body(again)


async def test_a_repeat_while_the_first_waits_is_told_the_same() -> None:
    at = await counter()
    asked = [asyncio.create_task(at.raw(waiting()))]
    await asyncio.sleep(1)
    asked += [asyncio.create_task(at.raw(waiting())) for _ in range(2)]
    await asyncio.sleep(1)
    asked[1].cancel()  # whoever gives up takes nothing from the others
    await asyncio.sleep(1)
    assert [task.done() for task in asked] == [False, True, False]
    await at.end(1, State.DONE, value_read=ValueRead(limit=Decimal(1500), unit="W"))
    first, repeat, later = await asked[0], await asked[2], await at.raw(waiting())
    assert told(message_in(first)) == (Result.OK, ["0.0"])
    assert etree_body(first) == etree_body(repeat) == etree_body(later)


async def test_a_repeat_while_the_first_waits_in_vain_is_told_the_same() -> None:
    at = await counter()
    asked = asyncio.create_task(at.raw(waiting()))
    await asyncio.sleep(20)
    repeat = await at.raw(waiting())
    assert asyncio.get_running_loop().time() == pytest.approx(30, abs=1)
    assert told(message_in(repeat)) == (Result.OK, ["0.3"])
    assert etree_body(await asked) == etree_body(repeat)


async def test_a_repeat_of_one_that_was_broken_off_is_told_that_it_was_taken() -> None:
    at = await counter()
    asked = asyncio.create_task(at.raw(waiting()))
    await asyncio.sleep(1)
    repeat = asyncio.create_task(at.raw(waiting()))
    await asyncio.sleep(1)
    asked.cancel()
    assert told(message_in(await repeat)) == (Result.OK, ["0.3"])


async def test_whoever_waits_gets_some_outcomes_and_some_reasons() -> None:
    at = await counter()
    asked = asyncio.create_task(
        at.post(waiting(control(addressed=devices("90000001", "90000002"))))
    )
    await asyncio.sleep(1)
    await at.end(1, State.DONE, value_read=ValueRead(limit=Decimal(1500), unit="W"))
    await at.end(2, State.FAILED, reason=ReasonCode.METER_UNREACHABLE)
    answer = await asked
    result, codes = told(answer)
    assert (result, codes[:2]) == (Result.PARTIAL, ["0.2", "5.3"])
    error = errors(answer)[1]
    assert error.key == "MEDIDOR_INALCANZABLE"
    assert error.id is not None and error.id.value == "90000002"
    assert error.related_id is not None and error.related_id.value == "2"


async def test_a_wait_ends_with_the_acknowledgement() -> None:
    at = await counter()
    loop = asyncio.get_running_loop()
    before = loop.time()
    answer = await at.post(waiting())
    assert loop.time() - before == pytest.approx(30)
    assert told(answer) == (Result.OK, ["0.3"])


async def test_nobody_waits_for_what_was_refused_at_once() -> None:
    at = await counter()
    before = asyncio.get_running_loop().time()
    answer = await at.post(waiting(control(addressed=devices("x"))))
    assert told(answer) == (Result.FAILED, ["2.4"])
    assert asyncio.get_running_loop().time() == before


async def test_the_strict_carrier_gets_the_value_in_its_own_profile() -> None:
    at = await counter()
    octets = a.meter_config().replace(b">true</m:Async", b">false</m:Async")
    asked = asyncio.create_task(at.post(octets))
    await asyncio.sleep(1)
    await at.end(1, State.DONE, value_read=ValueRead(limit=Decimal("1500.0"), unit="W"))
    answer = await asked
    assert answer.typed == "MeterConfig" and answer.payload is not None
    (limit,) = meter_config.read(answer.payload.content[0])
    assert Decimal(limit.power_limit or "") == 1500
