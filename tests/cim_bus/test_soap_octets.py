"""Messages into SOAP envelopes and out again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from headend.soap.door.raw_soap import body_of
from protocols.cim import envelope, xml
from protocols.cim.bus import letter as letters
from protocols.cim.replies import soap_envelope
from protocols.cim.soap_octets import unwrap, wrap
from tests.cim import orders_as_xml as a
from tests.cim_bus.letters import get, reply

DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"


def out_of(octets: bytes) -> bytes:
    return unwrap(octets, body_of(xml.parse(octets)))


STANDING = {
    "generic": get(),
    "typed": DECLARATION + a.typed(),
    "reply": reply(letters.read(get())),
    "blanks and comments inside": DECLARATION
    + a.generic().replace(b"<m:Header>", b"<m:Header >\n  <!-- > -->"),
    "ñ": get(option="ñandú"),
}


@pytest.mark.parametrize("message", STANDING.values(), ids=STANDING)
def test_octets_are_unchanged_into_an_envelope_and_out(message: bytes) -> None:
    wrapped = wrap(message)
    assert message.removeprefix(DECLARATION) in wrapped
    assert out_of(wrapped) == message
    xml.parse(wrapped)


def test_what_others_wrapped_is_cut_out_as_it_stands() -> None:
    assert out_of(a.soap(a.typed())) == DECLARATION + a.typed()
    head = "<s:Header><x:a xmlns:x='urn:x'><x:Body/></x:a></s:Header>"
    assert out_of(a.soap(a.generic(), head)) == DECLARATION + a.generic()


def test_what_our_door_answers_is_cut_out_as_it_was_written() -> None:
    message = reply(letters.read(get()))
    root = xml.parse(message)
    assert out_of(xml.serialize(soap_envelope(root))) == message


EMPTY = ("{}/>", "{} />", "{}></m:RequestMessage>", "{}></m:RequestMessage  >",
         "{} m:y='/'></m:RequestMessage>", "{}><m:a/></m:RequestMessage>",
         "{}>x/></m:RequestMessage>", "{}><!-- /> --></m:RequestMessage>")  # fmt: skip


@pytest.mark.parametrize("written", EMPTY)
@pytest.mark.parametrize("space", ["", "\n "])
def test_where_an_element_ends(written: str, space: str) -> None:
    inside = written.format(f'<m:RequestMessage xmlns:m="{a.MESSAGE}" m:x="a>b\'c"').encode()
    wrapped = a.soap(inside).replace(b"</s:Body>", space.encode() + b"</s:Body>")
    assert out_of(wrapped) == DECLARATION + inside


def test_prefixes_of_the_envelope_come_along() -> None:
    """As gSOAP writes: every namespace declared on the envelope."""
    message = out_of(a.DEMONSTRATION_CLIENT)
    read = envelope.read(xml.parse(message))
    assert read.header is not None and read.header.source == "CIS"
    assert b"SOAP-ENV:Body" not in message


def test_a_prefix_that_only_a_value_uses_comes_along() -> None:
    inside = f'<m:RequestMessage xmlns:m="{a.MESSAGE}"><m:x>p:a</m:x></m:RequestMessage>'
    wrapped = a.soap(inside.encode()).replace(b"<s:Body>", b'<s:Body xmlns:p="urn:p">')
    assert etree.fromstring(out_of(wrapped)).nsmap["p"] == "urn:p"


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_other_encodings_become_utf_8(encoding: str) -> None:
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    text = get(option="ñandú").decode().replace("UTF-8", name)
    wrapped = wrap(text.encode(encoding))
    assert letters.read(out_of(wrapped)).print == letters.read(get(option="ñandú")).print
    outside = a.soap(a.typed()).decode().replace("UTF-8", name).encode(encoding)
    assert letters.read(out_of(outside)).print == letters.read(a.typed()).print


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=40))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    message = get(option=xml.clean(text))
    assert out_of(wrap(message)) == message
