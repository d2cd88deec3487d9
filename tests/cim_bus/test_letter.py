"""What the bus reads of a message, and what it refuses to read."""

from __future__ import annotations

import pytest

from protocols.cim import envelope, schema, xml
from protocols.cim.bus import letter as letters
from protocols.cim.envelope import Kind
from protocols.cim.errors import NotAMessage, ReplyError
from tests.cim import orders_as_xml as a
from tests.cim_bus.letters import AT, get, reply

FOREIGN = '<x:Source xmlns:x="urn:vendor">INTRUSO</x:Source>'


def test_what_stands_on_a_generic_request() -> None:
    letter = letters.read(get(correlation_id="c-1", reply_address="cim/v1/replies/TABLERO/SIAD"))
    assert (letter.kind, letter.typed, letter.verb, letter.noun) == (
        Kind.REQUEST, None, "get", "Feeder",
    )  # fmt: skip
    assert (letter.source, letter.answers_to) == ("TABLERO", ("m-1", "c-1"))
    assert letter.reply_address == "cim/v1/replies/TABLERO/SIAD"


def test_what_stands_on_a_typed_request() -> None:
    letter = letters.read(a.typed())
    assert (letter.typed, letter.noun, letter.source) == (
        "EndDeviceControls", "EndDeviceControls", "COMERCIAL",
    )  # fmt: skip
    assert letter.message_id == a.MESSAGE_ID


def test_only_the_envelope_s_own_elements_count() -> None:
    assert letters.read(a.typed(head=a.header(after=FOREIGN))).source == "COMERCIAL"
    assert letters.read(a.typed(head=a.header(source=FOREIGN))).source is None


TWICE = {
    "Verb": a.header(before="<m:Verb>cancel</m:Verb>"),
    "Noun": a.header(before="<m:Noun>MeterConfig</m:Noun>"),
    "Source": a.header(after="<m:Source>INTRUSO</m:Source>"),
    "MessageID": a.header(after="<m:MessageID>other</m:MessageID>"),
}


@pytest.mark.parametrize("name", TWICE)
def test_what_stands_twice_is_refused(name: str) -> None:
    with pytest.raises(NotAMessage) as refused:
        letters.read(a.typed(head=TWICE[name]))
    assert (refused.value.error.key, refused.value.error.xpath) == ("CAMPO_REPETIDO", name)


@pytest.mark.parametrize(("length", "read"), [(512, True), (513, False)])
def test_an_id_has_an_end(length: int, read: bool) -> None:
    octets = get(message_id="x" * length)
    if read:
        assert letters.read(octets).message_id == "x" * length
    else:
        with pytest.raises(NotAMessage, match="CAMPO_DEMASIADO_LARGO"):
            letters.read(octets)


UNREADABLE = {
    "nothing": (b"", "XML_VACIO"),
    "no XML": (b"hello", "XML_MAL_FORMADO"),
    "a document type": (b"<!DOCTYPE a []><a/>", "DTD_NO_ADMITIDA"),
    "a stranger": (b"<a/>", "MENSAJE_DESCONOCIDO"),
    "without header": (f'<m:RequestMessage xmlns:m="{a.MESSAGE}"/>'.encode(), "CAMPO_FALTA"),
    "in SOAP": (a.soap(a.typed()), "MENSAJE_DESCONOCIDO"),
    "of the later edition": (
        b'<RequestMessage xmlns="http://iec.ch/TC57/2021/schema/message"/>', "EDICION_NO_ADMITIDA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "key"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_message(octets: bytes, key: str) -> None:
    with pytest.raises(NotAMessage) as refused:
        letters.read(octets)
    assert refused.value.error.key == key


def test_bounds_hold() -> None:
    with pytest.raises(NotAMessage) as refused:
        letters.read(get(pad=500), xml.Bounds(octets_max=400))
    assert refused.value.error.code == "3.1"


def test_a_request_made_again_with_another_time_is_the_same() -> None:
    again = get().replace(b"2026-07-06T14:00:00Z", b"2026-07-06T14:00:09Z")
    assert again != get()
    assert letters.read(again).print == letters.read(get()).print
    assert letters.read(get(option="Line")).print != letters.read(get()).print


def test_replies_are_told_apart_by_their_octets() -> None:
    asked = letters.read(get())
    first, second = (letters.read(reply(asked, number)) for number in (1, 2))
    assert first.print != second.print
    assert first.answers_to == ("SIAD-1", "m-1")


SEVERAL = {"0.0": False, "0.1": True, "0.2": False, "0.3": True, "2.4": False}


@pytest.mark.parametrize(("code", "several"), SEVERAL.items())
def test_codes_that_announce_more(code: str, several: bool) -> None:
    assert letters.read(reply(letters.read(get()), code=code)).is_first_of_several is several


@pytest.mark.parametrize("asked", [get(), a.typed(), a.generic()], ids=["get", "typed", "generic"])
def test_a_refusal_is_of_the_question_s_style_and_passes_the_schema(asked: bytes) -> None:
    letter = letters.read(asked)
    error = ReplyError("4.1", "TIEMPO_AGOTADO: nadie respondió")
    octets = letters.refusal(letter, error, by="ROUTER", at=AT)
    root = xml.parse(octets)
    schema.check(root)
    message = envelope.read(root)
    assert message.typed == letter.typed and message.header is not None
    assert message.header.correlation_id == (letter.correlation_id or letter.message_id)
    assert octets == letters.refusal(letter, error, by="ROUTER", at=AT)
    other = letters.refusal(letter, ReplyError("2.5"), by="ROUTER", at=AT)
    assert letters.read(other).message_id != letters.read(octets).message_id


def test_a_fault_passes_the_schema() -> None:
    schema.check(xml.parse(letters.fault(ReplyError("1.8", "XML_MAL_FORMADO: aquí"))))
