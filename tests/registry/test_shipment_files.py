"""Both forms of a shipment's file say the same, and what is wrong in one is told with its place."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from headend.registry import encoding
from headend.registry.sheets import BadFile, Flaw, Row
from headend.registry.shipment.delivered import COLUMNS, Delivered, Examiner
from headend.registry.shipment.files import XSD, read
from headend.registry.shipment.transport import BadTransportKey, NotOpened, TransportKey
from protocols.dlms.keys import Keys
from tests.registry.pallet import NAMESPACE, TRANSPORT, Line, as_csv, as_xml, key, keys, pallet

EXAMINER = Examiner(TRANSPORT, frozenset({"generic", "sim-3p"}))

FULL: dict[str, str] = {
    "meter": "4711",
    "model": "sim-3p",
    "identity": "FRN0000004711",
    "title": "46524e0000004711",
    "concentrator": "C-1",
    "address": "tcp://10.1.2.3:4059",
    "segment": "north",
    "contracted_w": "5500.5",
    "phase": "B",
    **keys("4711", 1, master=True),
    **keys("4711", 3),
    "password-2": TRANSPORT.wrapped_password(b"12345678").hex(),
}


def examined(octets: bytes) -> list[Delivered | list[Flaw]]:
    found: list[Delivered | list[Flaw]] = []
    for row in read(io.BytesIO(octets)):
        found.append(EXAMINER.examined(row) if isinstance(row, Row) else [row])
    return found


@pytest.mark.parametrize("form", [as_csv, as_xml])
def test_all_that_a_line_can_say(form: Any) -> None:
    assert set(COLUMNS) < set(FULL)
    (found,) = examined(form([FULL]))
    assert isinstance(found, Delivered)
    assert found.line == 2
    assert found.fields == {
        "name": "4711",
        "model": "sim-3p",
        "identity": "FRN0000004711",
        "title": "46524E0000004711",
        "concentrator": "C-1",
        "address": "tcp://10.1.2.3:4059",
        "segment": "north",
        "contracted_w": Decimal("5500.5"),
        "recorded_phase": "B",
    }
    encryption, authentication, master = (
        key(f"4711/1/{part}") for part in ("encryption", "authentication", "master")
    )
    assert found.keys[1] == Keys(encryption, authentication, master=master)
    assert found.keys[3] == Keys(key("4711/3/encryption"), key("4711/3/authentication"))
    assert found.passwords == {2: b"12345678"}
    assert encryption.hex() not in repr(found) and "12345678" not in repr(found)


@pytest.mark.parametrize("lines", [[], [{"meter": "1"}], pallet(7), [FULL, {"meter": "2"}]])
def test_the_two_forms_say_the_same_and_the_schema_takes_it(lines: list[Line]) -> None:
    assert examined(as_csv(lines)) == examined(as_xml(lines))
    etree.XMLSchema(etree.parse(XSD)).assertValid(etree.fromstring(as_xml(lines)))


OTHERS = TransportKey(bytes(16)).wrapped(key("1")).hex()

BAD_VALUES = {
    "no number": ({"model": "sim-3p"}, "meter"),
    "a number with blanks": ({"meter": "47 11"}, "meter"),
    "a model that there is not": ({"meter": "1", "model": "sim-9p"}, "model"),
    "a title too short": ({"meter": "1", "title": "46524E"}, "title"),
    "a contract of nothing": ({"meter": "1", "contracted_w": "0"}, "contracted_w"),
    "a contract that is no number": ({"meter": "1", "contracted_w": "much"}, "contracted_w"),
    "an endless contract": ({"meter": "1", "contracted_w": "Infinity"}, "contracted_w"),
    "a phase that there is not": ({"meter": "1", "phase": "D"}, "phase"),
    "an address of no kind": ({"meter": "1", "address": "ftp://10.1.2.3"}, "address"),
    "a key by another transport key": (
        {"meter": "1", **keys("1"), "key-1-encryption": OTHERS},
        "key-1-encryption",
    ),
    "a key that is not wrapped": (
        {"meter": "1", **keys("1"), "key-1-authentication": "00" * 16},
        "key-1-authentication",
    ),
    "half of a pair of keys": (
        {"meter": "1", "key-1-encryption": keys("1")["key-1-encryption"]},
        "key-1-authentication",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "column"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_wrong_value_is_told_with_line_column_and_what_to_do(line: Line, column: str) -> None:
    good, flaws = examined(as_csv([{"meter": "9"}, line]))
    assert isinstance(good, Delivered) and isinstance(flaws, list)
    (flaw,) = flaws
    assert (flaw.line, flaw.column) == (3, column)
    assert flaw.why and flaw.next_step
    assert not any(text in str(flaw) for name, text in line.items() if name.startswith("key-"))


@pytest.mark.parametrize(("line", "column"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_the_other_form_refuses_the_same(line: Line, column: str) -> None:
    good, flaws = examined(as_xml([{"meter": "9"}, line]))
    assert isinstance(good, Delivered) and isinstance(flaws, list)
    assert {flaw.line for flaw in flaws} == {3}


def test_all_flaws_of_a_line_are_told() -> None:
    (flaws,) = examined(as_csv([{"meter": "4 7", "phase": "D", "title": "x"}]))
    assert isinstance(flaws, list)
    assert [flaw.column for flaw in flaws] == ["meter", "phase", "title"]


def test_without_a_transport_key_nothing_is_opened() -> None:
    (row,) = read(io.BytesIO(as_csv([{"meter": "1", **keys("1")}])))
    assert isinstance(row, Row)
    flaws = Examiner(None, ()).examined(row)
    assert isinstance(flaws, list) and "--transport-key" in flaws[0].next_step


HEAD = f'<Shipment xmlns="{NAMESPACE}">\n<Meter meter="1"/>\n'.encode()
LAUGHS = (
    '<!DOCTYPE Shipment [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10))
    + f']>\n<Shipment xmlns="{NAMESPACE}"><Meter meter="&a9;"/></Shipment>'
).encode()
BROKEN = {
    # what is wrong: the file, the line, a part of what is told
    "nothing": (b"", 1, "column is missing"),
    "a column that nobody knows": (b"meter,colour\n1,red\n", 1, "no such column"),
    "a client beyond 16 bits": (b"meter,key-70000-master\n", 1, "no such column"),
    "a column twice": (b"meter,model,model\n", 1, "comes twice"),
    "a value too many": (b"meter,model\n1,sim-3p\n2,sim-3p,3\n", 3, "3 values"),
    "a value too few": (b"meter,model\n1,sim-3p\n\n2\n", 4, "1 values"),
    "a quote that is not closed": (b'meter,model\n1,"sim\n', 2, "unexpected end"),
    "no UTF-8": (b"meter,identity\n1,a\n2,\xff\xfe\n", 3, "no UTF-8"),
    "DOS's letters": ('meter,segment\n1,"a\nmontaña"\n'.encode("cp850"), 3, "no UTF-8"),
    "a Macintosh's letters": ("meter,segment\n1,montaña\n".encode("mac-roman"), 2, "no UTF-8"),
    "half a letter at the end": ("meter,segment\n1,monta\n2,ñ".encode()[:-1], 3, "no UTF-8"),
    "UTF-16 that is cut off": ("meter\n1\n".encode("utf-16")[:-1], 2, "no UTF-16"),
    "a ZIP archive": (b"PK\x03\x04\x14\0\x06\0", 1, "a ZIP archive"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1", 1, "Excel's old form"),
    "cut off": (HEAD + b'<Meter meter="2"', 3, "attributes construct error"),
    "not ended": (HEAD, 3, "Premature end"),
    "another root": (b"<Pallet/>", 1, "the root is Pallet"),
    "another namespace": (b'<Shipment xmlns="urn:other"/>', 1, "not Shipment of urn:ami"),
    "a DTD": (b'<!DOCTYPE x [<!ENTITY a "b">]>' + HEAD + b"</Shipment>", 1, "brings no DTD"),
    "a DTD behind words": (b'<?xml version="1.0"?>\n<!-- -->\n<!DOCTYPE x>' + HEAD, 1, "no DTD"),
    "a DTD in UTF-16": ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16"), 1, "no DTD"),
    "laughs": (LAUGHS, 1, "brings no DTD"),
    "an entity from nowhere": (HEAD + b'<Meter meter="&a;"/></Shipment>', 3, "Entity 'a'"),
    "something behind its end": (HEAD + b"</Shipment>\n<more/>", 4, "Extra content"),
}


@pytest.mark.parametrize(("octets", "line", "why"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_broken_ends_there(octets: bytes, line: int, why: str) -> None:
    with pytest.raises(BadFile, match=why) as broken:
        examined(octets)
    assert broken.value.flaw.line == line and broken.value.flaw.next_step


ADVICE = {
    "cut off": (HEAD, "cut off"),
    "a DTD": (LAUGHS, "hostile"),
    "an entity": (HEAD + b'<Meter meter="&a;"/></Shipment>', "the character itself"),
    "a bare &": (HEAD + b'<Meter meter="A & B"/></Shipment>', "&amp;"),
    "an encoding": (HEAD + b'<Meter meter="1" segment="a\xf1"/></Shipment>', "encoding="),
    "two things": (HEAD + b"</Shipment><more/>", "look at this line"),
    "a ZIP archive": (b"PK\x03\x04", "save it as CSV UTF-8"),
}


@pytest.mark.parametrize(("octets", "to_do"), ADVICE.values(), ids=ADVICE)
def test_what_to_do_fits_what_is_wrong(octets: bytes, to_do: str) -> None:
    with pytest.raises(BadFile) as broken:
        examined(octets)
    assert to_do in broken.value.flaw.next_step


SAVED = {
    # as spreadsheets save a table: the codec, what is between two values
    "CSV": ("utf-8", ","),
    "CSV UTF-8": ("utf-8-sig", ";"),
    "Unicode text": ("utf-16", "\t"),
    "the other order of octets": ("utf-16-be", "\t"),
    "CSV on Windows": ("cp1252", ";"),
    "Latin-1": ("latin-1", ","),
}


@pytest.mark.parametrize(("codec", "between"), SAVED.values(), ids=SAVED)
def test_a_table_is_read_as_spreadsheets_save_it(codec: str, between: str) -> None:
    lines = [("Meter", "SEGMENT"), ("4711", "Ñuñoa, Chillán"), ("4712", "Concepción")]
    text = "\r\n".join(between.join(f'"{cell}"' for cell in line) for line in lines)
    mark = "\ufeff" if codec == "utf-16-be" else ""
    found = [*read(io.BytesIO((mark + text).encode(codec)))]
    assert found == [
        Row(2, {"meter": "4711", "segment": "Ñuñoa, Chillán"}),
        Row(3, {"meter": "4712", "segment": "Concepción"}),
    ]


@given(st.text(alphabet="aéñ€𝄞\n", min_size=1), st.integers(1, 5), st.binary(max_size=3))
def test_where_a_wrong_octet_is_does_not_depend_on_how_a_file_is_read(
    text: str, piece: int, rest: bytes
) -> None:
    octets = text.encode() + b"\xff" + rest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "PIECE", piece)
        with pytest.raises(encoding.NotText) as refusal:
            encoding.encoding_of(io.BytesIO(octets))
    assert refusal.value.line == 1 + text.count("\n")


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig", "iso-8859-1"])
def test_xml_tells_its_encoding(codec: str) -> None:
    told = f'<?xml version="1.0" encoding="{codec.removesuffix("-sig")}"?>\n'
    (found,) = read(io.BytesIO((told + HEAD.decode() + "</Shipment>\n").encode(codec)))
    assert isinstance(found, Row) and found.values == {"meter": "1"}


def test_a_quotation_may_hold_line_breaks_and_lines_still_count() -> None:
    found = [*read(io.BytesIO(b'meter,identity\n1,"a\nb"\n2,c\n'))]
    assert [row.line for row in found] == [2, 4]


def test_lines_of_xml_are_counted_beyond_what_its_parser_counts() -> None:
    octets = HEAD + b'<Meter meter="1"/>\n' * 65_600 + b"<Meter/>\n</Shipment>\n"
    (flaw,) = (found for found in read(io.BytesIO(octets)) if isinstance(found, Flaw))
    assert flaw.line == 65_603


# RFC 3394, 4.1: 128 bits of key data with a 128-bit key; RFC 5649, 6: 20 octets, 192-bit key.
def test_keys_are_wrapped_as_the_standards_say() -> None:
    rfc3394 = TransportKey(bytes(range(16)))
    wrapped = bytes.fromhex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")
    assert rfc3394.key_in(wrapped) == bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    rfc5649 = TransportKey.parse("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "RFC 5649")
    padded = bytes.fromhex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")
    password = bytes.fromhex("c37b7e6492584340bed12207808941155068f738")
    assert rfc5649.password_in(padded) == password
    with pytest.raises(NotOpened):
        rfc3394.password_in(wrapped[:-1] + b"\0")


@pytest.mark.parametrize("text", ["", "00" * 15, "zz" * 16, "00" * 17])
def test_a_transport_key_that_is_none(text: str) -> None:
    with pytest.raises(BadTransportKey, match="here: .*digits"):
        TransportKey.parse(text, "here")
