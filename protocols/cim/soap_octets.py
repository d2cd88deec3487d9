"""A message into a SOAP 1.1 envelope and out of it, its octets unchanged.

A proxy between SOAP and a queue must not write messages anew: what was signed, digested or compared
at one end is to be the same at the other.  So a message is put into an envelope as it stands, and
is cut out of one as it stands wherever it can stand alone; where it uses prefixes that the envelope
declares, or is in another encoding than UTF-8, it is serialized with what it needs.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.xml import Element

_DECLARATION: Final = re.compile(rb"\s*<\?xml\s[^>]*\?>\s*")
_UTF_8: Final = re.compile(rb"""\s*<\?xml\s[^>]*encoding\s*=\s*["']utf-?8["']""", re.IGNORECASE)
_HEAD: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<soap:Envelope xmlns:soap="' + ns.SOAP_11.encode() + b'"><soap:Body>'
)
_TAIL: Final = b"</soap:Body></soap:Envelope>"
_DEPTH_OF_CONTENT: Final = 3  # Envelope, Body, the message


def wrap(message: bytes) -> bytes:
    """A SOAP envelope around a message, whose octets but for the XML declaration stand in it.

    Raises `NotAMessage` for what is no XML.
    """
    declared = _DECLARATION.match(message)
    if declared is not None and _is_utf_8(message):
        return _HEAD + message[declared.end() :] + _TAIL
    if declared is None and _is_utf_8(message):
        return _HEAD + message.strip() + _TAIL
    return _HEAD + etree.tostring(xml.parse(message), encoding="UTF-8") + _TAIL


def unwrap(envelope: bytes, content: Element) -> bytes:
    """The message in an envelope: its own octets behind an XML declaration.

    `content` is the body's one element, parsed of the same octets within bounds.
    """
    standing = _cut(envelope) if _is_utf_8(envelope) else None
    if standing is None or not _stands_alone(standing, content):
        standing = etree.tostring(content, encoding="UTF-8", with_tail=False)
    return b"<?xml version='1.0' encoding='UTF-8'?>\n" + standing


def _is_utf_8(octets: bytes) -> bool:
    """Whether XML says it is UTF-8, or says nothing and does not begin as UTF-16 does."""
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in octets[:4]:
        return False
    if octets.startswith(b"\xef\xbb\xbf"):
        return False  # offsets and declaration are looked for without a mark
    return (
        _DECLARATION.match(octets) is None
        or b"encoding" not in _declaration(octets)
        or (_UTF_8.match(octets) is not None)
    )


def _declaration(octets: bytes) -> bytes:
    found = _DECLARATION.match(octets)
    return b"" if found is None else found.group()


def _cut(envelope: bytes) -> bytes | None:
    """The octets of the first element in the envelope's body.

    The document was parsed before, without DTD and within bounds: this pass only counts octets.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0
    body = f"{ns.SOAP_11} Body"
    inside = empty = False
    span: list[int] = []

    def start(name: str, attributes: object) -> None:
        nonlocal depth, inside, empty
        depth += 1
        empty = False
        if depth == _DEPTH_OF_CONTENT - 1:
            inside = name == body
        if depth == _DEPTH_OF_CONTENT and inside and not span:
            span.append(parser.CurrentByteIndex)
            empty = True

    def text(_: str) -> None:
        nonlocal empty
        empty = False

    def end(name: str) -> None:
        nonlocal depth
        if depth == _DEPTH_OF_CONTENT and len(span) == 1:
            at = parser.CurrentByteIndex
            # Of <a></a> the end is told where its last tag begins, of <a/> behind it.
            behind = empty and envelope[at - 2 : at] == b"/>"
            span.append(at if behind else envelope.find(b">", at) + 1)
        depth -= 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(envelope, True)
    except expat.ExpatError:
        return None
    return envelope[span[0] : span[1]] if len(span) == 2 else None


def _stands_alone(standing: bytes, content: Element) -> bool:
    """Whether the octets mean by themselves what they meant in the envelope: every prefix, also
    those that only a value uses, is declared within."""
    declared = {prefix: name for prefix, name in content.nsmap.items() if name != ns.SOAP_11}
    try:
        alone = etree.fromstring(standing, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return False
    return bool(alone.nsmap == declared)
