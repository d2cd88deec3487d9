"""Compressed payloads: gzip, then base64, in Payload/Compressed (IEC 61968-100:2013, 7.7).

The schema's note says uuencoded, those in use write base64: we take both and write base64.  What
comes out is bounded, whatever went in, and goes through the same parser and schema as anything
else.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from dataclasses import replace
from typing import Final

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import schema, xml
from protocols.cim.envelope import Message
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.nouns import subject
from protocols.cim.xml import BOUNDS, Bounds, Element

_GZIP: Final = 16 + zlib.MAX_WBITS


def compressed(message: Message) -> Message:
    """The same message with its payload's one element compressed.

    A strongly typed message still has its noun's element, empty, because its schema requires it.
    The octets are the same for the same content.  Raises `ValueError` without one element.
    """
    payload = message.payload
    if payload is None or len(payload.content) != 1 or payload.compressed is not None:
        raise ValueError("one element is what can be compressed")
    (element,) = payload.content
    octets = gzip.compress(etree.tostring(element, encoding="UTF-8"), mtime=0)
    kept = () if message.typed is None else (_empty(subject(message.typed)),)
    text = base64.b64encode(octets).decode("ascii")
    return replace(message, payload=replace(payload, content=kept, compressed=text))


def opened(message: Message, bounds: Bounds = BOUNDS) -> Message:
    """The message with what was compressed in place of it; itself, when nothing was.

    Raises `RequestRefused`: 1.8 for what is no base64, no gzip or no XML of a noun, 3.1 for what is
    larger than `bounds` once it is out.
    """
    payload = message.payload
    if payload is None or payload.compressed is None:
        return message
    try:
        element = xml.parse(_expanded(_octets(payload.compressed), bounds), bounds)
    except NotAMessage as refused:
        raise RequestRefused(replace(refused.error, xpath="Compressed")) from refused
    schema.check_content(element)
    content = (*(part for part in payload.content if len(part)), element)
    unread = tuple(name for name in payload.unread if name != "Compressed")
    return replace(
        message, payload=replace(payload, content=content, compressed=None, unread=unread)
    )


def _empty(noun: str) -> Element:
    space = ns.profile(noun)
    return etree.Element(f"{{{space}}}{noun}", nsmap={None: space})


def _octets(text: str) -> bytes:
    lines = text.strip().splitlines()
    try:
        if lines and lines[0].startswith("begin "):
            body = [line for line in lines[1:] if line not in ("", "end", "`")]
            return b"".join(map(binascii.a2b_uu, body))
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("1.8", "COMPRESION_INVALIDA: se espera base64") from error


def _expanded(octets: bytes, bounds: Bounds) -> bytes:
    """Never more than one octet beyond the bound, however far a bomb would go on."""
    out = zlib.decompressobj(_GZIP)
    try:
        found = out.decompress(octets, bounds.octets_max + 1)
    except zlib.error as error:
        raise _refused("1.8", "COMPRESION_INVALIDA: se espera gzip") from error
    if len(found) > bounds.octets_max:
        raise _refused(
            "3.1", f"MENSAJE_DEMASIADO_GRANDE: se admiten {bounds.octets_max} octetos", "Compressed"
        )
    if not out.eof or out.unused_data:
        raise _refused("1.8", "COMPRESION_INVALIDA: gzip incompleto o con restos")
    return found


def _refused(code: str, details: str, xpath: str = "Compressed") -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))
