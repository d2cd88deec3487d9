"""What is wrong with a message, with its line and the way to its element."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cim import examples, schema, validation, xml
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.cim.profile import reading
from protocols.cim.soap_octets import wrap
from tools.cim.rules import findings

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
TEXT = {each.name: each.octets.decode() for each in examples.every()}
ORDER = "EndDeviceControls/create"
ASKED = "MeterReadings/get-typed"
FILTER = "adapter-SIAD/filter-typed"
CONTROLS = "CreateEndDeviceControls/Payload/EndDeviceControls/EndDeviceControl"

WRONG = {
    # what: the example, what is replaced by what, code and key, the way
    "a misspelt element": (
        ORDER, "m:Source", "m:Sauce", "1.8 ESQUEMA", "CreateEndDeviceControls/Header/Sauce",
    ),
    "the second of two": (
        ORDER, "<name>90000002</name>", "<nome/>", "1.8 ESQUEMA",
        f"{CONTROLS}/EndDevices[2]/Names/nome",
    ),
    "no verb": (
        ORDER, "<m:Verb>create</m:Verb>", "", "1.5 CAMPO_FALTA", "CreateEndDeviceControls",
    ),
    "an unknown verb": (
        ORDER, ">create<", ">make<", "2.9 VERBO_DESCONOCIDO", "CreateEndDeviceControls/Header/Verb",
    ),
    "another verb than its element's": (
        ORDER, ">create<", ">change<", "2.9 VERBO_NO_ADMITIDO",
        "CreateEndDeviceControls/Header/Verb",
    ),
    "an amount that is none": (
        ORDER, ">3300<", ">much<", "1.8 MONTO_INVALIDO",
        "CreateEndDeviceControls/Request/Option[1]",
    ),
    "a time that is none": (
        ORDER, "T14:00:00Z", "T25:00:00Z", "1.8 ESQUEMA",
        "CreateEndDeviceControls/Header/Timestamp",
    ),
    "no reading type": (
        ASKED, ">0.0.2.4.1", ">0.0.2.4.x", "2.6 TIPO_DE_LECTURA_INVALIDO", None,
    ),
    "an attribute that the class has not": (
        FILTER, ">mRID<", ">size<", "1.8 ATRIBUTO_DESCONOCIDO", "GetSIAD/Request/Option/name",
    ),
    "a class that the profile has not": (
        FILTER, ">GeographicalRegion<", ">Coffee<", "2.5 CLASE_DESCONOCIDA", "GetSIAD/Header/Noun",
    ),
    "an adapter's payload": (
        "adapter-SIAD/reply-ok", "<mRID>", "<size/><mRID>", "1.8 ESQUEMA",
        "ResponseMessage/Payload/SIAD/GeographicalRegion/size",
    ),
    "the edition of 2022": (
        "EndDeviceControls/create-async", "TC57/2011/schema/message",
        "TC57/2021/schema/message", "1.9 EDICION_NO_ADMITIDA", "RequestMessage",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said", "path"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_and_where(
    name: str, old: str, new: str, said: str, path: str | None
) -> None:
    text = TEXT[name]
    assert old in text
    changed = text.replace(old, new)
    found = findings(xml.parse(changed.encode()), now=AT)
    first = found[0]
    assert f"{first.error.code} {first.error.key}" == said
    if path is not None:
        assert first.path == path
    if new and path is not None and "/" in path:
        name_there = path.rpartition("/")[2].partition("[")[0]
        assert first.line is not None
        assert name_there in changed.splitlines()[first.line - 1]


def test_every_error_is_told_not_the_first_five() -> None:
    text = TEXT[ORDER].replace("<m:Source>", "<m:Sauce/><m:Source>")
    text = text.replace("<Names>", "<Nombres/><Names>")
    found = findings(xml.parse(text.encode()), now=AT)
    assert len(found) == 3
    assert [it.line for it in found] == sorted(it.line or 0 for it in found)


def test_a_message_in_soap_has_its_lines_in_the_file() -> None:
    text = TEXT[ORDER].replace("m:Source", "m:Sauce")
    root = xml.parse(wrap(text.encode()))
    (first, *_) = findings(validation.message_in(root), now=AT)
    assert first.path.startswith("Envelope/Body/CreateEndDeviceControls/Header/Sauce")


def test_a_content_alone_is_judged_by_its_own_schema() -> None:
    message = xml.parse(TEXT["MeterReadings/event-typed"].encode())
    (content,) = xml.child(message, "Payload")
    assert findings(content, now=AT) == []
    content[0].tag += "x"
    assert findings(content, now=AT)[0].path.endswith("MeterReadings/MeterReadingx")


def test_a_generic_get_is_held_against_the_adapter_that_is_named() -> None:
    asked = xml.parse(TEXT["adapter-SIAD/filter"].replace(">mRID<", ">size<").encode())
    assert findings(asked, now=AT) == []
    (found,) = findings(asked, now=AT, profile=reading.profile("siad"))
    assert found.error.key == "ATRIBUTO_DESCONOCIDO"


def test_an_adapters_payload_of_another_name_is_wrong() -> None:
    message = xml.parse(TEXT["adapter-SCADA/reply-ok"].encode())
    content = xml.child(message, "Payload")[0]
    content.tag += "x"
    assert findings(message, now=AT)


@given(st.sampled_from(sorted(TEXT)), st.data())
def test_what_a_door_refuses_is_found_and_nothing_else(name: str, data: st.DataObject) -> None:
    """Any element renamed, emptied or doubled: the door's schema and this agree."""
    root = xml.parse(TEXT[name].encode())
    elements = [*root.iter()]
    element = elements[data.draw(st.integers(0, len(elements) - 1))]
    match data.draw(st.sampled_from(["rename", "empty", "double"])):
        case "rename":
            element.tag = f"{element.tag}x"
        case "empty":
            element.clear()
        case "double" if element is not root:
            element.addnext(deepcopy(element))
    try:
        schema.check(root)
        refused = False
    except (RequestRefused, NotAMessage):
        refused = True
    found = validation.findings(root)
    adapters = "adapter" in name  # whose payloads in generic messages a door lets pass
    assert bool(found) == refused or (adapters and found)
