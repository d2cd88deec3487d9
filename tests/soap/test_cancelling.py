"""Orders that are cancelled: by which names, for which meters, until when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headend.domain.order import State
from protocols.cim.codes import Result
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import control, devices
from tests.soap.counter import counter, errors, told, transaction
from tests.soap.desk import AT
from tests.soap.second_thoughts import cancelling, controls_for


@pytest.mark.parametrize("verb", ["cancel", "close", "delete"])
async def test_cancel_by_correlation(verb: str) -> None:
    at = await counter()
    first = await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    answer = await at.post(cancelling(verb))
    assert told(answer) == (Result.OK, ["0.0"])
    assert transaction(answer) == transaction(first)
    assert {order.state for order in await at.orders()} == {State.CANCELLED}
    again = await at.post(cancelling(verb, message_id="another"))
    assert told(again) == (Result.FAILED, ["5.2", "5.2"])


async def test_cancel_by_transaction_and_by_order() -> None:
    at = await counter()
    first = await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    one = '<m:ID kind="other" objectType="Order">2</m:ID>'
    assert told(await at.post(cancelling(request=one))) == (Result.OK, ["0.0"])
    assert [order.state for order in await at.orders()] == [State.QUEUED, State.CANCELLED]
    rest = f'<m:ID kind="transaction">{transaction(first)}</m:ID>'
    answer = await at.post(cancelling(request=rest, message_id="another"))
    assert told(answer) == (Result.PARTIAL, ["0.2", "5.2"])
    assert {order.state for order in await at.orders()} == {State.CANCELLED}


async def test_an_order_that_is_named_twice_is_cancelled_once() -> None:
    at = await counter()
    first = await at.post(a.typed())
    named = f'<m:ID objectType="Order">1</m:ID><m:ID>{transaction(first)}</m:ID>'
    assert told(await at.post(cancelling(request=named))) == (Result.OK, ["0.0"])


NARROWED = {
    # payload: (result, codes, meters named in errors, states)
    "one of two": (
        controls_for("90000002"), Result.OK, ["0.0"], [], "queued cancelled",
    ),
    "both": (
        controls_for("90000002", "90000001"), Result.OK, ["0.0"], [], "cancelled cancelled",
    ),
    "one of two and a stranger": (
        controls_for("90000002", "90000099"), Result.PARTIAL, ["0.2", "2.4"], ["90000099"],
        "queued cancelled",
    ),
    "a stranger": (
        controls_for("90000099"), Result.FAILED, ["2.4"], ["90000099"], "queued queued",
    ),
    "no control": (
        "<Payload><c:EndDeviceControls/></Payload>", Result.OK, ["0.0"], [], "cancelled cancelled",
    ),
    "a control without meters": (
        controls_for(), Result.FAILED, ["5.8"], [], "queued queued",
    ),
    "a group of meters": (
        controls_for("90000001").replace("<c:EndDevices>", "<c:EndDeviceGroups/><c:EndDevices>"),
        Result.FAILED, ["1.8"], [], "queued queued",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "result", "codes", "named", "states"), NARROWED.values(), ids=NARROWED
)
async def test_cancel_goes_for_the_meters_in_its_payload(
    payload: str, result: Result, codes: list[str], named: list[str], states: str
) -> None:
    at = await counter()
    await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    answer = await at.post(cancelling(payload=payload))
    assert told(answer) == (result, codes)
    assert [error.id.value for error in errors(answer) if error.id] == named
    assert " ".join(order.state for order in await at.orders()) == states


async def test_what_was_sent_is_too_late_to_cancel() -> None:
    at = await counter()
    await at.post(a.typed())
    await at.store.run(
        lambda tx: tx.save_order(
            replace(tx.order(1), state=State.DISPATCHED),  # type: ignore[type-var]
            at=AT,
            cause="test",
        )
    )
    answer = await at.post(cancelling())
    assert told(answer) == (Result.FAILED, ["5.2"])
    assert errors(answer)[0].key == "DEMASIADO_TARDE"


NOTHING_NAMED = {
    "unknown correlation": (
        cancelling().replace(a.CORRELATION_ID.encode(), b"nope"), "2.15", "ORDEN_DESCONOCIDA",
    ),
    "another's order": (cancelling(source="OTRO"), "2.15", "ORDEN_DESCONOCIDA"),
    "unknown transaction": (
        cancelling(request='<m:ID kind="transaction">nope</m:ID>'), "2.15", "ORDEN_DESCONOCIDA",
    ),
    "an order that is no number": (
        cancelling(request='<m:ID objectType="Order">one</m:ID>'), "2.15", "ORDEN_DESCONOCIDA",
    ),
    "an order beyond all numbers": (
        cancelling(request=f'<m:ID objectType="Order">{"9" * 40}</m:ID>'),
        "2.15", "ORDEN_DESCONOCIDA",
    ),
    "a meter's name": (
        cancelling(request='<m:ID kind="name" objectType="Meter">90000001</m:ID>'),
        "2.15", "ID_NO_ADMITIDO",
    ),
    "nothing": (
        a.typed(name="CancelEndDeviceControls", head=a.header("cancel", ids=""), payload=""),
        "1.6", "OBJETIVO_FALTA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), NOTHING_NAMED.values(), ids=NOTHING_NAMED)
async def test_cancel_needs_a_name(octets: bytes, code: str, key: str) -> None:
    at = await counter()
    await at.post(a.typed())
    answer = await at.post(octets)
    assert told(answer) == (Result.FAILED, [code])
    assert errors(answer)[0].key == key
    assert [order.state for order in await at.orders()] == [State.QUEUED]
