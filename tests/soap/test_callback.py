"""A delivery is settled by the consumer's own Reply OK under our ids, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest

from headend.integration.outbox import NotDelivered
from headend.ports import Outgoing
from headend.soap.outbound.addresses import ReplyAddresses
from headend.soap.outbound.callback import ANSWER_MAX_BYTES, CallbackFailed, SoapChannel
from protocols.cim import envelope, replies, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import Identifier
from protocols.cim.replies import Stamp, soap_envelope
from protocols.commercial.messages import ResultMessage, ValueGiven, encode

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:9/callback"
RESULT = ResultMessage(
    message_id="m-1",
    kind="reply",
    at=AT,
    order=7,
    transaction_id="t-1",
    source="COMERCIAL",
    meter="90000001",
    action="set-limit",
    ok=True,
    state="done",
    correlation_id="c-1",
    request_message_id="r-1",
    amount="1500",
    unit="W",
    value=ValueGiven(limit="1500", limit_active="1500", unit="W"),
)


def outgoing(result: ResultMessage = RESULT, address: str | None = ADDRESS) -> Outgoing:
    return Outgoing(
        message_id=result.message_id,
        order=result.order,
        channel="soap",
        kind=result.kind,
        created_at=AT,
        body=encode(result),
        address=address,
    )


def answer(
    result: Result = Result.OK,
    correlation_id: str | None = "c-1",
    noun: str = "EndDeviceControls",
    typed: bool = True,
    ids: tuple[Identifier, ...] = (),
) -> bytes:
    stamp = Stamp(source="COMERCIAL", message_id="a-1", at=AT, correlation_id=correlation_id)
    message = replies.reply(noun, stamp, result, typed=typed, ids=ids)
    return xml.serialize(soap_envelope(envelope.write(message)))


@dataclass
class Consumer:
    """Answers every post with the same octets, or fails with what it is told to."""

    octets: bytes = b""
    failure: CallbackFailed | None = None
    posted: list[tuple[str, str, Message]] = field(default_factory=list)

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        body = xml.parse(octets)[0][0]
        schema.check(body)
        self.posted.append((address, operation, envelope.read(body)))
        if self.failure is not None:
            raise self.failure
        return self.octets


def channel(consumer: Consumer) -> SoapChannel:
    return SoapChannel(consumer, ReplyAddresses((ADDRESS,)))


SETTLED = {
    "under the CorrelationID": answer(),
    "under our MessageID": answer(correlation_id="m-1"),
    "with our MessageID as an ID": answer(correlation_id="other", ids=(Identifier("m-1", "uuid"),)),
    "in the generic style": answer(typed=False),
    "with blanks before": b"\n" + answer()[38:],
}


@pytest.mark.parametrize("octets", SETTLED.values(), ids=SETTLED)
async def test_settled(octets: bytes) -> None:
    consumer = Consumer(octets)
    assert await channel(consumer).deliver(outgoing()) is True
    ((address, operation, message),) = consumer.posted
    assert (address, operation) == (ADDRESS, "EndDeviceControlsResponseMessage")
    assert message.header is not None and message.reply is not None
    assert (message.header.message_id, message.header.correlation_id) == ("m-1", "c-1")
    assert (message.header.verb, message.reply.result) == ("reply", Result.OK)


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
)
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'

NOT_SETTLED = {
    "FAILED": answer(Result.FAILED),
    "PARTIAL": answer(Result.PARTIAL),
    "another's CorrelationID": answer(correlation_id="c-2"),
    "no CorrelationID": answer(correlation_id=None),
    "another ID": answer(correlation_id=None, ids=(Identifier("m-2"),)),
    "nothing": b"",
    "a page": b"<html><body>OK</body></html>",
    "text": b"OK",
    "a fault": FAULT,
    "our own message sent back as a request": xml.serialize(
        soap_envelope(envelope.write(Message(
            kind=Kind.REQUEST, typed="EndDeviceControls",
            header=envelope.Header(
                verb="create", noun="EndDeviceControls", correlation_id="c-1"
            ),
        )))
    ),
    "outside the schema": answer().replace(b"Result>OK<", b"Result>Okay<"),
    "a DTD": LAUGHS,
    "too long": answer() + b" " * ANSWER_MAX_BYTES,
}  # fmt: skip


@pytest.mark.parametrize("octets", NOT_SETTLED.values(), ids=NOT_SETTLED)
async def test_not_settled(octets: bytes) -> None:
    with pytest.raises(NotDelivered):
        await channel(Consumer(octets)).deliver(outgoing())


async def test_a_consumer_out_of_reach() -> None:
    with pytest.raises(NotDelivered, match="refused"):
        await channel(Consumer(failure=CallbackFailed("connection refused"))).deliver(outgoing())


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:10/callback", "file:///etc/passwd"])
async def test_nothing_is_posted_off_the_list(address: str | None) -> None:
    consumer = Consumer(answer())
    with pytest.raises(NotDelivered, match="allow-list"):
        await channel(consumer).deliver(outgoing(address=address))
    assert consumer.posted == []


OPERATIONS = {
    ("reply", "EndDeviceControls", False): "EndDeviceControlsResponseMessage",
    ("reply", "MeterConfig", False): "MeterConfigResponseMessage",
    ("reply", "EndDeviceControls", True): "ResponseMessage",
    ("event", "EndDeviceControls", False): "CreatedEndDeviceEvents",
    ("event", "MeterConfig", False): "CreatedEndDeviceEvents",
    ("event", "EndDeviceControls", True): "EventMessage",
}


@pytest.mark.parametrize(("asked", "operation"), OPERATIONS.items())
async def test_every_message_has_its_operation(
    asked: tuple[str, str, bool], operation: str
) -> None:
    from headend.soap.outbound.zeep_callback import OPERATIONS as OFFERED

    kind, noun, generic = asked
    consumer = Consumer(answer())
    result = msgspec.structs.replace(RESULT, kind=kind, noun=noun, generic=generic)
    assert await channel(consumer).deliver(outgoing(result))
    assert consumer.posted[0][1] == operation
    assert operation in OFFERED


async def test_an_order_without_ids_still_correlates() -> None:
    consumer = Consumer(answer(correlation_id="t-1"))
    result = msgspec.structs.replace(RESULT, correlation_id=None, request_message_id=None)
    assert await channel(consumer).deliver(outgoing(result))
