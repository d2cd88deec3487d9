"""Instances as XML, as the profile's XSD has them, and back.

Around them stands one element with the profile's name.  Members come in the order of inheritance,
attributes of a class before its references; a reference is an empty element whose `ref` names the
other instance.  A text that is longer than `lexical.TEXT_MAX` is cut, with an ellipsis at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from lxml import etree

from protocols.cim import xml
from protocols.cim.profile import lexical
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import Attribute, CimClass, Member, Profile
from protocols.cim.xml import Element


@cache
def members(profile: Profile, name: str) -> tuple[Member, ...]:
    """What may stand in an instance of a class, in order."""
    found: list[Member] = []
    for cls in reversed([*profile.lineage(profile[name])]):
        found += cls.attributes
        found += (each for each in cls.associations if not each.many)
    return tuple(found)


@cache
def _tags(profile: Profile, name: str) -> tuple[tuple[str, str, bool], ...]:
    """Name and tag of each member, and whether it is a reference."""
    return tuple(
        (it.name, f"{{{profile.namespace}}}{it.name}", not isinstance(it, Attribute))
        for it in members(profile, name)
    )


def write(profile: Profile, instances: Iterable[Instance]) -> Element:
    """The element that holds instances."""
    root = etree.Element(f"{{{profile.namespace}}}{profile.name}", nsmap={None: profile.namespace})
    for instance in instances:
        name = instance.cls.name
        element = etree.SubElement(root, f"{{{profile.namespace}}}{name}")
        _write(element, instance, _tags(profile, name))
    return root


def _write(element: Element, instance: Instance, tags: tuple[tuple[str, str, bool], ...]) -> None:
    for name, tag, reference in tags:
        if reference:
            if (key := instance.references.get(name)) is not None:
                etree.SubElement(element, tag).set("ref", xml.clean(key, lexical.TEXT_MAX))
        elif (value := instance.attributes.get(name)) is not None:
            etree.SubElement(element, tag).text = xml.clean(lexical.write(value), lexical.TEXT_MAX)


def read(profile: Profile, root: Element) -> Iterator[Instance]:
    """The instances in an element that the profile's XSD accepts.

    Raises `lexical.NotAValue` where an attribute's text is none of its type, which the XSD lets
    pass for times without a zone alone.
    """
    for element in root:
        cls = profile[xml.local(element)]
        yield Instance(cls, _attributes(profile, cls, element), _references(profile, cls, element))


def _attributes(profile: Profile, cls: CimClass, element: Element) -> dict[str, Value]:
    known = profile.attributes(cls)
    return {
        name: lexical.read(known[name].type, each.text or "")
        for each in element
        if (name := xml.local(each)) in known
    }


def _references(profile: Profile, cls: CimClass, element: Element) -> dict[str, str]:
    known = profile.references(cls)
    return {name: each.get("ref", "") for each in element if (name := xml.local(each)) in known}
