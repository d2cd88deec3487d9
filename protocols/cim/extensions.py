"""What other systems put into a payload besides its profile: elements of their own namespaces.

They are taken out before the schema judges the rest, and named, so that a reader can tell what it
did not take into account.  Where a control says whom it addresses nothing may be passed over, so
that orders are not read through here (see `control_request`).
"""

from __future__ import annotations

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.nouns import QUERIES
from protocols.cim.xml import Element

_OF_REQUEST = ("StartTime", "EndTime", "Option", "ID")


def set_aside(message: Element) -> tuple[str, ...]:
    """Take foreign elements and attributes out of a message's payload and question; their names.

    A typed question's Request is brought into its own namespace, where some write its children in
    schema/message.
    """
    found: list[str] = []
    request, payload = xml.child(message, "Request"), xml.child(message, "Payload")
    if request is not None and ns.noun_of(xml.namespace(message)) in QUERIES:
        space = xml.namespace(message)
        for part in request:
            if xml.namespace(part) == ns.MESSAGE and xml.local(part) in _OF_REQUEST:
                part.tag = f"{{{space}}}{xml.local(part)}"
    for part in (request, payload):
        for content in () if part is None else part:
            if xml.local(content) in ns.NOUNS:
                _take_out(content, found)
    return tuple(dict.fromkeys(found))


def taken_out(content: Element) -> tuple[str, ...]:
    """The same for one noun's element; the names of what was taken out of it."""
    found: list[str] = []
    _take_out(content, found)
    return tuple(dict.fromkeys(found))


def _take_out(root: Element, found: list[str]) -> None:
    space = xml.namespace(root)
    foreign = [part for part in root.iter() if xml.namespace(part) != space]
    for part in foreign:
        parent = part.getparent()
        found.append(part.tag)
        _keep_tail(parent, part)
        parent.remove(part)
    for part in root.iter():
        for name in [name for name in part.keys() if name[0] == "{"]:
            found.append(name)
            del part.attrib[name]


def _keep_tail(parent: Element, part: Element) -> None:
    """lxml removes an element with the text behind it, which is its parent's."""
    if not part.tail:
        return
    before = part.getprevious()
    if before is None:
        parent.text = (parent.text or "") + part.tail
    else:
        before.tail = (before.tail or "") + part.tail
