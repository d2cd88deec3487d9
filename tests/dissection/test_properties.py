"""Whatever octets come: a finding, JSON that can be written, XML that can be read."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from rich.console import Console

from protocols.dissection import names, plain, report, tree, xml
from protocols.dissection.apdu import DEPTH_MAX, dissect
from protocols.dissection.lines import Framing
from protocols.dlms import apdu as apdus
from protocols.dlms import axdr
from protocols.dlms.general import GeneralHeader, GeneralSigning
from protocols.dlms.values import Utf8String, Value, VisibleString
from tests.dlms import strategies
from tools.dlms.text import of_line


def as_told(found: report.Findings) -> dict[str, object]:
    told = report.as_json(found, bytes.hex, lambda each: xml.text_of(each.element))
    written = msgspec.json.encode(told)
    assert json.loads(written) == told
    return told


@given(strategies.any_apdu)
def test_every_apdu_is_shown_and_written_again(apdu: apdus.Apdu) -> None:
    octets = apdus.encode(apdu)
    told = as_told(report.find(octets))
    assert told["reencoded"] == octets.hex()
    root = etree.fromstring(str(told["xml"]))
    assert root.tag == told["apdu"]["choice"][0]  # type: ignore[index]


@given(strategies.any_apdu)
def test_every_apdu_can_be_shown_to_people(apdu: apdus.Apdu) -> None:
    found = report.find(apdus.encode(apdu))
    console = Console(width=100, file=open("/dev/null", "w"))
    with console.file:
        console.print(of_line(1, as_told(found), found))


@given(strategies.value)
def test_every_value_is_shown_and_written_again(value: Value) -> None:
    octets = axdr.encode(value)
    told = report.value_as_json(octets, bytes.hex)
    msgspec.json.encode(told)
    assert told["reencoded"] == octets.hex()
    assert told["value"]["tag"] == octets[0]
    etree.fromstring(told["xml"])


@given(st.binary(max_size=300), st.sampled_from(Framing))
def test_random_octets(octets: bytes, framing: Framing) -> None:
    told = as_told(report.find(octets, framing))
    assert ("reencoded" in told) is ("error" not in told)


@given(st.binary(max_size=200), st.sampled_from([b"\x7e\xa0", b"\x68", b"\x00\x01", b"\x60"]))
def test_octets_that_begin_well(octets: bytes, head: bytes) -> None:
    for framing in Framing:
        as_told(report.find(head + octets, framing))


TEXTS = st.text(st.characters(max_codepoint=0xFF), max_size=30)


@given(TEXTS)
def test_text_in_xml_says_what_travelled(text: str) -> None:
    element = etree.fromstring(xml.text_of(tree.of_value(VisibleString(text))))[0]
    held = element.text or ""
    if element.get("encoding") == "hex":
        held = bytes.fromhex(held).decode("latin-1")
    assert held == text


@given(st.binary(max_size=30))
def test_octets_that_are_no_utf8_stand_in_hexadecimal(octets: bytes) -> None:
    value = Utf8String(octets.decode("utf-8", "surrogateescape"))
    element = etree.fromstring(xml.text_of(tree.of_value(value)))[0]
    held = element.text or ""
    told = plain.of_value(value)
    if element.get("encoding") == "hex":
        assert bytes.fromhex(held) == octets
    else:
        assert held.encode() == octets
    said = told["value"]
    assert (bytes.fromhex(said) if told.get("encoding") == "hex" else said.encode()) == octets


def test_apdus_in_apdus_end() -> None:
    """Signed in signed in signed: what is deeper stays octets, and nothing recurses without end."""
    octets = b"\x62\x00"
    for _ in range(2000):
        octets = GeneralSigning(GeneralHeader(), octets, b"").encode()
    found = report.find(octets)
    assert found.reencoded == octets
    depth, dissected = 0, dissect(octets)
    while dissected.inside is not None:
        depth, dissected = depth + 1, dissected.inside
    assert depth == DEPTH_MAX


def test_the_standard_s_names_are_of_classes_and_fields_that_there_are() -> None:
    """A renamed field would otherwise lose the standard's name without a word."""
    known = {kind.__name__: kind for kind in get_args(apdus.Apdu)}
    for name in known.keys() & names.FIELDS.keys():
        fields = set(known[name].__struct_fields__)
        of_both = names.FIELDS[name].keys() - fields
        assert of_both <= names._ACSE.keys() | names._SIZES.keys(), (name, of_both)
    for name in known.keys() & names.ORDER.keys():
        fields = set(known[name].__struct_fields__) - {"order", "wide"}
        assert fields == {*names.ORDER[name]}


@pytest.mark.parametrize("kind", get_args(apdus.Apdu), ids=lambda kind: kind.__name__)
def test_every_apdu_has_the_standard_s_name(kind: type[object]) -> None:
    if kind.__name__ not in ("Ciphered", "GeneralCiphered"):  # named by their tag
        assert kind.__name__ in names.CHOICES
