"""A fingerprint of a request, for idempotency: the same message sent again has the same one.

Header/Timestamp and Header/ReplayDetection are left out, because a client renews them with each
try.  Namespace prefixes, declarations, attribute order and blanks around text make no difference;
element order, values and every other attribute do.  (XML canonicalisation, C14N, would keep
prefixes, which some SOAP stacks renumber with each call.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.xml import Element

_RENEWED = frozenset({f"{{{ns.MESSAGE}}}Timestamp", f"{{{ns.MESSAGE}}}ReplayDetection"})
_OPEN, _CLOSE, _SEPARATOR = b"\x01", b"\x02", b"\x00"  # none of them can occur in XML


def digest(root: Element) -> str:
    """SHA-256 in hex of a message as `xml.parse` returns it."""
    sink = hashlib.sha256()
    header = xml.child(root, "Header")
    _feed(root, header, sink.update)
    return sink.hexdigest()


def _feed(element: Element, header: Element | None, feed: Callable[[bytes], object]) -> None:
    feed(_OPEN + element.tag.encode())
    for name, value in sorted(element.attrib.items()):
        feed(_SEPARATOR + name.encode() + _SEPARATOR + value.strip().encode())
    feed(_SEPARATOR + (element.text or "").strip().encode())
    for child in element:
        if element is header and child.tag in _RENEWED:
            continue
        _feed(child, header, feed)
        feed(_SEPARATOR + (child.tail or "").strip().encode())
    feed(_CLOSE)
