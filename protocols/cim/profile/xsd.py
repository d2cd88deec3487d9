"""The XSD of a profile.

One complex type a class, which extends its parent's; one simple type an enumeration; one element
with the profile's name, which holds instances of any of its concrete classes.  Every type and
member says by `sawsdl:modelReference` what it is of the CIM, or that it is the utility's own.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from lxml import etree

from protocols.cim import xml
from protocols.cim.profile.model import (
    Attribute,
    CimClass,
    Enumeration,
    Member,
    Primitive,
    Profile,
)
from protocols.cim.xml import Element

XS: Final = "http://www.w3.org/2001/XMLSchema"
SAWSDL: Final = "http://www.w3.org/ns/sawsdl"
CIM: Final = "http://iec.ch/TC57/CIM-generic#"  # the CIM of no edition in particular
OWN: Final = "urn:ami-headend:cim:own#"

TYPE_OF: Final = {
    Primitive.STRING: "xs:string",
    Primitive.INTEGER: "xs:long",
    Primitive.FLOAT: "xs:double",
    Primitive.BOOLEAN: "xs:boolean",
    Primitive.DATE_TIME: "xs:dateTime",
}


def file_name(profile: Profile) -> str:
    """What the file is called, as the WSDL refers to it."""
    return f"{profile.name}.xsd"


@cache
def xsd(profile: Profile) -> bytes:
    """The text of the schema."""
    root = etree.Element(
        f"{{{XS}}}schema",
        nsmap={"xs": XS, "m": profile.namespace, "sawsdl": SAWSDL},
        targetNamespace=profile.namespace,
        elementFormDefault="qualified",
        attributeFormDefault="unqualified",
    )
    _document(root, profile.title)
    _holder(root, profile)
    _reference_type(root)
    for cls in profile.classes:
        _class_type(root, cls)
    for enumeration in profile.enumerations:
        _enumeration_type(root, enumeration)
    etree.indent(root)
    return xml.serialize(root) + b"\n"


@cache
def _compiled(profile: Profile) -> Element:
    return etree.XMLSchema(etree.fromstring(xsd(profile)))


def complaints(profile: Profile, element: Element) -> list[str]:
    """What the schema has against an element; nothing where it accepts it."""
    schema = _compiled(profile)
    if schema.validate(element):
        return []
    return [entry.message for entry in schema.error_log]


def _add(parent: Element, tag: str, /, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{XS}}}{tag}", **attributes)


def _document(parent: Element, text: str) -> None:
    if text:
        note = _add(parent, "annotation")
        _add(note, "documentation").text = text


def _refer(element: Element, name: str, *, own: bool) -> None:
    element.set(f"{{{SAWSDL}}}modelReference", f"{OWN if own else CIM}{name}")


def _holder(root: Element, profile: Profile) -> None:
    holder = _add(root, "element", name=profile.name)
    choice = _add(_add(holder, "complexType"), "choice", minOccurs="0", maxOccurs="unbounded")
    for cls in profile.classes:
        if not cls.abstract:
            _add(choice, "element", name=cls.name, type=f"m:{cls.name}")


def _reference_type(root: Element) -> None:
    kind = _add(root, "complexType", name="Reference_")
    _document(kind, "Another instance, by its key.")
    _add(kind, "attribute", name="ref", type="xs:string", use="required")


def _class_type(root: Element, cls: CimClass) -> None:
    kind = _add(root, "complexType", name=cls.name)
    if cls.abstract:
        kind.set("abstract", "true")
    _refer(kind, cls.name, own=cls.own)
    _document(kind, cls.about)
    if cls.parent is not None:
        kind = _add(_add(kind, "complexContent"), "extension", base=f"m:{cls.parent}")
    sequence = _add(kind, "sequence")
    for attribute in cls.attributes:
        _member(sequence, cls, attribute, _type_of(attribute))
    for association in cls.associations:
        if not association.many:
            _member(sequence, cls, association, "m:Reference_")


def _type_of(attribute: Attribute) -> str:
    kind = attribute.type
    return f"m:{kind.name}" if isinstance(kind, Enumeration) else TYPE_OF[kind]


def _member(sequence: Element, cls: CimClass, member: Member, kind: str) -> None:
    element = _add(sequence, "element", name=member.name, type=kind)
    if not member.required:
        element.set("minOccurs", "0")
    _refer(element, f"{cls.name}.{member.name}", own=cls.own)
    unit = f" [{member.unit}]" if isinstance(member, Attribute) and member.unit else ""
    _document(element, f"{member.about}{unit}")


def _enumeration_type(root: Element, enumeration: Enumeration) -> None:
    kind = _add(root, "simpleType", name=enumeration.name)
    restriction = _add(kind, "restriction", base="xs:string")
    for literal in enumeration.literals:
        _add(restriction, "enumeration", value=literal)
