"""The validator's complaints, as clients are told them."""

from __future__ import annotations

import pytest

from protocols.cim import complaints, schema, xml
from protocols.cim.errors import NotAMessage, RequestRefused
from tests.cim import orders_as_xml as a
from tests.cim.orders_as_xml import control

TOLD = {
    # name: (message, details, xpath)
    "out of order": (
        a.typed(head="<m:Noun>EndDeviceControls</m:Noun><m:Verb>create</m:Verb>"),
        "ESQUEMA: Noun: no se espera aquí; se espera Verb", "Noun",
    ),
    "unknown element": (
        a.typed().replace(b"<Payload>", b"<Foo/><Payload>"),
        "ESQUEMA: Foo: no se espera aquí; se espera Request o Payload", "Foo",
    ),
    "another namespace": (
        a.typed().replace(a.CONTROLS.encode(), b"urn:x"),
        "ESQUEMA: EndDeviceControls: no se espera aquí en el espacio de nombres urn:x",
        "EndDeviceControls",
    ),
    "bad value": (
        a.typed(head=a.header(flags="<m:AsyncReplyFlag>yes</m:AsyncReplyFlag>")),
        "ESQUEMA: AsyncReplyFlag: 'yes' no es un valor de xs:boolean", "AsyncReplyFlag",
    ),
    "bad value of a type of ours": (
        a.meter_config(a.function("<k:powerLimit>{urn:x}y</k:powerLimit>")),
        "ESQUEMA: powerLimit: 'y' no es un valor de ActivePower", "powerLimit",
    ),
    "bad attribute": (
        a.typed(request='<m:ID kind="x">1</m:ID>'),
        "ESQUEMA: ID: 'x' no está entre 'name', 'uuid', 'transaction', 'other'", "ID",
    ),
    "unknown attribute": (
        a.typed().replace(b"<Header>", b'<Header a="1">'),
        "ESQUEMA: Header: el atributo a no se admite", "Header",
    ),
    "text between elements": (
        a.typed().replace(b"<Header>", b"<Header>oh"), "ESQUEMA: Header: no lleva texto", "Header",
    ),
    "elements in a text": (
        a.typed(head=a.header(ids="<m:MessageID><m:a/></m:MessageID>")),
        "ESQUEMA: MessageID: no lleva elementos dentro", "MessageID",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "details", "xpath"), TOLD.values(), ids=TOLD)
def test_the_schemas_complaints(octets: bytes, details: str, xpath: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        schema.check(xml.parse(octets))
    first = caught.value.errors[0]
    assert (first.details, first.xpath) == (details, xpath)


def test_what_is_missing_is_named_up_to_a_number() -> None:
    with pytest.raises(RequestRefused) as caught:
        schema.check(xml.parse(a.generic("<c:EndDeviceControl/>")))
    details = caught.value.errors[0].details or ""
    assert details.startswith("ESQUEMA: EndDeviceControl: está incompleto; se espera mRID o ")
    assert details.endswith(" …") and details.count(" o ") == complaints.NAMES_MAX - 1


def test_an_unknown_verb_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RequestRefused) as caught:
        schema.check(xml.parse(a.generic(control(), head=a.header("brew"))))
    details = caught.value.errors[0].details or ""
    assert details.startswith("VERBO_DESCONOCIDO: Verb: 'brew' no está entre 'cancel', ")


UNKNOWN = {
    "Element '{urn:x}y': something new": "y: no cumple el esquema",
    "Element 'y', attribute 'z': something new": "y: no cumple el esquema",
    "something new": "el mensaje no cumple el esquema",
    "Element 'y': The attribute 'z' is required but missing.": "y: falta el atributo z",
    "Element 'y': This element is not expected.": "y: no se espera aquí",
}


@pytest.mark.parametrize(("message", "told"), UNKNOWN.items(), ids=UNKNOWN)
def test_other_complaints(message: str, told: str) -> None:
    assert complaints.told(message) == told


MALFORMED = {
    b"<a><b></a>": "XML_MAL_FORMADO: línea 1, columna 11",
    b"<a>\n&e;</a>": "XML_MAL_FORMADO: línea 2, columna 4",
}


@pytest.mark.parametrize(("octets", "details"), MALFORMED.items(), ids=map(str, MALFORMED))
def test_the_parsers_complaints(octets: bytes, details: str) -> None:
    with pytest.raises(NotAMessage) as caught:
        xml.parse(octets)
    assert caught.value.error.details == details
