"""XSDs from outlines: a noun's payload, and its strongly typed messages.

Three of each payload.  What we publish has the extensions.  `Width.STRICT` leaves them out: what we
send by default is held against that one.  `Width.TAKEN` is for what others send: classes that we
composed hold anything, because their profile may say otherwise.
"""

from __future__ import annotations

import enum
from typing import Final

from protocols.cim import namespaces as ns
from protocols.cim.nouns import EVENT_VERBS, QUERIES, REQUEST_VERBS, subject
from protocols.cim.outline import BUILT_IN, REFERENCE, ClassOutline, Member, Outline

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XS: Final = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
_QUALIFIED: Final = 'elementFormDefault="qualified" attributeFormDefault="unqualified"'
_INLINE_REFERENCE: Final = (
    "<xs:complexType>",
    '  <xs:attribute name="ref" type="xs:string"/>',
    "</xs:complexType>",
)
_ANYTHING: Final = (
    "    <xs:sequence>",
    '      <xs:any namespace="##any" processContents="skip" minOccurs="0" maxOccurs="unbounded"/>',
    "    </xs:sequence>",
    '    <xs:anyAttribute processContents="skip"/>',
    "  </xs:complexType>",
)


class Width(enum.Enum):
    """How much a schema accepts."""

    STRICT = enum.auto()
    PUBLISHED = enum.auto()
    TAKEN = enum.auto()


def payload(outline: Outline, width: Width = Width.PUBLISHED) -> str:
    """The schema of a noun's namespace, e.g. `http://iec.ch/TC57/2011/MeterReadings#`."""
    space = ns.profile(outline.noun)
    lines = [
        "<!--",
        *(f"    {line}" for line in outline.origin),
        f"    Made from outlines/{outline.noun}.txt.",
        "-->",
        f'<xs:schema {_XS} xmlns:m="{space}"',
        f'           targetNamespace="{space}" {_QUALIFIED}>',
        f'  <xs:element name="{outline.noun}" type="m:{outline.noun}"/>',
    ]
    for one in outline.classes.values():
        if width is Width.TAKEN and one.composed:
            lines += ["", f'  <xs:complexType name="{one.name}" mixed="true">', *_ANYTHING]
        elif width is not Width.STRICT or not one.extension:
            strict = width is Width.STRICT
            lines += ["", *(f"  {line}" for line in _class(outline, one, strict))]
    for name, (base, values) in outline.simple.items():
        lines += ["", *(f"  {line}" for line in _simple(name, base, values))]
    return _HEAD + "\n".join(lines) + "\n</xs:schema>\n"


def _simple(name: str, base: str, values: tuple[str, ...]) -> list[str]:
    end = "" if values else "/"
    lines = [f'<xs:simpleType name="{name}">', f'  <xs:restriction base="xs:{base}"{end}>']
    lines += (f'    <xs:enumeration value="{value}"/>' for value in values)
    return [*lines, *(["  </xs:restriction>"] if values else []), "</xs:simpleType>"]


def _class(outline: Outline, one: ClassOutline, strict: bool) -> list[str]:
    members = [item for item in one.members if not (strict and item.extension)]
    mixed = ' mixed="true"' if one.mixed else ""
    if not members and not one.referring:
        return [f'<xs:complexType name="{one.name}"/>']
    lines = [f'<xs:complexType name="{one.name}"{mixed}>']
    if members:
        lines.append("  <xs:sequence>")
        open_choice = 0
        for member in members:
            if member.chosen != open_choice:
                lines += ["    </xs:choice>"] if open_choice else []
                if member.chosen:
                    most = ' maxOccurs="unbounded"' if one.choices[member.chosen - 1] else ""
                    lines.append(f'    <xs:choice minOccurs="0"{most}>')
                open_choice = member.chosen
            indent = " " * (6 if member.chosen else 4)
            lines += (f"{indent}{line}" for line in _element(outline, member, strict))
        lines += ["    </xs:choice>"] if open_choice else []
        lines.append("  </xs:sequence>")
    if one.referring:
        lines.append('  <xs:attribute name="ref" type="xs:string"/>')
    return [*lines, "</xs:complexType>"]


def _element(outline: Outline, member: Member, strict: bool) -> list[str]:
    occurs = "" if member.required or member.chosen else ' minOccurs="0"'
    if member.many and not member.chosen:
        occurs += ' maxOccurs="unbounded"'
    type_ = member.type
    if type_ == REFERENCE and member.wider is not None and not strict:
        type_ = member.wider
    note = ["<!-- extension -->"] if member.extension else []
    if type_ == REFERENCE:
        inside = [f"  {line}" for line in _INLINE_REFERENCE]
        return [*note, f'<xs:element name="{member.name}"{occurs}>', *inside, "</xs:element>"]
    prefix = "xs" if type_ in BUILT_IN else "m"
    return [*note, f'<xs:element name="{member.name}" type="{prefix}:{type_}"{occurs}/>']


def messages(noun: str) -> str:
    """The schema of a noun's strongly typed messages; `noun` may be that of a question."""
    about = subject(noun)
    query = noun in QUERIES
    imports = [("m", ns.MESSAGE, "Message.xsd"), ("n", ns.profile(about), f"{about}.xsd")]
    if query:
        imports.append(("q", ns.profile(noun), f"{noun}.xsd"))
    lines = [
        "<!--",
        f"    Strongly typed messages of {noun}, IEC 61968-100:2013: Header, Request, Reply and",
        "    Payload are in this namespace, their children in schema/message.",
        "-->",
        f"<xs:schema {_XS}",
        *(f'           xmlns:{prefix}="{space}"' for prefix, space, _ in imports),
        f'           xmlns:t="{ns.typed(noun)}"',
        f'           targetNamespace="{ns.typed(noun)}"',
        f'           {_QUALIFIED} version="1.0.0">',
        *(
            f'  <xs:import namespace="{space}" schemaLocation="{file}"/>'
            for _, space, file in imports
        ),
        "",
        *_sequence(
            f"{about}PayloadType",
            f'<xs:element ref="n:{about}" {_ABOUT[query]}/>',
            '<xs:element name="OperationSet" type="m:OperationSetType" minOccurs="0"/>',
            '<xs:element name="Compressed" type="xs:string" minOccurs="0"/>',
            '<xs:element name="Format" type="xs:string" minOccurs="0"/>',
        ),
    ]
    header = '<xs:element name="Header" type="m:HeaderType"/>'
    reply = '<xs:element name="Reply" type="m:ReplyType"/>'
    content = f'<xs:element name="Payload" type="t:{about}PayloadType" minOccurs="0"/>'
    elements: list[tuple[str, str]] = []
    if query:
        lines += _query_request(noun)
        lines += _sequence(
            f"{noun}RequestMessageType",
            header,
            f'<xs:element name="Request" type="t:{noun}RequestType"/>',
            content,
        )
        elements.append((noun, f"{noun}RequestMessageType"))
    else:
        lines += _sequence(
            f"{about}RequestMessageType",
            header,
            '<xs:element name="Request" type="m:RequestType" minOccurs="0"/>',
            content,
        )
        elements += (
            (f"{verb.capitalize()}{noun}", f"{noun}RequestMessageType") for verb in REQUEST_VERBS
        )
    lines += _sequence(f"{about}ResponseMessageType", header, reply, content)
    if not query:
        lines += _sequence(f"{about}EventMessageType", header, content)
        elements += (
            (f"{verb.capitalize()}{noun}", f"{noun}EventMessageType") for verb in EVENT_VERBS
        )
    lines += _sequence(f"{about}FaultMessageType", reply)
    elements += ((f"{about}{kind}", f"{about}{kind}Type") for kind in _ANSWERS)
    lines += (f'  <xs:element name="{name}" type="t:{type_}"/>' for name, type_ in elements)
    return _HEAD + "\n".join(lines) + "\n</xs:schema>\n"


_ANSWERS: Final = ("ResponseMessage", "FaultMessage")
_ABOUT: Final = {False: 'maxOccurs="unbounded"', True: 'minOccurs="0"'}  # of a question or not


def _query_request(noun: str) -> list[str]:
    """A question's Request: unlike any other's, its children are in the typed namespace, because
    the reference to GetN stands among them."""
    return _sequence(
        f"{noun}RequestType",
        '<xs:element name="StartTime" type="xs:dateTime" minOccurs="0"/>',
        '<xs:element name="EndTime" type="xs:dateTime" minOccurs="0"/>',
        '<xs:element name="Option" type="m:OptionType" minOccurs="0" maxOccurs="unbounded"/>',
        '<xs:element name="ID" type="m:IdentifierType" minOccurs="0" maxOccurs="unbounded"/>',
        f'<xs:element ref="q:{noun}"/>',
        '<xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>',
    )


def _sequence(name: str, *inside: str) -> list[str]:
    return [
        f'  <xs:complexType name="{name}">',
        "    <xs:sequence>",
        *(f"      {line}" for line in inside),
        "    </xs:sequence>",
        "  </xs:complexType>",
        "",
    ]
