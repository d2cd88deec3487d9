"""Hostile and broken XML: refused with a code and a key, and nothing else ever escapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cim import xml
from protocols.cim.errors import NotAMessage, RequestRefused
from tests.cim import orders_as_xml as a

SMALL = xml.Bounds(octets_max=2000, depth_max=8, elements_max=40, text_octets_max=100)
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]><x>&j;</x>"
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'

HOSTILE: dict[str, tuple[bytes, str, str]] = {
    # name: (octets, code, key)
    "nothing": (b"", "1.8", "XML_VACIO"),
    "blanks": (b" \r\n\t", "1.8", "XML_VACIO"),
    "no XML": (b"hello", "1.8", "XML_MAL_FORMADO"),
    "zeros": (b"\0" * 8, "1.8", "XML_MAL_FORMADO"),
    "cut off": (a.typed()[:-5], "1.8", "XML_MAL_FORMADO"),
    "two roots": (b"<x/><y/>", "1.8", "XML_MAL_FORMADO"),
    "undeclared prefix": (b"<m:x/>", "1.8", "XML_MAL_FORMADO"),
    "bad octets": (b"<x>\xff\xfe</x>", "1.8", "XML_MAL_FORMADO"),
    "control character": (b"<x>\x01</x>", "1.8", "XML_MAL_FORMADO"),
    "character reference to one": (b"<x>&#1;</x>", "1.8", "XML_MAL_FORMADO"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><x/>', "1.8",
                         "CODIFICACION_NO_ADMITIDA"),
    "undeclared entity": (b"<x>&e;</x>", "1.8", "XML_MAL_FORMADO"),
    "repeated attribute": (b'<x a="1" a="2"/>', "1.8", "XML_MAL_FORMADO"),
    "a DTD": (b"<!DOCTYPE x><x/>", "1.8", "DTD_NO_ADMITIDA"),
    "a DTD elsewhere": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', "1.8",
                        "DTD_NO_ADMITIDA"),
    "billion laughs": (LAUGHS.encode(), "1.8", "DTD_NO_ADMITIDA"),
    "external entity": (EXTERNAL.encode(), "1.8", "DTD_NO_ADMITIDA"),
    "external entity in UTF-16": (
        ("\ufeff" + EXTERNAL).encode("utf-16-le"), "1.8", "DTD_NO_ADMITIDA",
    ),
    "too large": (b"<x>" + b"<y/>" * 500 + b"</x>", "3.1", "MENSAJE_DEMASIADO_GRANDE"),
    "too deep": (b"<x>" * 9 + b"</x>" * 9, "3.1", "XML_FUERA_DE_LIMITES"),
    "far too deep": (b"<x>" * 280 + b"</x>" * 280, "3.1", "XML_FUERA_DE_LIMITES"),
    "too many": (b"<x>" + b"<y/>" * 40 + b"</x>", "3.1", "XML_FUERA_DE_LIMITES"),
    "long text": (b"<x>" + b"y" * 101 + b"</x>", "3.1", "XML_FUERA_DE_LIMITES"),
    "long attribute": (b'<x a="' + b"y" * 101 + b'"/>', "3.1", "XML_FUERA_DE_LIMITES"),
    "many attributes": (
        b"<x " + b" ".join(b'a%d="1"' % i for i in range(33)) + b"/>", "3.1",
        "XML_FUERA_DE_LIMITES",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "code", "key"), HOSTILE.values(), ids=HOSTILE)
def test_hostile(octets: bytes, code: str, key: str) -> None:
    with pytest.raises(NotAMessage) as caught:
        xml.parse(octets, SMALL)
    assert (caught.value.error.code, caught.value.error.key) == (code, key)


def test_the_edges_are_inside() -> None:
    xml.parse(b"<x>" * 8 + b"</x>" * 8, SMALL)
    xml.parse(b"<x>" + b"<y/>" * 39 + b"</x>", SMALL)
    xml.parse(b"<x>" + b"y" * 100 + b"</x>", SMALL)


def test_comments_instructions_and_hints_are_gone() -> None:
    root = xml.parse(
        b"<?go away?><x xmlns:i='http://www.w3.org/2001/XMLSchema-instance'"
        b" i:schemaLocation='urn:x http://127.0.0.1:9/x.xsd'>a<!-- b -->c<?d?>e</x>"
    )
    assert (root.text, len(root), dict(root.attrib)) == ("ace", 0, {})


def test_predefined_entities_and_cdata_are_text() -> None:
    assert xml.parse(b"<x>&lt;&#65;<![CDATA[<b>]]></x>").text == "<A<b>"


def test_other_encodings() -> None:
    text = "<x>límite</x>"
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>' + text
    assert xml.parse(text.encode()).text == "límite"
    assert xml.parse(text.encode("utf-16")).text == "límite"
    assert xml.parse(declared.encode("latin-1")).text == "límite"


@given(st.binary(max_size=200))
def test_random_octets_raise_nothing_else(octets: bytes) -> None:
    try:
        xml.parse(octets)
    except NotAMessage as refused:
        assert refused.error.key


@given(st.data())
def test_damaged_messages_raise_nothing_else(data: st.DataObject) -> None:
    octets = bytearray(a.typed())
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        xml.parse(bytes(octets))
    except NotAMessage as refused:
        assert refused.error.key


@given(st.text(max_size=50).map(lambda text: text.replace("\r", "")))  # XML folds line ends
def test_clean_text_is_always_writable(text: str) -> None:
    element = xml.parse(b"<x xmlns='urn:x'/>")
    xml.add(element, "y", text)
    again = xml.parse(xml.serialize(element))
    assert (again[0].text or "") == xml.clean(text)


TIMES = {
    "2026-07-06T14:00:00Z": datetime(2026, 7, 6, 14, tzinfo=UTC),
    "2026-07-06T10:00:00-04:00": datetime(2026, 7, 6, 14, tzinfo=UTC),
    "2026-07-06T14:00:00.5Z": datetime(2026, 7, 6, 14, 0, 0, 500_000, tzinfo=UTC),
    "2026-07-06T14:00:00.123456789Z": datetime(2026, 7, 6, 14, 0, 0, 123_456, tzinfo=UTC),
    "2026-12-31T24:00:00Z": datetime(2027, 1, 1, tzinfo=UTC),
    "2026-07-06T14:00:00": datetime(2026, 7, 6, 14),
}


@pytest.mark.parametrize(("text", "value"), TIMES.items(), ids=TIMES)
def test_times(text: str, value: datetime) -> None:
    assert xml.date_time(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "2026-07-06", "2026-07-06 14:00:00Z", "2026-13-06T14:00:00Z", "2026-07-06T24:00:01Z",
     "2026-07-06T14:00Z", "2026-07-06T14:00:00z", "10000-01-01T00:00:00Z", "9999-12-31T24:00:00Z",
     "20260706T140000Z", "2026-W28-1T14:00:00Z", "٢٠٢٦-07-06T14:00:00Z"],
)  # fmt: skip
def test_no_times(text: str) -> None:
    with pytest.raises(RequestRefused, match="FECHA_INVALIDA"):
        xml.date_time(text)


def test_times_are_written_in_utc() -> None:
    west = timezone(timedelta(hours=-4))
    assert xml.date_time_text(datetime(2026, 7, 6, 10, tzinfo=west)) == "2026-07-06T14:00:00Z"
    assert (
        xml.date_time_text(datetime(2026, 7, 6, 14, 0, 0, 250_000, tzinfo=UTC))
        == "2026-07-06T14:00:00.250Z"
    )
    with pytest.raises(ValueError):
        xml.date_time_text(datetime(2026, 7, 6))


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("false", False), ("0", False), (None, None)]
)
def test_booleans(text: str | None, value: bool | None) -> None:
    assert xml.boolean(text) is value


@pytest.mark.parametrize("text", ["", "yes", "TRUE", "2"])
def test_no_booleans(text: str) -> None:
    with pytest.raises(RequestRefused, match="BOOLEANO_INVALIDO"):
        xml.boolean(text)
