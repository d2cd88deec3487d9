"""Answers that come later: every page once, in order, under the question's CorrelationID."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from headend.integration.outbox import NotDelivered
from headend.ports import OutboundMessage
from headend.soap.outbound.addresses import ReplyAddresses
from headend.soap.outbound.callback import CallbackFailed, NothingAnswered
from headend.soap.outbound.messages import CimAddress, CimQueue, kept, unpacked
from headend.soap.reading.later import AHEAD, stream_of
from protocols.cim import envelope, exchange, paging, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Property, Request
from protocols.cim.exchange import GENERIC, Style
from protocols.cim.records.meter_readings_auto import MeterReadings
from protocols.cim.replies import Stamp, soap_envelope
from tests.databases import on_one
from tests.soap.reading.house import ADDRESS, ENERGY, STAMP, VOLTAGE, House, house
from tests.soap.reading.test_events import event
from tests.soap.reading.test_events import question as of_events
from tests.soap.reading.test_readings import SPAN, joined, question, told

LATER = Style(async_reply=True, reply_address=ADDRESS)
QUEUE = Style(async_reply=True)


async def ask(at: House, record: Any, style: Style = LATER, stamp: Stamp = STAMP) -> Message:
    asked = exchange.question(record, stamp, style, asked=Request(**SPAN))
    answer = await at.post(asked)
    assert told(answer) == (Result.OK, [("0.3", "", None)])
    return answer


def transaction(answer: Message) -> str:
    assert answer.reply is not None
    (named,) = answer.reply.ids
    assert named.kind == "transaction"
    return named.value


async def heads(at: House, channel: str = "soap") -> list[OutboundMessage]:
    when = at.clock.now() + timedelta(days=1)
    return await at.store.run(lambda tx: tx.due_outbound(when, 100, channel=channel))


def opened(message: OutboundMessage) -> Message:
    root = xml.parse(unpacked(message.body))
    schema.check(root)
    return exchange.receive(root).message


async def settled(at: House, message: OutboundMessage) -> bool:
    return await at.store.run(lambda tx: tx.settle_outbound(message.message_id, at=STAMP.at))


async def delivered(at: House, channel: str = "soap", crash: bool = False) -> list[Message]:
    """Everything that is sent, each settled before the next; with `crash` what is made is looked at
    again as by a worker that does not know what the other did."""
    found: list[Message] = []
    while True:
        made = await at.answering.look()
        if crash:
            await at.answering.look()
        due = await heads(at, channel)
        if not due and not made:
            return found
        assert len(due) <= 1  # of one stream
        for head in due:
            found.append(opened(head))
            assert [await settled(at, head), await settled(at, head)] == [True, False]


@pytest.mark.parametrize("typed", [False, True], ids=["generic", "typed"])
async def test_all_pages_come(typed: bool) -> None:
    at = await house()
    wanted = question("M1", types=(ENERGY, VOLTAGE))
    whole = joined([await at.ask(wanted, **SPAN)])
    at.desk.values_max = 50
    answer = await ask(at, wanted, replace(LATER, typed=typed))
    pages = await delivered(at, crash=True)
    assert joined(pages) == whole
    assert len(pages) == 4
    reader = paging.Answer(correlation_id="c-1")
    for page in pages:
        assert page.typed == ("MeterReadings" if typed else None)
        assert page.header is not None and page.header.verb == "reply"
        assert page.reply is not None
        assert [each.value for each in page.reply.ids] == [transaction(answer)]
        reader.take(page)
    assert (reader.complete, reader.result) == (True, Result.OK)
    assert len({page.header.message_id for page in pages if page.header}) == 4
    assert await at.store.run(lambda tx: tx.streams("pages")) == []


async def test_no_more_than_a_few_pages_wait_for_their_consumer() -> None:
    at = await house()
    at.desk.values_max = 10
    answer = await ask(at, question("M1"))
    while await at.answering.look():
        pass
    stream = stream_of(transaction(answer))
    assert await at.store.run(lambda tx: tx.outbound_waiting(stream)) == AHEAD
    (head,) = await heads(at)
    again = await at.store.run(lambda tx: tx.due_outbound(head.due_at, 9, channel="soap"))
    assert [each.message_id for each in again] == [head.message_id]
    assert (head.address, head.channel, head.stream) == (ADDRESS, "soap", stream)


@on_one
async def test_without_an_address_to_the_queue_and_compressed() -> None:
    at = await house()
    wanted = Request(**SPAN, options=(Property("compresion", "gzip"),))
    await at.post(exchange.question(question("M1"), STAMP, QUEUE, asked=wanted))
    assert await at.answering.look()
    (head,) = await heads(at, "queue")
    assert b"Compressed" in unpacked(head.body)
    assert len(joined([opened(head)])["M1", ENERGY]) == 96


@on_one
async def test_the_same_question_again_is_answered_once() -> None:
    at = await house()
    first, again = await ask(at, question("M1")), await ask(at, question("M1"))
    assert transaction(first) == transaction(again)
    other = await at.post(exchange.question(question("M2"), STAMP, LATER, asked=Request(**SPAN)))
    assert told(other)[0] is Result.FAILED
    assert len(await delivered(at)) == 1


@on_one
async def test_a_question_without_ids_still_correlates() -> None:
    at = await house()
    at.desk.values_max = 50
    bare = Stamp(source="MDM", message_id="", at=STAMP.at)
    asked = exchange.question(question("M1"), bare, LATER, asked=Request(**SPAN))
    assert asked.header is not None
    asked = replace(asked, header=replace(asked.header, message_id=None))
    answer = await at.post(asked)
    pages = await delivered(at)
    assert len(pages) == 2
    assert {page.header.correlation_id for page in pages if page.header} == {transaction(answer)}


@on_one
async def test_what_is_wrong_is_said_at_once_and_what_is_missing_later() -> None:
    at = await house()
    wrong = await at.post(
        exchange.question(question("M1", types=("x",)), STAMP, LATER, asked=Request(**SPAN))
    )
    assert told(wrong)[0] is Result.FAILED
    assert await delivered(at) == []
    await ask(at, question("M0"), stamp=replace(STAMP, message_id="q-2"))
    (page,) = await delivered(at)
    assert told(page) == (Result.FAILED, [("2.4", "MEDIDOR_DESCONOCIDO", "M0")])


async def test_events_come_later_too() -> None:
    at = await house()
    await at.store.run(lambda tx: [tx.add_event(event("M1", "power-down", n)) for n in range(1, 6)])
    at.events.events_max = 2
    await ask(at, of_events("M1"))
    pages = await delivered(at)
    assert [told(page)[1][0][0] for page in pages] == ["0.1", "0.1", "0.2"]


# --- the ways out ---------------------------------------------------------------------------------


@dataclass
class Consumer:
    answer: bytes = b""
    failure: CallbackFailed | None = None
    posted: list[tuple[str, bytes, str]] = field(default_factory=list)

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        self.posted.append((address, octets, operation))
        if self.failure is not None:
            raise self.failure
        return self.answer


def message(ack: bool | None = None) -> Message:
    return exchange.event("created", MeterReadings(), replace(STAMP, message_id="m-1"),
                          Style(typed=True, ack_required=ack))  # fmt: skip


def acknowledgement(result: Result = Result.OK, correlation_id: str | None = "c-1") -> bytes:
    to = exchange.request("create", "MeterReadings", STAMP, style=GENERIC)
    stamp = Stamp(source="MDM", message_id="a-1", at=STAMP.at, correlation_id=correlation_id)
    return xml.serialize(soap_envelope(envelope.write(exchange.answer(to, stamp, result))))


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
)
NOTHING = NothingAnswered("HTTP 202 with an empty answer")
ENDINGS = {
    # AckRequired; what came back: whether that settles it
    "acknowledged": (None, Consumer(acknowledgement()), True),
    "acknowledged, as it must be": (True, Consumer(acknowledgement()), True),
    "refused": (None, Consumer(acknowledgement(Result.FAILED)), False),
    "another's": (None, Consumer(acknowledgement(correlation_id="c-2")), False),
    "nothing": (None, Consumer(failure=NOTHING), False),
    "out of reach": (None, Consumer(failure=CallbackFailed("refused")), False),
    "one way, and nothing": (False, Consumer(failure=NOTHING), True),
    "one way, and anything": (False, Consumer(b"<ok/>"), True),
    "one way, and a fault": (False, Consumer(FAULT), False),
    "one way, out of reach": (False, Consumer(failure=CallbackFailed("refused")), False),
}  # fmt: skip


@on_one
@pytest.mark.parametrize(("ack", "consumer", "settled"), ENDINGS.values(), ids=ENDINGS)
async def test_what_settles_a_message(ack: bool | None, consumer: Consumer, settled: bool) -> None:
    way = CimAddress(consumer, ReplyAddresses((ADDRESS,)))
    owed = kept(message(ack), "s", ADDRESS)
    if settled:
        assert await way.deliver(owed)
    else:
        with pytest.raises(NotDelivered):
            await way.deliver(owed)
    (posted,) = consumer.posted
    assert (posted[0], posted[2]) == (ADDRESS, "CreatedMeterReadings")
    schema.check(xml.parse(posted[1])[0][0])


@on_one
async def test_nothing_leaves_for_an_address_off_the_list() -> None:
    consumer = Consumer(acknowledgement())
    with pytest.raises(NotDelivered, match="allow-list"):
        await CimAddress(consumer, ReplyAddresses()).deliver(kept(message(), "s", ADDRESS))
    assert consumer.posted == []


@on_one
@pytest.mark.parametrize(("ack", "settled"), [(None, False), (True, False), (False, True)])
async def test_on_the_queue_a_receipt_settles(ack: bool | None, settled: bool) -> None:
    published: list[tuple[str, bytes]] = []

    async def publish(topic: str, payload: bytes) -> None:
        published.append((topic, payload))

    assert (
        await CimQueue(publish, "ami/v1/commercial").deliver(kept(message(ack), "s", None))
        is settled
    )
    ((topic, payload),) = published
    assert topic == "ami/v1/commercial/messages"
    schema.check(xml.parse(payload))
