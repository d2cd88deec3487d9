"""What the counter takes and what it refuses, from octets to orders in the store."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from headend.domain.order import Kind, State
from headend.ports import StoreUnavailable
from headend.store.store import SqlStore
from protocols.cim.codes import Result
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import attribute, control, devices, option
from tests.soap.counter import DISCONNECT, counter, errors, etree_body, told, transaction


async def test_an_order_is_stored_and_acknowledged() -> None:
    at = await counter()
    answer = await at.post(
        a.typed(
            request="<m:StartTime>2026-07-06T15:00:00Z</m:StartTime>"
            "<m:EndTime>2026-07-06T18:00:00Z</m:EndTime>" + option("diaNoLaborable", "permitido")
        )
    )
    assert told(answer) == (Result.OK, ["0.3"])
    (order,) = await at.orders()
    assert (order.meter, order.kind, order.amount, order.unit) == (
        "90000001", Kind.SET_LIMIT, Decimal(1500), "W",
    )  # fmt: skip
    assert order.state is State.QUEUED
    assert order.ready_at == datetime(2026, 7, 6, 15, tzinfo=UTC)
    assert order.deadline == datetime(2026, 7, 6, 18, tzinfo=UTC)
    assert order.any_day and not order.generic
    assert (order.source, order.message_id) == ("COMERCIAL", a.MESSAGE_ID)
    assert order.transaction_id == transaction(answer)
    assert at.woken == ["C1"]


async def test_each_style_and_carrier_is_remembered() -> None:
    at = await counter()
    await at.post(a.generic())
    strict = await at.post(a.meter_config().replace(a.MESSAGE_ID.encode(), b"second"))
    assert strict.typed == "MeterConfig"
    generic, by_config = await at.orders()
    assert (generic.generic, generic.noun) == (True, "EndDeviceControls")
    assert (by_config.generic, by_config.noun) == (False, "MeterConfig")
    assert by_config.amount == Decimal(1500)


async def test_many_meters_make_many_orders_under_one_transaction() -> None:
    at = await counter()
    answer = await at.post(a.typed(control(addressed=devices("90000002", "90000001"))))
    orders = await at.orders()
    assert [order.meter for order in orders] == ["90000002", "90000001"]
    assert {order.transaction_id for order in orders} == {transaction(answer)}


MIXED = {
    # meters: (result, codes, meters named in errors, states)
    "unknown among known": (
        ("90000001", "x"), Result.PARTIAL, ["0.1", "2.4"], ["x"], "queued rejected",
    ),
    "all unknown": (("x", "y"), Result.FAILED, ["2.4", "2.4"], ["x", "y"], "rejected rejected"),
    "not commissioned": (("90000003",), Result.FAILED, ["5.2"], ["90000003"], "rejected"),
    "not linked": (
        ("90000004", "90000002"), Result.PARTIAL, ["0.1", "5.2"], ["90000004"], "rejected queued",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("meters", "result", "codes", "named", "states"), MIXED.values(), ids=MIXED
)
async def test_some_are_refused_at_the_counter(
    meters: tuple[str, ...], result: Result, codes: list[str], named: list[str], states: str
) -> None:
    at = await counter()
    answer = await at.post(a.typed(control(addressed=devices(*meters))))
    assert told(answer) == (result, codes)
    assert [error.id.value for error in errors(answer) if error.id] == named
    assert " ".join(order.state for order in await at.orders()) == states


async def test_the_same_message_again_gets_the_first_answer() -> None:
    at = await counter()
    first = await at.raw(a.typed())
    stamp = "<m:Timestamp>2026-07-06T14:00:09Z</m:Timestamp>"
    again = await at.raw(a.typed(head=a.header(before=stamp)))
    assert etree_body(first) == etree_body(again)
    assert len(await at.orders()) == 1


async def test_another_body_under_the_same_key_is_refused() -> None:
    at = await counter()
    await at.post(a.typed())
    answer = await at.post(a.typed(control(attributes=attribute("powerLimit", "1501"))))
    assert told(answer) == (Result.FAILED, ["2.15"])
    assert errors(answer)[0].key == "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO"
    (order,) = await at.orders()
    assert order.amount == Decimal(1500)


async def test_another_source_may_use_the_same_message_id() -> None:
    at = await counter()
    await at.post(a.typed())
    answer = await at.post(a.typed(head=a.header(source="<m:Source>OTRO</m:Source>")))
    assert told(answer) == (Result.OK, ["0.3"])
    assert len(await at.orders()) == 2


async def test_without_message_id_nothing_is_deduplicated() -> None:
    at = await counter()
    for _ in range(2):
        answer = await at.post(a.typed(head=a.header(ids="")))
        assert told(answer) == (Result.OK, ["0.3"])
    assert len(await at.orders()) == 2
    assert answer.header is not None and answer.header.correlation_id == transaction(answer)


async def test_a_store_that_fails_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at = await counter()

    async def fail(store: SqlStore, work: object) -> None:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(SqlStore, "run", fail)
        answer = await at.post(a.typed())
    assert told(answer) == (Result.FAILED, ["5.1"])
    assert errors(answer)[0].key == "ALMACEN_NO_DISPONIBLE"
    assert "disk" not in (errors(answer)[0].details or "")
    assert await at.orders() == []
    assert told(await at.post(a.typed())) == (Result.OK, ["0.3"])


async def test_a_full_queue_refuses_and_stores_nothing() -> None:
    at = await counter()
    answer = await at.post(a.typed(control(addressed=devices("1", "2", "3", "4"))))
    assert told(answer) == (Result.FAILED, ["3.2"])
    assert await at.orders() == []


REFUSED = {
    "emergency": (
        control('<c:EndDeviceControlType ref="3.31.138.26"/>'),
        "5.2", "LIMITE_DE_EMERGENCIA_NO_ADMITIDO",
    ),
    "a disconnect with an end": (
        control(DISCONNECT, "", timing="<c:primaryDeviceTiming><c:interval>"
                "<c:end>2026-07-07T00:00:00Z</c:end></c:interval></c:primaryDeviceTiming>"),
        "1.8", "PLAZO_NO_ADMITIDO",
    ),
    "an end that has passed": (
        control(timing="<c:primaryDeviceTiming><c:interval>"
                "<c:end>2026-07-06T14:00:00Z</c:end></c:interval></c:primaryDeviceTiming>"),
        "4.1", "PLAZO_VENCIDO",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("one", "code", "key"), REFUSED.values(), ids=REFUSED)
async def test_refused_as_a_whole(one: str, code: str, key: str) -> None:
    at = await counter()
    answer = await at.post(a.typed(control(), one))
    assert told(answer) == (Result.FAILED, [code])
    assert errors(answer)[0].key == key
    assert await at.orders() == []


OUT_OF_WINDOW = {
    "an EndTime that has passed": (
        a.typed(request="<m:EndTime>2026-07-06T14:00:00Z</m:EndTime>"), "4.1", "PLAZO_VENCIDO",
    ),
    "a control that starts at the EndTime": (
        a.typed(control(timing="<c:primaryDeviceTiming><c:interval>"
                        "<c:start>2026-07-06T16:00:00Z</c:start></c:interval>"
                        "</c:primaryDeviceTiming>"),
                request="<m:EndTime>2026-07-06T16:00:00Z</m:EndTime>"), "1.8", "PLAZO_INVALIDO",
    ),
    "a control that ends at the StartTime": (
        a.typed(control(timing="<c:primaryDeviceTiming><c:interval>"
                        "<c:end>2026-07-06T16:00:00Z</c:end></c:interval>"
                        "</c:primaryDeviceTiming>"),
                request="<m:StartTime>2026-07-06T16:00:00Z</m:StartTime>"),
        "1.8", "PLAZO_INVALIDO",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), OUT_OF_WINDOW.values(), ids=OUT_OF_WINDOW)
async def test_what_could_never_be_carried_out_is_refused_at_once(
    octets: bytes, code: str, key: str
) -> None:
    at = await counter()
    answer = await at.post(octets)
    assert told(answer) == (Result.FAILED, [code])
    assert errors(answer)[0].key == key
    assert await at.orders() == []


EDGES = {
    "the last instant, in the west": "<m:EndTime>9999-12-31T23:59:59-14:00</m:EndTime>",
    "a start that never comes": "<m:StartTime>9999-12-31T23:59:59Z</m:StartTime>",
    "the first instant, in the east": "<m:StartTime>0001-01-01T00:00:00+14:00</m:StartTime>",
}


@pytest.mark.parametrize("request_", EDGES.values(), ids=EDGES)
async def test_a_time_at_the_edge_is_an_error_of_the_client(request_: str) -> None:
    at = await counter()
    answer = await at.post(a.typed(request=request_))
    assert told(answer) == (Result.FAILED, ["1.8"])
    assert errors(answer)[0].key == "FECHA_FUERA_DE_RANGO"
    assert await at.orders() == []


async def test_a_limit_bound_in_time() -> None:
    at = await counter()
    until = (
        "<c:primaryDeviceTiming><c:interval><c:end>2026-07-07T00:00:00Z</c:end>"
        "<c:start>2026-07-06T16:00:00Z</c:start></c:interval></c:primaryDeviceTiming>"
    )
    await at.post(a.typed(control(timing=until)))
    (order,) = await at.orders()
    assert order.ready_at == datetime(2026, 7, 6, 16, tzinfo=UTC)
    assert order.until == datetime(2026, 7, 7, tzinfo=UTC)
