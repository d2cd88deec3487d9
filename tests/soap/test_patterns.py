"""Every kind of control by every pattern: synchronous, asynchronous, one-way, given up, changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headend.domain.order import Kind, State, ValueRead
from headend.domain.reason import ReasonCode
from headend.soap.door.admission import Admission
from headend.store import queries
from protocols.cim import end_device_controls
from protocols.cim.codes import Result
from protocols.concentrator.demand import DemandRead
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import control, devices
from tests.soap.counter import CONNECT, DISCONNECT, WAITS, counter, errors, message_in, told
from tests.soap.desk import CALLBACK
from tests.soap.second_thoughts import cancelling, changing

TYPE = '<c:EndDeviceControlType ref="{}"/>'
RESET, OFF, ON = (TYPE.format(code) for code in ("3.8.0.214", "3.15.0.23", "3.15.0.18"))
KINDS = {
    "limit": (control(), Kind.SET_LIMIT),
    "no limit": (control(TYPE.format("3.31.139.22"), ""), Kind.REMOVE_LIMIT),
    "connect": (control(CONNECT, ""), Kind.CONNECT),
    "arm": (control(TYPE.format("3.31.0.5"), ""), Kind.ARM),
    "disconnect": (control(DISCONNECT, ""), Kind.DISCONNECT),
    "reset": (control(RESET, ""), Kind.RESET_DEMAND),
    "load off": (control(OFF, ""), Kind.LOAD_OFF),
    "load on": (control(ON, ""), Kind.LOAD_ON),
}
ONE_WAY = "<m:AsyncReplyFlag>true</m:AsyncReplyFlag><m:AckRequired>false</m:AckRequired>"
ACKNOWLEDGED = "<m:AsyncReplyFlag>true</m:AsyncReplyFlag><m:AckRequired>true</m:AckRequired>"


def sent(one: str, flags: str) -> bytes:
    return a.typed(one, head=a.header(flags=flags))


@pytest.mark.parametrize(("one", "kind"), KINDS.values(), ids=KINDS)
async def test_asynchronous(one: str, kind: Kind) -> None:
    at = await counter()
    answer = await at.post(sent(one, ACKNOWLEDGED))
    assert told(answer) == (Result.OK, ["0.3"])
    (order,) = await at.orders()
    assert (order.kind, order.state) == (kind, State.QUEUED)
    assert order.correlation_id == a.CORRELATION_ID


@pytest.mark.parametrize(("one", "kind"), KINDS.values(), ids=KINDS)
async def test_one_way(one: str, kind: Kind) -> None:
    """Nothing but a status, and the same again for the same message; one order."""
    at = await counter()
    for _ in range(2):
        answer = await at.server.handle(a.soap(sent(one, ONE_WAY)))
        assert (answer.status, answer.body, dict(answer.headers)) == (202, b"", {})
        assert answer.told is not None, "the log of messages has it"
    assert [order.kind for order in await at.orders()] == [kind]


SEEN = {
    Kind.SET_LIMIT: (ValueRead(unit="W"), {}),
    Kind.DISCONNECT: (
        ValueRead(supply_on=False, control_state=0), {"supply.controlState": "disconnected"},
    ),
    Kind.LOAD_OFF: (ValueRead(load_on=False), {"load.controlState": "disconnected"}),
    Kind.LOAD_ON: (ValueRead(load_on=True), {"load.controlState": "connected"}),
    Kind.RESET_DEMAND: (
        ValueRead(demand=DemandRead(8, "2026-07-06T10:00:30-04:00", 13, "0", "W", "")),
        {
            "billing.period": "8", "billing.periodEnd": "2026-07-06T10:00:30-04:00",
            "billing.rows": "13", "demand.maximum": "0", "demand.maximum.unit": "W",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("flags", [WAITS, WAITS + "<m:AckRequired>false</m:AckRequired>"])
@pytest.mark.parametrize(
    "one", [one for one, kind in KINDS.values() if kind in SEEN],
    ids=[name for name, (_, kind) in KINDS.items() if kind in SEEN],
)  # fmt: skip
async def test_synchronous(one: str, flags: str) -> None:
    """Whoever waits gets the outcome, wanted acknowledgement or not."""
    at = await counter()
    asked = asyncio.create_task(at.post(sent(one, flags)))
    await asyncio.sleep(1)
    (order,) = await at.orders()
    value, attributes = SEEN[order.kind]
    await at.end(1, State.DONE, value_read=value)
    answer = await asked
    assert told(answer) == (Result.OK, ["0.0"]) and answer.payload is not None
    (read,) = end_device_controls.read(answer.payload.content[0])
    found = {each.name: each.value for each in read.attributes if "powerLimit" not in each.name}
    assert found == attributes


async def test_a_wait_in_vain_without_acknowledgement_is_a_status() -> None:
    at = await counter()
    flags = WAITS + "<m:AckRequired>0</m:AckRequired>"
    answer = await at.server.handle(a.soap(sent(control(OFF, ""), flags)))
    assert (answer.status, answer.body) == (202, b"")


TOLD_ANYWAY = {
    "refused as a whole": (control(TYPE.format("3.31.0.6"), ""), Result.FAILED, ["5.2"]),
    "unknown": (control(OFF, "", devices("x")), Result.FAILED, ["2.4"]),
    "one of two": (control(RESET, "", devices("90000001", "x")), Result.PARTIAL, ["0.1", "2.4"]),
}


@pytest.mark.parametrize(("one", "result", "codes"), TOLD_ANYWAY.values(), ids=TOLD_ANYWAY)
async def test_what_is_no_mere_acknowledgement_is_sent(
    one: str, result: Result, codes: list[str]
) -> None:
    at = await counter()
    assert told(message_in(await at.raw(sent(one, ONE_WAY)))) == (result, codes)


async def test_the_outcome_of_a_one_way_request_goes_to_its_address() -> None:
    at = await counter()
    (address,) = CALLBACK.allowed
    head = a.header(
        flags=ONE_WAY.replace("<m:Ack", f"<m:ReplyAddress>{address}</m:ReplyAddress><m:Ack")
    )
    message = a.soap(a.typed(control(RESET, ""), head=head))
    refused = await at.server.handle(message)
    assert [error.code for error in errors(message_in(refused.body))] == ["7.7"]
    open_to_it = Admission(clock=at.clock, reply_addresses=CALLBACK)
    answer = await replace(at.server, admission=open_to_it).handle(message)
    assert (answer.status, answer.body) == (202, b"")
    await at.end(1, State.DONE)
    owed = at.store.read(lambda connection: queries.outgoing_of(connection, 1))
    assert {(each.kind, each.address) for each in owed if each.channel == "soap"} == {
        ("reply", address), ("event", address),
    }  # fmt: skip


@pytest.mark.parametrize("one", [control(RESET, ""), control(OFF, "")], ids=["reset", "load"])
async def test_given_up_while_it_waits(one: str) -> None:
    at = await counter()
    await at.post(a.typed(one))
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])
    (order,) = await at.orders()
    assert (order.state, order.reason) == (State.CANCELLED, ReasonCode.CANCELLED)


@pytest.mark.parametrize("one", [control(RESET, ""), control(OFF, "")], ids=["reset", "load"])
async def test_there_is_nothing_to_change(one: str) -> None:
    at = await counter()
    await at.post(a.typed(one))
    answer = await at.post(changing(one))
    assert told(answer) == (Result.FAILED, ["1.8"])
    assert errors(answer)[0].key == "CAMBIO_NO_ADMITIDO"


TIMING = "<c:primaryDeviceTiming>{}</c:primaryDeviceTiming>"
MINUTES = TIMING.format("<c:duration>90</c:duration>")


async def test_a_load_for_a_while() -> None:
    at = await counter()
    await at.post(a.typed(control(OFF, "", timing=MINUTES)))
    (order,) = await at.orders()
    assert order.until == datetime(2026, 7, 6, 15, 30, tzinfo=UTC)


async def test_a_reset_has_no_end() -> None:
    at = await counter()
    end = TIMING.format("<c:interval><c:end>2026-07-07T00:00:00Z</c:end></c:interval>")
    answer = await at.post(a.typed(control(RESET, "", timing=end)))
    assert (told(answer), errors(answer)[0].key) == (
        (Result.FAILED, ["1.8"]), "PLAZO_NO_ADMITIDO",
    )  # fmt: skip
