"""Every noun and pattern in both styles: written, held against our schema, and read back."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cim import codec, compression, envelope, exchange, paging, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind, Message, Payload, Property, Request
from protocols.cim.errors import Identifier, NotAMessage, ReplyError, RequestRefused, meter_id
from protocols.cim.exchange import Style
from protocols.cim.nouns import NOUNS, QUERIES
from protocols.cim.operations import OPERATIONS_MAX, Operation, OperationSet
from protocols.cim.records.get_meter_readings_auto import EndDevice, GetMeterReadings
from protocols.cim.records.index_auto import RECORDS
from protocols.cim.records.meter_readings_auto import Meter, MeterReading, MeterReadings
from protocols.cim.records.parts_auto import Name
from protocols.cim.replies import Stamp
from tests.cim.records import records

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
STAMP = Stamp(source="CIS", message_id="m-1", at=AT, correlation_id="c-1")
MESSAGE = "http://iec.ch/TC57/2011/schema/message"


def through_the_wire(message: Message) -> Message:
    root = xml.parse(xml.serialize(envelope.write(message)))
    schema.check_strict(root)
    return exchange.receive(root).message


REQUESTS = [(noun.name, verb) for noun in NOUNS.values() for verb in noun.requests]
EVENTS = [(noun.name, verb) for noun in NOUNS.values() for verb in noun.events]


@pytest.mark.parametrize("typed", [False, True], ids=["generic", "typed"])
@pytest.mark.parametrize(("noun", "verb"), REQUESTS)
def test_requests(noun: str, verb: str, typed: bool) -> None:
    record = RECORDS[noun][noun]()
    style = Style(typed=typed, async_reply=True, reply_address="http://127.0.0.1/x",
                  ack_required=True)  # fmt: skip
    sent = exchange.request(
        verb, noun, STAMP, record, style, options=[Property("a", "b")], ids=[Identifier("t")]
    )
    got = through_the_wire(sent)
    assert (got.kind, got.typed) == (Kind.REQUEST, noun if typed else None)
    assert got.header == sent.header and got.request == sent.request
    assert exchange.content(got) == (record,)
    name = xml.local(envelope.write(sent))
    assert name == (f"{verb.capitalize()}{noun}" if typed else "RequestMessage")


@pytest.mark.parametrize("typed", [False, True], ids=["generic", "typed"])
@pytest.mark.parametrize(("noun", "verb"), EVENTS)
def test_events(noun: str, verb: str, typed: bool) -> None:
    record = RECORDS[noun][noun]()
    got = through_the_wire(exchange.event(verb, record, STAMP, Style(typed=typed)))
    assert got.kind is Kind.EVENT and got.header is not None
    assert (got.header.verb, got.header.noun, got.header.correlation_id) == (verb, noun, "c-1")
    assert exchange.content(got) == (record,)


@pytest.mark.parametrize("typed", [False, True], ids=["generic", "typed"])
@pytest.mark.parametrize("query", QUERIES)
def test_questions_and_their_answers(query: str, typed: bool) -> None:
    noun = QUERIES[query].name
    asked = Request(
        start_time=AT, end_time=AT.replace(day=7), options=(Property("zona"),),
        ids=(Identifier("x", "uuid"),),
    )  # fmt: skip
    record = RECORDS[query][query]()
    sent = exchange.question(record, STAMP, Style(typed=typed), asked=asked)
    got = through_the_wire(sent)
    assert xml.local(envelope.write(sent)) == (query if typed else "RequestMessage")
    assert got.header is not None and (got.header.verb, got.header.noun) == ("get", noun)
    assert got.request == asked
    assert exchange.asked_for(got) == record
    reply = through_the_wire(
        exchange.answer(got, STAMP, Result.OK, record=RECORDS[noun][noun](), ids=[meter_id("9")])
    )
    assert (reply.kind, reply.typed) == (Kind.RESPONSE, query if typed else None)
    assert reply.root_name() == (f"{noun}ResponseMessage" if typed else "ResponseMessage")
    assert reply.reply is not None and [error.code for error in reply.reply.errors] == ["0.0"]
    assert exchange.content(reply) == (RECORDS[noun][noun](),)
    error = ReplyError("2.4", "MEDIDOR_DESCONOCIDO: 9", id=meter_id("9"), xpath="EndDevice")
    failed = through_the_wire(exchange.answer(got, STAMP, Result.FAILED, [error]))
    assert failed.reply is not None and failed.reply.errors[0].xpath == "EndDevice"
    fault = envelope.write_fault_reply(error, query)
    assert xml.local(fault) == f"{noun}FaultMessage"
    assert through_the_wire(envelope.read(fault)).kind is Kind.FAULT


def test_a_typed_questions_times_are_taken_in_either_namespace() -> None:
    text = (
        '<GetMeterReadings xmlns="http://iec.ch/TC57/2011/GetMeterReadingsMessage"'
        f' xmlns:m="{MESSAGE}" xmlns:q="http://iec.ch/TC57/2011/GetMeterReadings#"><Header>'
        "<m:Verb>get</m:Verb><m:Noun>MeterReadings</m:Noun></Header><Request>"
        "<{0}StartTime>2026-07-06T14:00:00Z</{0}StartTime><{0}Option><m:name>n</m:name></{0}Option>"
        "<q:GetMeterReadings/></Request></GetMeterReadings>"
    )
    for prefix in ("", "m:"):
        got = exchange.receive(xml.parse(text.format(prefix).encode())).message
        assert got.request == Request(start_time=AT, options=(Property("n"),))


NOT_SENT: dict[str, Any] = {
    "a verb that the noun has not": lambda: exchange.request("cancel", "MeterReadings", STAMP),
    "a record of another noun": lambda: exchange.request(
        "create", "MeterConfig", STAMP, MeterReadings()
    ),
    "an event verb that the noun has not": lambda: exchange.event(
        "closed", MeterReadings(), STAMP
    ),
    "a question that asks nothing": lambda: exchange.question(MeterReadings(), STAMP),
    "an answer to a fault": lambda: exchange.answer(
        Message(kind=Kind.FAULT), STAMP, Result.OK
    ),
}  # fmt: skip


@pytest.mark.parametrize("send", NOT_SENT.values(), ids=NOT_SENT)
def test_what_is_not_sent(send: Any) -> None:
    with pytest.raises(ValueError):
        send()


def generic(verb: str, noun: str, request: str = "", payload: str = "") -> bytes:
    return (
        f'<m:RequestMessage xmlns:m="{MESSAGE}" xmlns:q="http://iec.ch/TC57/2011/GetMeterReadings#"'
        ' xmlns:r="http://iec.ch/TC57/2011/MeterReadings#"'
        f"><m:Header><m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun></m:Header>"
        f"{request}{payload}</m:RequestMessage>"
    ).encode()


ASK = "<m:Request><q:GetMeterReadings/></m:Request>"
NOT_ASKED = {
    "another verb": (generic("create", "MeterReadings", ASK), "2.9", "Verb"),
    "a noun that is not asked for": (generic("get", "EndDeviceControls", ASK), "2.5", "Noun"),
    "a noun of nobody": (generic("get", "Coffee", ASK), "2.5", "Noun"),
    "no request": (generic("get", "MeterReadings"), "1.6", "Request"),
    "an empty request": (generic("get", "MeterReadings", "<m:Request/>"), "1.6", "Request"),
    "another noun's question": (generic("get", "MeterConfig", ASK), "1.6", "Request"),
    "two questions": (
        generic("get", "MeterReadings", f"<m:Request>{2 * '<q:GetMeterReadings/>'}</m:Request>"),
        "1.6",
        "Request",
    ),
    "what is no question": (
        generic("get", "MeterReadings", '<m:Request><x xmlns="urn:x"/></m:Request>'), "2.5",
        "Payload",
    ),
    "a question its schema refuses": (
        generic("get", "MeterReadings",
                "<m:Request><q:GetMeterReadings><q:Meter/></q:GetMeterReadings></m:Request>"),
        "1.8", "Meter",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "xpath"), NOT_ASKED.values(), ids=NOT_ASKED)
def test_what_is_no_question(octets: bytes, code: str, xpath: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        exchange.asked_for(exchange.receive(xml.parse(octets)).message)
    assert [(e.code, e.xpath) for e in refused.value.errors] == [(code, xpath)]


def test_the_noun_of_the_question_does_for_the_header() -> None:
    got = exchange.receive(xml.parse(generic("get", "GetMeterReadings", ASK))).message
    assert exchange.asked_for(got) == GetMeterReadings()


def test_content_of_another_noun() -> None:
    payload = "<m:Payload><r:MeterReadings/></m:Payload>"
    got = exchange.receive(xml.parse(generic("create", "MeterConfig", "", payload))).message
    with pytest.raises(RequestRefused, match="CONTENIDO_DISTINTO"):
        exchange.content(got)


# Compression


@given(data=st.data(), typed=st.booleans())
def test_compressed_content_comes_back(data: st.DataObject, typed: bool) -> None:
    record = data.draw(records("MeterReadings"))
    plain = exchange.event("created", record, STAMP, Style(typed=typed))
    packed = compression.compressed(plain)
    assert packed.payload is not None and packed.payload.compressed is not None
    wire = xml.serialize(envelope.write(packed))
    unopened = envelope.read(xml.parse(wire))
    assert unopened.payload is not None and unopened.payload.unread == ("Compressed",)
    with pytest.raises(RequestRefused, match="CONTENIDO_NO_ADMITIDO"):
        exchange.content(unopened)
    got = exchange.receive(xml.parse(wire)).message
    assert exchange.content(got) == (record,)


def with_compressed(text: str) -> Message:
    payload = f"<m:Payload><m:Compressed>{text}</m:Compressed></m:Payload>"
    return envelope.read(xml.parse(generic("create", "MeterReadings", "", payload)))


def packed(octets: bytes) -> str:
    return base64.b64encode(gzip.compress(octets)).decode()


READINGS = b'<MeterReadings xmlns="http://iec.ch/TC57/2011/MeterReadings#"/>'
NOT_OPENED = {
    "no base64": ("¡hola!", "1.8", "COMPRESION_INVALIDA"),
    "no gzip": ("aG9sYQ==", "1.8", "COMPRESION_INVALIDA"),
    "nothing": ("", "1.8", "COMPRESION_INVALIDA"),
    "cut short": (
        base64.b64encode(gzip.compress(READINGS)[:-9]).decode(), "1.8", "COMPRESION_INVALIDA",
    ),
    "with a rest": (
        base64.b64encode(gzip.compress(READINGS) + b"x").decode(), "1.8", "COMPRESION_INVALIDA",
    ),
    "no XML": (packed(b"hola"), "1.8", "XML_MAL_FORMADO"),
    "a DTD": (packed(b"<!DOCTYPE x><x/>"), "1.8", "DTD_NO_ADMITIDA"),
    "a bomb": (packed(b" " * (xml.BOUNDS.octets_max + 2)), "3.1", "MENSAJE_DEMASIADO_GRANDE"),
    "of no noun": (packed(b"<x/>"), "2.5", "SUSTANTIVO_NO_ADMITIDO"),
    "its schema refuses it": (packed(READINGS.replace(b"/>", b">x</MeterReadings>")), "1.8",
                              "ESQUEMA"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "key"), NOT_OPENED.values(), ids=NOT_OPENED)
def test_what_does_not_open(text: str, code: str, key: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        compression.opened(with_compressed(text))
    assert (refused.value.errors[0].code, refused.value.errors[0].key) == (code, key)


def test_base64_in_lines_and_uuencoded() -> None:
    import binascii

    octets = gzip.compress(READINGS)
    lines = [octets[n : n + 45] for n in range(0, len(octets), 45)]
    uuencoded = "begin 644 x\n" + "".join(binascii.b2a_uu(x).decode() for x in lines) + "`\nend"
    escaped = uuencoded.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for text in (base64.encodebytes(octets).decode(), escaped):
        assert exchange.content(compression.opened(with_compressed(text))) == (MeterReadings(),)


def test_a_long_compressed_text_is_taken_and_any_other_is_not() -> None:
    long = "A" * (xml.BOUNDS.text_octets_max + 1)
    assert with_compressed(long).payload is not None
    with pytest.raises(NotAMessage, match="texto demasiado largo"):
        xml.parse(generic("create", long))


def test_what_is_not_compressed() -> None:
    bare = exchange.request("create", "MeterReadings", STAMP)
    two = replace(bare, payload=Payload(content=(codec.element(MeterReadings()),) * 2))
    for message in (bare, two):
        with pytest.raises(ValueError):
            compression.compressed(message)


# OperationSet


@given(data=st.data(), flags=st.tuples(*2 * [st.sampled_from([None, True, False])]))
def test_operations_come_back(data: st.DataObject, flags: tuple[bool | None, bool | None]) -> None:
    numbers = data.draw(st.lists(st.integers(0, 10**6), max_size=3, unique=True))
    made = [data.draw(records("MeterConfig")) for _ in numbers]
    sent = OperationSet(
        operations=tuple(
            Operation(id=n, noun="MeterConfig", verb="create", element_operation=n % 2 == 0,
                      content=codec.element(record))
            for n, record in zip(numbers, made, strict=True)
        ),
        in_sequence=flags[0],
        all_or_none=flags[1],
    )  # fmt: skip
    bare = exchange.request("create", "MeterConfig", STAMP)
    got = through_the_wire(replace(bare, payload=Payload(operations=sent))).payload
    assert got is not None and got.operations == sent and got.unread == ("OperationSet",)
    assert [codec.decode(each.content) for each in got.operations.operations] == made


def test_a_reply_names_its_operation() -> None:
    bare = exchange.request("create", "MeterConfig", STAMP)
    told = exchange.answer(bare, STAMP, Result.FAILED, [ReplyError("5.9")])
    assert told.reply is not None
    got = through_the_wire(replace(told, reply=replace(told.reply, operation=7)))
    assert got.reply is not None and got.reply.operation == 7


def operations(*numbers: int) -> bytes:
    each = "".join(
        f"<m:Operation><m:operationId>{n}</m:operationId></m:Operation>" for n in numbers
    )
    payload = f"<m:Payload><m:OperationSet>{each}</m:OperationSet></m:Payload>"
    return generic("execute", "OperationSet", "", payload)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (operations(1, 2, 1), "1.8"),
        (operations(*range(OPERATIONS_MAX + 1)), "3.1"),
        (operations(int("9" * 4000)).replace(b"999", b"9999"), "1.8"),
    ],
    ids=["a number twice", "too many", "a number without end"],
)
def test_operations_that_are_refused(octets: bytes, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        exchange.receive(xml.parse(octets))
    assert refused.value.errors[0].code == code


# Paging


def stamps(correlation: str = "c-1") -> Iterator[Stamp]:
    number = 0
    while True:
        number += 1
        yield replace(STAMP, message_id=f"p-{number}", correlation_id=correlation)


def page(*meters: str) -> MeterReadings:
    return MeterReadings(
        meter_reading=tuple(MeterReading(meter=Meter(names=(Name(name=m),))) for m in meters)
    )


QUESTION = exchange.question(
    GetMeterReadings(end_device=(EndDevice(names=(Name(name="1"),)),)), STAMP, Style(typed=True)
)
MISSING = ReplyError("5.7", "DATOS_FALTAN: 2", id=meter_id("2"))
ANSWERS = {
    # pages, errors: of each message its result and codes; the result of all
    "nothing": ([], [], [("OK", ["0.0"])], Result.OK),
    "one page": ([page("1")], [], [("OK", ["0.0"])], Result.OK),
    "three pages": (
        [page("1"), page("2"), page("3")], [],
        [("PARTIAL", ["0.1"]), ("PARTIAL", ["0.1"]), ("PARTIAL", ["0.2"])], Result.OK,
    ),
    "one page, and what is missing": (
        [page("1")], [MISSING], [("PARTIAL", ["0.2", "5.7"])], Result.PARTIAL,
    ),
    "two pages, and what is missing": (
        [page("1"), page("3")], [MISSING],
        [("PARTIAL", ["0.1"]), ("PARTIAL", ["0.2", "5.7"])], Result.PARTIAL,
    ),
    "nothing but what is missing": ([], [MISSING], [("FAILED", ["5.7"])], Result.FAILED),
}  # fmt: skip


@pytest.mark.parametrize(("pages", "errors", "told", "result"), ANSWERS.values(), ids=ANSWERS)
def test_pages(pages: Any, errors: Any, told: Any, result: Result) -> None:
    sent = [*paging.answers(QUESTION, pages, stamps(), errors)]
    assert [
        (str(m.reply.result), [e.code for e in m.reply.errors]) for m in sent if m.reply
    ] == told
    answer = paging.Answer("c-1")
    for number, message in enumerate(map(through_the_wire, sent), 1):
        answer.take(message)
        answer.take(message)  # sent again: nothing changes
        assert answer.complete is (number == len(sent))
    assert (answer.records, answer.result) == (pages, result)
    assert [error.code for error in answer.errors] == [error.code for error in errors]


def test_pages_out_of_turn() -> None:
    one, two = paging.answers(QUESTION, [page("1"), page("2")], stamps())
    answer = paging.Answer("c-1")
    with pytest.raises(RequestRefused, match="CORRELACION_DISTINTA"):
        answer.take(next(paging.answers(QUESTION, [page("9")], stamps("c-2"))))
    with pytest.raises(RequestRefused, match="MENSAJE_NO_ES_RESPUESTA"):
        answer.take(QUESTION)
    answer.take(one)
    answer.take(two)
    with pytest.raises(RequestRefused, match="PAGINA_INESPERADA"):
        answer.take(replace(one, header=replace(one.header, message_id="p-9")))  # type: ignore[type-var]
