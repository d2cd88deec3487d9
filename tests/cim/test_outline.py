"""The outlines: what they may say, and that the package holds what is made from them."""

from __future__ import annotations

import pytest
from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import schema, wsdl_text, xsd_text
from protocols.cim.nouns import EVENT_VERBS, NOUNS, QUERIES, REQUEST_VERBS, subject
from protocols.cim.outline import ClassOutline, Outline, outline, parse
from protocols.cim.xsd_text import Width
from tools.cim.generated import FOLDER, generated

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"


def test_what_is_made_is_what_is_there() -> None:
    made = generated()
    assert {path.name for path in made} >= {*schema.XSDS, *schema.WSDLS} - {"Message.xsd"}
    for path, text in made.items():
        assert path.read_text("utf-8") == text, f"{path.name}: run python -m tools.cim.generated"
    there = {path for folder in ("xsd", "wsdl", "records") for path in (FOLDER / folder).iterdir()}
    byhand = {"Message.xsd", "__init__.py", "__pycache__"}
    assert {path for path in there if path.name not in byhand} == set(made)


@pytest.mark.parametrize("noun", ns.NOUNS)
def test_schemas_are_schemas(noun: str) -> None:
    found = outline(noun)
    assert found.origin, "an outline says where it comes from"
    for width in Width:
        text = xsd_text.payload(found, width)
        root = etree.fromstring(text.encode())
        etree.XMLSchema(root)
        assert root.get("targetNamespace") == f"http://iec.ch/TC57/2011/{noun}#"
        assert root.get("elementFormDefault") == "qualified"
        assert root.get("attributeFormDefault") == "unqualified"
        assert [item.get("name") for item in root.findall(f"{XS}element")] == [noun]


@pytest.mark.parametrize("noun", ns.NOUNS)
def test_strict_schemas_have_no_extension(noun: str) -> None:
    found = outline(noun)
    strict = xsd_text.payload(found, Width.STRICT)
    assert "extension" not in strict.partition("-->")[2]
    assert 'mixed="true"' not in strict
    wide = xsd_text.payload(found)
    marked = sum(m.extension for one in found.classes.values() for m in one.members)
    assert wide.partition("-->")[2].count("<!-- extension -->") == marked


def _order(found: Outline, one: ClassOutline) -> list[tuple[int, int, str]]:
    """The place of each strict element: mRID, then simple types, then the rest, by alphabet."""
    return [
        (
            0 if member.name == "mRID" else 1,
            0 if found.base(member.type) is not None else 1,
            member.name.lower(),
        )
        for member in one.members
        if not member.extension and not member.chosen
    ]


@pytest.mark.parametrize("noun", ns.NOUNS)
def test_the_order_of_elements_is_that_of_the_profiles(noun: str) -> None:
    # The public outlines (EndDeviceControls, EndDeviceEvents, MeterReadings, GetMeterReadings and
    # what is known of MeterConfig) follow one rule without exception: it is what we composed the
    # rest by (docs/cim.md).
    found = outline(noun)
    for one in found.classes.values():
        if not one.referring:
            assert _order(found, one) == sorted(_order(found, one)), one.name


REFUSED = {
    "nothing": "",
    "another noun's first class": "B\n  x [0..1] string",
    "a type that is nowhere": "A\n  x [0..1] Nowhere",
    "a cardinality that is none": "A\n  x [2..3] string",
    "a choice without elements beside it": "A\n    x [1..1] string",
    "an element without type": "A\n  x [0..1]",
    "a class name with a blank": "A B\n  x [0..1] string",
    "elements under a simple type": "A\n\nB = float\n  x [0..1] string",
    "a wider type that is nowhere": "A\n  x [1..1] @ref + Nowhere",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_no_outline(text: str) -> None:
    with pytest.raises(ValueError, match="A: "):
        parse("A", text)


@pytest.mark.parametrize("noun", ["Coffee", "../xsd/Message", "", "Message"])
def test_no_outline_of_that_name(noun: str) -> None:
    with pytest.raises(KeyError):
        outline(noun)


@pytest.mark.parametrize("noun", ns.NOUNS)
def test_typed_messages_have_the_elements_the_standard_names(noun: str) -> None:
    root = etree.fromstring(schema.xsd(f"{noun}Message.xsd"))
    names = [item.get("name") for item in root.findall(f"{XS}element")]
    about = subject(noun)
    verbs = [] if noun in QUERIES else [*REQUEST_VERBS, *EVENT_VERBS]
    asked = [noun] if noun in QUERIES else [f"{verb.capitalize()}{noun}" for verb in verbs]
    assert names == [*asked, f"{about}ResponseMessage", f"{about}FaultMessage"]
    types = {item.get("name"): item for item in root.findall(f"{XS}complexType")}

    def parts(name: str) -> list[str]:
        inside = types[name].find(f"{XS}sequence")
        return [
            item.get("name") or item.get("ref") for item in inside if item.tag == f"{XS}element"
        ]

    assert parts(f"{about}PayloadType") == [f"n:{about}", "OperationSet", "Compressed", "Format"]
    assert parts(f"{noun}RequestMessageType") == ["Header", "Request", "Payload"]
    assert parts(f"{about}ResponseMessageType") == ["Header", "Reply", "Payload"]
    assert parts(f"{about}FaultMessageType") == ["Reply"]
    if noun in QUERIES:
        assert parts(f"{noun}RequestType") == ["StartTime", "EndTime", "Option", "ID", f"q:{noun}"]
    else:
        assert parts(f"{noun}EventMessageType") == ["Header", "Payload"]


@pytest.mark.parametrize("name", schema.WSDLS)
def test_wsdls_are_bare_document_literal(name: str) -> None:
    service = wsdl_text.services()[name]
    root = etree.fromstring(schema.wsdl(name))
    assert root.get("targetNamespace") == service.target
    binding = root.find(f"{WSDL}binding")
    assert binding.find(f"{SOAP}binding").get("style") == "document"
    assert {body.get("use") for body in root.iter(f"{SOAP}body")} == {"literal"}
    declared = etree.fromstring(schema.xsd(service.schema))
    assert declared.get("targetNamespace") == service.elements
    elements = {item.get("name") for item in declared.findall(f"{XS}element")}
    for message in root.findall(f"{WSDL}message"):
        (part,) = message.findall(f"{WSDL}part")
        assert part.get("element").removeprefix("msg:") in elements
        assert part.get("type") is None
    for operation in root.find(f"{WSDL}portType"):
        kinds = [item.tag.removeprefix(WSDL) for item in operation]
        assert kinds == ["input", "output", "fault"]


ACTIONS = {
    # facts: ROOT/N/CreateN for requests, ROOT/GetN/GetN for questions
    "ExecuteEndDeviceControls.wsdl": "EndDeviceControls/CreateEndDeviceControls",
    "ReceiveEndDeviceEvents.wsdl": "EndDeviceEvents/CreatedEndDeviceEvents",
    "SendMeterReadings.wsdl": "MeterReadings/CreatedMeterReadings",
    "GetMeterReadings.wsdl": "GetMeterReadings/GetMeterReadings",
    "ReplyMeterConfig.wsdl": "MeterConfig/ReplyMeterConfig",
    "Generic.wsdl": "abstract/Request",
}


@pytest.mark.parametrize(("name", "action"), ACTIONS.items())
def test_soap_actions(name: str, action: str) -> None:
    first = wsdl_text.services()[name].operations[0]
    assert first.action == f"http://iec.ch/TC57/2011/{action}"
    assert f'soapAction="{first.action}"'.encode() in schema.wsdl(name)


def test_each_noun_has_its_services() -> None:
    for noun in NOUNS.values():
        have = {name.removesuffix(".wsdl") for name in schema.WSDLS if noun.name in name}
        kinds = {"Execute", "Reply", "Receive", "Send", *(["Get"] if noun.gets else [])}
        assert have == {f"{kind}{noun.name}" for kind in kinds}
