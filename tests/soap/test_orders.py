"""From octets to orders in the store and back: the whole counter on the simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, Order, State, ValueRead
from headend.domain.reason import ReasonCode
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.ports import StoreUnavailable
from headend.soap.orders import OrderDesk
from headend.soap.server import SoapServer
from headend.store import queries
from headend.store.messages import MessageWords
from headend.store.store import SqlStore
from protocols.cim import end_device_controls, envelope, meter_config, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError
from tests import databases
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import attribute, control, devices, option
from tests.soap.desk import AT, CountingChance, FixedClock

POLICY = OrderPolicy(waiting_max=3)
DISCONNECT = '<c:EndDeviceControlType ref="3.31.0.23"/>'
CONNECT = '<c:EndDeviceControlType ref="3.31.0.18"/>'
WAITS = "<m:AsyncReplyFlag>false</m:AsyncReplyFlag>"


@dataclass
class Counter:
    """A SOAP server over a real store, with four registered meters."""

    server: SoapServer
    store: SqlStore
    settling: Settling
    woken: list[str]
    clock: FixedClock

    async def post(self, octets: bytes) -> Message:
        return message_in(await self.raw(octets))

    async def raw(self, octets: bytes) -> bytes:
        answer = await self.server.handle(a.soap(octets))
        assert answer.status == 200, answer.body
        return answer.body

    async def orders(self) -> list[Order]:
        return await self.store.run(
            lambda tx: [o for n in range(1, 50) if (o := tx.order(n)) is not None]
        )

    async def end(self, number: int, state: State, **changes: object) -> None:
        """Let an order end, as a lane would."""

        def work(tx: object) -> Order:
            order = tx.order(number)  # type: ignore[attr-defined]
            for step in (State.DISPATCHED,):
                order = order.to(step)
            return self.settling.end(  # type: ignore[arg-type]
                tx, order, state, at=AT, cause="test", **changes
            )

        self.settling.announce([await self.store.run(work)])


def message_in(octets: bytes) -> Message:
    body = xml.parse(octets)[0][0]
    schema.check(body)
    return envelope.read(body)


async def counter(policy: OrderPolicy = POLICY) -> Counter:
    store, clock, chance = SqlStore(databases.memory(), live=False), FixedClock(), CountingChance()
    meters = [
        Meter("90000001", "C1", True, contracted_w=Decimal(5000)),
        Meter("90000002", "C1", True),
        Meter("90000003", "C1", False),
        Meter("90000004", None, True),
    ]
    await store.run(lambda tx: (tx.put_concentrators([Concentrator("C1")]), tx.put_meters(meters)))
    settling = Settling(chance, policy, lambda: None)
    woken: list[str] = []

    def wake(names: Iterable[str]) -> None:
        woken.extend(names)

    inbox = Inbox(store, clock, chance)
    acceptance = Acceptance(policy, WorkingDays(UTC, ()), settling, wake)
    withdrawal = Withdrawal(settling)
    desk = OrderDesk(inbox, acceptance, withdrawal, settling, store, clock, chance, policy)
    return Counter(SoapServer(desk, clock, chance), store, settling, woken, clock)


def told(message: Message) -> tuple[Result, list[str]]:
    assert message.reply is not None
    return message.reply.result, [error.code for error in message.reply.errors]


def errors(message: Message) -> tuple[ReplyError, ...]:
    assert message.reply is not None
    return message.reply.errors


def transaction(message: Message) -> str:
    assert message.reply is not None
    (identifier,) = [item for item in message.reply.ids if item.kind == "transaction"]
    return identifier.value


def ids(message_id: str, correlation_id: str = a.CORRELATION_ID) -> str:
    return (
        f"<m:MessageID>{message_id}</m:MessageID>"
        f"<m:CorrelationID>{correlation_id}</m:CorrelationID>"
    )


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


def etree_body(octets: bytes) -> bytes:
    return xml.serialize(xml.parse(octets)[0][0])


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


# --- waiting for the outcome ----------------------------------------------------------------------


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


# --- cancel and change ----------------------------------------------------------------------------


def cancelling(
    verb: str = "cancel",
    request: str = "",
    source: str = "COMERCIAL",
    message_id: str = "the-cancel",
    payload: str | None = "",
) -> bytes:
    return a.typed(
        name=f"{verb.capitalize()}EndDeviceControls",
        head=a.header(verb, source=f"<m:Source>{source}</m:Source>", ids=ids(message_id)),
        request=request,
        payload=payload,
    )


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


def controls_for(*meters: str) -> str:
    one = control(addressed=devices(*meters))
    return f"<Payload><c:EndDeviceControls>{one}</c:EndDeviceControls></Payload>"


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


def changing(
    *controls: str,
    correlation: str = a.CORRELATION_ID,
    message_id: str = "the-change",
    request: str = "",
) -> bytes:
    return a.typed(
        *controls,
        name="ChangeEndDeviceControls",
        head=a.header("change", ids=ids(message_id, correlation)),
        request=request,
    )


def to_2_kw(*meters: str) -> bytes:
    return changing(control(attributes=attribute("powerLimit", "2000"), addressed=devices(*meters)))


async def test_change_the_amount_of_what_waits() -> None:
    at = await counter()
    await at.post(a.typed())
    answer = await at.post(changing(control(attributes=attribute("powerLimit", "2000"))))
    assert told(answer) == (Result.OK, ["0.0"])
    (order,) = await at.orders()
    assert (order.amount, order.unit, order.state) == (Decimal(2000), "W", State.QUEUED)


CHANGED = {
    # message: (result, codes, meters named in errors, amounts of 90000001 and 90000002)
    "the first": (to_2_kw("90000001"), Result.OK, ["0.0"], [], (2000, 1500)),
    "the second": (to_2_kw("90000002"), Result.OK, ["0.0"], [], (1500, 2000)),
    "both": (to_2_kw("90000002", "90000001"), Result.OK, ["0.0"], [], (2000, 2000)),
    "a stranger": (to_2_kw("90000099"), Result.FAILED, ["2.4"], ["90000099"], (1500, 1500)),
    "a meter of another correlation": (
        to_2_kw("90000004"), Result.FAILED, ["2.4"], ["90000004"], (1500, 1500),
    ),
    "one and a stranger": (
        to_2_kw("90000099", "90000001"), Result.PARTIAL, ["0.2", "2.4"], ["90000099"],
        (2000, 1500),
    ),
    "more than one's contract": (
        changing(control(attributes=attribute("powerLimit", "5001"),
                         addressed=devices("90000001", "90000002"))),
        Result.PARTIAL, ["0.2", "5.8"], ["90000001"], (1500, 5001),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "result", "codes", "named", "amounts"), CHANGED.values(), ids=CHANGED
)
async def test_change_goes_for_the_meters_in_its_payload(
    octets: bytes, result: Result, codes: list[str], named: list[str], amounts: tuple[int, int]
) -> None:
    at = await counter()
    await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    elsewhere = a.header(ids=ids("elsewhere", "another"))
    await at.post(a.typed(control(addressed=devices("90000004")), head=elsewhere))
    answer = await at.post(octets)
    assert told(answer) == (result, codes)
    assert [error.id.value for error in errors(answer) if error.id] == named
    first, second, _ = await at.orders()
    assert (first.amount, second.amount) == amounts


async def test_change_passes_over_what_has_ended_where_another_waits() -> None:
    at = await counter()
    await at.post(a.typed())
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])
    late = await at.post(to_2_kw("90000001"))
    assert (told(late), errors(late)[0].key) == ((Result.FAILED, ["5.2"]), "DEMASIADO_TARDE")
    await at.post(a.typed(head=a.header(ids=ids("second"))))
    octets = to_2_kw("90000001").replace(b"the-change", b"another")
    assert told(await at.post(octets)) == (Result.OK, ["0.0"])
    assert [order.amount for order in await at.orders()] == [1500, 2000]


UNCHANGED = {
    "another end": (
        changing(control(timing="<c:primaryDeviceTiming><c:interval>"
                         "<c:end>2026-07-07T00:00:00Z</c:end></c:interval>"
                         "</c:primaryDeviceTiming>")), "1.8", "CAMBIO_NO_ADMITIDO",
    ),
    "another window": (
        changing(request="<m:EndTime>2026-07-07T00:00:00Z</m:EndTime>"),
        "1.8", "CAMBIO_NO_ADMITIDO",
    ),
    "an emergency's amount": (
        changing(control('<c:EndDeviceControlType ref="3.31.138.26"/>')),
        "1.8", "CAMBIO_NO_ADMITIDO",
    ),
    "two controls": (changing(control(), control()), "1.8", "CAMBIO_NO_ADMITIDO"),
    "another kind": (changing(control(CONNECT, "")), "1.8", "CAMBIO_NO_ADMITIDO"),
    "unknown correlation": (changing(correlation="nope"), "2.15", "ORDEN_DESCONOCIDA"),
    "no correlation": (
        a.typed(name="ChangeEndDeviceControls", head=a.header("change", ids="")),
        "1.5", "CORRELACION_FALTA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), UNCHANGED.values(), ids=UNCHANGED)
async def test_change_is_refused(octets: bytes, code: str, key: str) -> None:
    at = await counter()
    await at.post(a.typed(control(attributes=attribute("powerLimit", "1000"))))
    answer = await at.post(octets)
    assert told(answer) == (Result.FAILED, [code])
    assert errors(answer)[0].key == key
    (order,) = await at.orders()
    assert order.amount == Decimal(1000)


# --- once -----------------------------------------------------------------------------------------

ONCE = {
    # name: (sent, another body under its key)
    "create": (a.typed(head=a.header(ids=ids("m"))), a.typed(
        control(attributes=attribute("powerLimit", "1501")), head=a.header(ids=ids("m")))),
    **{
        verb: (
            cancelling(verb, message_id="m"),
            cancelling(verb, message_id="m", request='<m:ID objectType="Order">1</m:ID>'),
        )
        for verb in ("cancel", "close", "delete")
    },
    "change": (
        changing(control(attributes=attribute("powerLimit", "2000")), message_id="m"),
        changing(control(attributes=attribute("powerLimit", "2001")), message_id="m"),
    ),
    "change for a stranger": (
        changing(control(addressed=devices("90000099")), message_id="m"),
        changing(message_id="m"),
    ),
    "change MeterConfig": (
        a.meter_config().replace(a.MESSAGE_ID.encode(), b"m"),
        a.meter_config(request=option("x", "y")).replace(a.MESSAGE_ID.encode(), b"m"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "another"), ONCE.values(), ids=ONCE)
async def test_every_verb_takes_effect_once(octets: bytes, another: bytes) -> None:
    at = await counter()
    await at.post(a.typed(control(addressed=devices("90000001", "90000002"))))
    first = await at.raw(octets)
    after = await at.orders()
    journals = [at.store.read(lambda c, n=o.number: queries.journal(c, n)) for o in after]
    stamped = octets.replace(b"<m:Source>", b"<m:Timestamp>2026-07-06T14:00:09Z</m:Timestamp>"
                             b"<m:Source>")  # fmt: skip
    for repeat in (octets, stamped):
        assert etree_body(await at.raw(repeat)) == etree_body(first)
    for other in (another, *(sent for sent, _ in ONCE.values() if sent != octets)):
        answer = await at.post(other)
        assert told(answer) == (Result.FAILED, ["2.15"])
        assert errors(answer)[0].key == "MENSAJE_REPETIDO_CON_OTRO_CONTENIDO"
    assert await at.orders() == after
    assert journals == [at.store.read(lambda c, n=o.number: queries.journal(c, n)) for o in after]


async def test_a_repeat_is_told_the_first_answer_whatever_the_time_is() -> None:
    at = await counter()
    until = (
        "<c:primaryDeviceTiming><c:interval><c:end>2026-07-06T15:00:00Z</c:end></c:interval>"
        "</c:primaryDeviceTiming>"
    )
    first = await at.raw(a.typed(control(timing=until)))
    assert told(message_in(first)) == (Result.OK, ["0.3"])
    at.clock.at = AT + timedelta(hours=2)
    assert etree_body(await at.raw(a.typed(control(timing=until)))) == etree_body(first)


async def test_what_is_refused_as_a_whole_may_come_again() -> None:
    at = await counter()
    assert told(await at.post(cancelling())) == (Result.FAILED, ["2.15"])
    await at.post(a.typed())
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])


async def test_an_effect_whose_message_is_not_kept_is_not_kept_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = await counter()
    await at.post(a.typed())
    before = await at.orders()

    def fail(words: object, message: object) -> None:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(MessageWords, "add_inbound", fail)
        for octets in (cancelling(), to_2_kw("90000001")):
            answer = await at.post(octets)
            assert told(answer) == (Result.FAILED, ["5.1"])
    assert await at.orders() == before
    assert told(await at.post(to_2_kw("90000001"))) == (Result.OK, ["0.0"])
    assert told(await at.post(cancelling())) == (Result.OK, ["0.0"])


def test_the_simulated_day_is_a_working_day() -> None:
    """The rules above presume it."""
    assert WorkingDays(UTC, ()).is_working_day(AT)
    assert AT + timedelta(days=5) == datetime(2026, 7, 11, 14, tzinfo=UTC)


IDENTIFIED = {"with a MessageID": ids("m1"), "without one": ""}


@pytest.mark.parametrize("header", IDENTIFIED.values(), ids=IDENTIFIED)
async def test_a_message_is_kept_as_it_came(header: str) -> None:
    desk = await counter()
    octets = a.soap(a.typed(head=a.header(ids=header)))
    answer = await desk.server.handle(octets)
    transaction_id = transaction(message_in(answer.body))
    kept = desk.store.read(lambda c: queries.inbound_of(c, transaction_id))
    assert kept is not None and kept.request == octets
    assert kept.answer is not None and told(envelope.read(xml.parse(kept.answer)))[1] == ["0.3"]
    assert desk.store.read(lambda c: queries.inbound_of(c, "another")) is None
