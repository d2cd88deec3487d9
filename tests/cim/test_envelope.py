"""Messages survive writing and reading, and our schema accepts everything we write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cim import (
    codes,
    end_device_controls,
    end_device_events,
    envelope,
    meter_config,
    replies,
    schema,
    xml,
)
from protocols.cim.amount import Amount, Unit
from protocols.cim.codes import Level, Result
from protocols.cim.control_types import (
    CODE_OF,
    CONTROL_TYPES,
    EVENT_OF,
    EVENT_TYPES,
    STANDARD,
    ControlKind,
    canonical,
    from_parts,
)
from protocols.cim.end_device_controls import Attribute, EndDevice, EndDeviceControl, Timing
from protocols.cim.end_device_events import EndDeviceEvent
from protocols.cim.envelope import (
    Header,
    Kind,
    Message,
    Payload,
    Property,
    ReplayDetection,
    Reply,
    Request,
    User,
)
from protocols.cim.errors import Identifier, NotAMessage, ReplyError, RequestRefused, meter_id
from protocols.cim.meter_config import LimitConfig
from protocols.cim.nouns import REQUEST_VERBS
from protocols.cim.replies import Stamp
from tests.cim import orders_as_xml as a

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
STAMP = Stamp(source="HES", message_id="m-1", at=AT, correlation_id="c-1")

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30).map(
    str.strip
)
words = texts.filter(bool)
optional = st.none() | words
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=UTC)
)
identifiers = st.builds(
    Identifier,
    words,
    st.sampled_from([None, "name", "uuid", "transaction", "other"]),
    optional,
    optional,
    optional,
)
headers = st.builds(
    Header,
    verb=st.sampled_from(REQUEST_VERBS),
    noun=st.just("EndDeviceControls"),
    revision=optional,
    replay_detection=st.none() | st.builds(ReplayDetection, words, times),
    context=optional,
    timestamp=st.none() | times,
    source=optional,
    async_reply=st.sampled_from([None, True, False]),
    reply_address=optional,
    ack_required=st.sampled_from([None, True, False]),
    user=st.none() | st.builds(User, words, optional),
    message_id=optional,
    correlation_id=optional,
    comment=optional,
    properties=st.lists(st.builds(Property, words, optional), max_size=2).map(tuple),
)
requests = st.builds(
    Request,
    start_time=st.none() | times,
    end_time=st.none() | times,
    options=st.lists(st.builds(Property, words, optional), max_size=2).map(tuple),
    ids=st.lists(identifiers, max_size=2).map(tuple),
)
errors = st.builds(
    ReplyError,
    st.sampled_from(sorted(codes.REASONS)),
    optional,
    st.sampled_from([None, *Level]),
    words,
    st.none() | identifiers,
    st.none() | identifiers,
    st.sampled_from([None, "powerLimit", "Header"]),
)
replies_ = st.builds(
    Reply,
    result=st.sampled_from(Result),
    errors=st.lists(errors, max_size=2).map(tuple),
    ids=st.lists(identifiers, max_size=2).map(tuple),
)
devices = st.builds(EndDevice, optional, optional, st.lists(words, max_size=3).map(tuple))
attributes = st.lists(st.builds(Attribute, words, texts), max_size=3).map(tuple)
timings = st.builds(
    Timing,
    st.none() | times,
    st.none() | times,
    st.sampled_from([None, "15", "0.5"]),
    st.sampled_from([None, True, False]),
)
controls = st.builds(
    EndDeviceControl,
    type=words,
    mrid=optional,
    issuer_id=optional,
    issuer_tracking_id=optional,
    reason=optional,
    attributes=attributes,
    devices=st.lists(devices, max_size=3).map(tuple),
    timing=st.none() | timings,
)
events = st.builds(
    EndDeviceEvent,
    type=st.sampled_from(sorted(EVENT_TYPES)),
    created=times,
    device=devices,
    mrid=optional,
    issuer_id=optional,
    issuer_tracking_id=optional,
    reason=optional,
    severity=optional,
    user_id=optional,
    details=attributes,
)
limits = st.builds(
    LimitConfig,
    meters=st.lists(
        st.builds(
            EndDevice, optional, optional, st.lists(words, min_size=1, max_size=1).map(tuple)
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    power_limit=st.sampled_from([None, "1500", "1.5E3"]),
    check=st.sampled_from([None, True, False]),
    mrid=st.just("f-1"),
)


def through_the_wire(message: Message) -> Message:
    root = xml.parse(xml.serialize(envelope.write(message)))
    schema.check(root)
    return envelope.read(root)


def same(one: Message, other: Message) -> None:
    for part in ("kind", "typed", "header", "request", "reply"):
        assert getattr(one, part) == getattr(other, part)
    assert one.root_name() == other.root_name()


@pytest.mark.parametrize("typed", [None, "EndDeviceControls"])
@given(header=headers, request_=st.none() | requests, items=st.lists(controls, max_size=3))
def test_requests_round_trip(
    typed: str | None, header: Header, request_: Request | None, items: list[EndDeviceControl]
) -> None:
    message = Message(
        kind=Kind.REQUEST,
        typed=typed,
        header=header,
        request=request_,
        payload=Payload(content=(end_device_controls.write(items),), format="XML"),
    )
    again = through_the_wire(message)
    same(message, again)
    assert again.payload is not None and again.payload.format == "XML"
    assert list(end_device_controls.read(again.payload.content[0])) == items


@given(header=headers, reply=replies_, typed=st.sampled_from([None, "MeterConfig"]))
def test_responses_round_trip(header: Header, reply: Reply, typed: str | None) -> None:
    header = replace(header, verb="reply")
    message = Message(kind=Kind.RESPONSE, typed=typed, header=header, reply=reply)
    same(message, through_the_wire(message))


@given(reply=replies_)
def test_faults_round_trip(reply: Reply) -> None:
    message = Message(kind=Kind.FAULT, typed="EndDeviceControls", reply=reply)
    same(message, through_the_wire(message))


@given(items=st.lists(events, max_size=3), typed=st.booleans())
def test_events_round_trip(items: list[EndDeviceEvent], typed: bool) -> None:
    again = through_the_wire(replies.created_events(items, STAMP, typed=typed))
    assert again.payload is not None
    assert list(end_device_events.read(again.payload.content[0])) == items
    assert again.kind is Kind.EVENT


@given(limit=limits)
def test_limits_round_trip(limit: LimitConfig) -> None:
    element = meter_config.write([limit])
    assert meter_config.read(element) == (limit,)


def test_payload_ids_round_trip() -> None:
    ids = (Identifier("t-1", "transaction"),)
    header = Header(verb="cancel", noun="EndDeviceControls")
    message = Message(kind=Kind.REQUEST, header=header, payload=Payload(ids=ids))
    again = through_the_wire(message)
    assert again.payload is not None and again.payload.ids == ids


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("noun", ["EndDeviceControls", "MeterConfig"])
def test_acknowledgements(noun: str, typed: bool) -> None:
    plain = through_the_wire(replies.acknowledgement(noun, STAMP, "t-1", typed=typed))
    assert plain.reply is not None and plain.header is not None
    assert plain.reply.result is Result.OK
    assert [(e.code, e.reason) for e in plain.reply.errors] == [("0.3", "Simple acknowledgment")]
    assert plain.reply.ids == (Identifier("t-1", "transaction"),)
    assert (plain.header.verb, plain.header.correlation_id) == ("reply", "c-1")
    assert (plain.header.timestamp, plain.header.message_id) == (AT, "m-1")

    unknown = ReplyError("2.4", "MEDIDOR_DESCONOCIDO: no está", id=meter_id("9"))
    mixed = through_the_wire(
        replies.acknowledgement(noun, STAMP, "t-1", typed=typed, errors=[unknown])
    )
    assert mixed.reply is not None
    assert mixed.reply.result is Result.PARTIAL
    assert [e.code for e in mixed.reply.errors] == ["0.1", "2.4"]
    assert mixed.reply.errors[1].id == Identifier("9", "name", "Meter")
    assert mixed.reply.errors[1].level is Level.FATAL


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize(
    ("unit", "told"), [("W", True), ("A", False)], ids=["in W", "in A, which has no place"]
)
def test_a_value_read_in_the_strict_profile(typed: bool, unit: str, told: bool) -> None:
    control = EndDeviceControl(
        type="3.31.139.13",
        attributes=(Attribute("powerLimit.readBack", "1500"), Attribute("powerLimit.unit", unit)),
        devices=(EndDevice(names=("9",)),),
    )
    message = through_the_wire(
        replies.reply("MeterConfig", STAMP, Result.OK, typed=typed, controls=[control])
    )
    if not told:
        assert message.payload is None
        return
    assert message.payload is not None
    (limit,) = meter_config.read(message.payload.content[0])
    assert (limit.power_limit, limit.meters) == ("1500", (EndDevice(names=("9",)),))


def test_success_without_errors_says_so() -> None:
    message = replies.reply("EndDeviceControls", STAMP, Result.OK, typed=True)
    assert message.reply is not None
    assert [error.code for error in message.reply.errors] == ["0.0"]


def test_text_that_xml_cannot_carry_is_replaced() -> None:
    error = ReplyError("5.3", "FALLA: \x00\x1b\ud800 fin")
    message = through_the_wire(
        replies.reply("EndDeviceControls", STAMP, Result.FAILED, [error], typed=True)
    )
    assert message.reply is not None
    assert message.reply.errors[0].details == "FALLA: \ufffd\ufffd\ufffd fin"


NO_MESSAGES = {
    "no namespace": (b"<RequestMessage/>", "1.8", "MENSAJE_DESCONOCIDO"),
    "foreign": (b'<RequestMessage xmlns="urn:x"/>', "1.8", "MENSAJE_DESCONOCIDO"),
    "a type, not a message": (
        f'<Header xmlns="{a.MESSAGE}"/>'.encode(), "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "unknown verb": (
        b'<BrewEndDeviceControls xmlns="http://iec.ch/TC57/2011/EndDeviceControlsMessage"/>',
        "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "noun alone": (
        b'<EndDeviceControls xmlns="http://iec.ch/TC57/2011/EndDeviceControlsMessage"/>',
        "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "verb in lower case": (
        b'<createEndDeviceControls xmlns="http://iec.ch/TC57/2011/EndDeviceControlsMessage"/>',
        "1.8", "MENSAJE_DESCONOCIDO",
    ),
    "second edition": (
        b'<RequestMessage xmlns="http://iec.ch/TC57/2021/schema/message"/>',
        "1.9", "EDICION_NO_ADMITIDA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_no_messages(octets: bytes, code: str, key: str) -> None:
    with pytest.raises(NotAMessage) as caught:
        schema.check(xml.parse(octets))
    assert (caught.value.error.code, caught.value.error.key) == (code, key)


def test_a_response_needs_its_reply() -> None:
    octets = (
        f'<m:ResponseMessage xmlns:m="{a.MESSAGE}"><m:Header>{a.header("reply")}</m:Header>'
        "</m:ResponseMessage>"
    ).encode()
    with pytest.raises(RequestRefused) as caught:
        schema.check(xml.parse(octets))
    assert caught.value.errors[0].code == "1.6"


def test_a_glimpse_never_fails() -> None:
    broken = a.typed(head=a.header(flags="<m:AsyncReplyFlag>yes</m:AsyncReplyFlag>"))
    seen = envelope.glimpse(xml.parse(broken))
    assert (seen.verb, seen.message_id) == ("create", a.MESSAGE_ID)
    assert envelope.glimpse(xml.parse(b"<x/>")) == Header(verb="", noun="")


# --- the tables ----------------------------------------------------------------------------------


def test_codes_in_the_wild() -> None:
    assert codes.canonical(" 02.4 ") == "2.4"
    assert codes.canonical("2.10") == "2.10"
    assert codes.canonical("0.0") == "0.0"
    assert codes.canonical("Receiver.InternalError") is None
    assert codes.canonical("2.4.1") is None
    assert codes.reason_of("2.4") == "Invalid Meter(s)"
    assert codes.reason_of("2.17") == "Referential error"
    assert codes.reason_of("9.9") == "Unknown error"
    assert all(codes.canonical(code) == code for code in codes.REASONS)


def test_every_kind_has_its_codes() -> None:
    assert set(CODE_OF) == set(EVENT_OF) == set(ControlKind)
    for kind, code in CODE_OF.items():
        assert CONTROL_TYPES[code].kind is kind
        assert EVENT_OF[kind].succeeded in EVENT_TYPES and EVENT_OF[kind].failed in EVENT_TYPES
    assert {canonical(code) for code in (*CONTROL_TYPES, *EVENT_TYPES)} == {
        *CONTROL_TYPES,
        *EVENT_TYPES,
    }


def test_codes_from_parts() -> None:
    assert from_parts("3", "31", "0", "23") == "3.31.0.23"
    assert from_parts(None, "RCD Switch", None, "disconnect") == "3.31.0.23"
    assert from_parts("na", "rcdswitch", "NA", "Connect") == "0.31.0.18"
    assert from_parts("3", None, "0", "23") is None
    assert from_parts("3", "31", "0", "dance") is None
    assert from_parts("3", "31", "12345", "23") is None


def test_unknown_codes_stay_unknown() -> None:
    for text in ("", "3.31.0", "3.31.0.23.1", "a.b.c.d", "3.31.0.9999", "12345.31.0.23"):
        assert STANDARD.control(text) is None


SAME_AMOUNTS = [
    (("1.5", Unit.KW), ("1500", Unit.W), True),
    (("1500", Unit.W), ("1500.000", Unit.W), True),
    (("1500", Unit.W), ("1500", Unit.VA), False),
    (("1", Unit.KVA), ("1000", Unit.VA), True),
    (("10", Unit.A), ("10", Unit.A), True),
    (("10", Unit.A), ("10", Unit.W), False),
]


@pytest.mark.parametrize(("one", "other", "equal"), SAME_AMOUNTS)
def test_same_amounts(one: tuple[str, Unit], other: tuple[str, Unit], equal: bool) -> None:
    assert Amount(Decimal(one[0]), one[1]).same_as(Amount(Decimal(other[0]), other[1])) is equal


def test_files_are_named_and_no_others_are_served() -> None:
    for name in schema.XSDS:
        assert b"http://iec.ch/TC57/2011/" in schema.xsd(name)
    for name in schema.WSDLS:
        assert b"soap:address" in schema.wsdl(name)
    for name in ("../envelope.py", "Nope.xsd", ""):
        with pytest.raises(KeyError):
            schema.xsd(name)
        with pytest.raises(KeyError):
            schema.wsdl(name)
