"""A fingerprint of a request, for idempotency: the same message sent again has the same one.

Header/Timestamp and Header/ReplayDetection are left out, because a client renews them with each
try.  Namespace prefixes, declarations, attribute order and blanks around text make no difference;
element order, values and every other attribute do.  (XML canonicalisation, C14N, would keep
prefixes, which some SOAP stacks renumber with each call.)
"""

from __future__ import annotations

import hashlib

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.xml import Element

_RENEWED = frozenset({f"{{{ns.MESSAGE}}}Timestamp", f"{{{ns.MESSAGE}}}ReplayDetection"})
_OPEN, _CLOSE, _SEPARATOR = "\x01", "\x02", "\x00"  # none of them can occur in XML


def digest(root: Element) -> str:
    """SHA-256 in hex of a message as `xml.parse` returns it."""
    parts: list[str] = []
    _collect(root, xml.child(root, "Header"), parts)
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _collect(element: Element, header: Element | None, parts: list[str]) -> None:
    parts += (_OPEN, element.tag)
    for name, value in sorted(element.items()):
        parts += (_SEPARATOR, name, _SEPARATOR, value.strip())
    parts += (_SEPARATOR, (element.text or "").strip())
    for child in element:
        if element is header and child.tag in _RENEWED:
            continue
        _collect(child, header, parts)
        parts += (_SEPARATOR, (child.tail or "").strip())
    parts.append(_CLOSE)
