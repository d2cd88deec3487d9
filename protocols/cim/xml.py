"""XML as it may arrive from anyone: parsed within bounds, without DTD, entities or network.

What leaves this module is a tree with known bounds and one spelling of each namespace.  Comments
and processing instructions are gone; `xsi:schemaLocation` is dropped, so that no later step can
be tempted to follow it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused

Element = Any  # lxml.etree._Element; lxml carries no types


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a message may be.  100 meters of 96 readings, the largest known, take 1.4 MB."""

    octets_max: int = 8 * 1024 * 1024
    depth_max: int = 48  # an EndDeviceControls inside SOAP is 12 deep
    elements_max: int = 200_000  # the largest known has 50,000
    text_octets_max: int = 64 * 1024  # of one element or attribute
    attributes_max: int = 32  # of one element
    name_max: int = 256  # characters of an element's or attribute's name, its namespace included


BOUNDS = Bounds()
TEXT_MAX: Final = 2000  # characters of what we write into one element

_UTF_16 = (codecs.BOM_UTF16_LE + b"<\0", codecs.BOM_UTF16_BE + b"\0<", b"<\0", b"\0<")
_DECLARED_WITHIN: Final = 512
_ENCODING = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
_ENCODINGS = frozenset(
    {b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"latin1", b"iso-8859-15",
     b"windows-1252"}
)  # fmt: skip
_DOCTYPE = re.compile(
    b"|".join(re.escape("<!DOCTYPE".encode(name)) for name in ("utf-8", "utf-16-le", "utf-16-be"))
)
# A compressed payload is one text; the message's own bound holds for it, and `compression` has one
# for what comes out.
_LONG = frozenset(f"{{{space}}}Compressed" for space in (ns.MESSAGE, *map(ns.typed, ns.NOUNS)))
_DROPPED = (f"{{{ns.XSI}}}schemaLocation", f"{{{ns.XSI}}}noNamespaceSchemaLocation")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(octets: bytes, bounds: Bounds = BOUNDS) -> Element:
    """The root element.  Raises `NotAMessage` for anything outside the bounds."""
    if not octets.strip():
        raise _refused("XML_VACIO: el mensaje no tiene contenido")
    if len(octets) > bounds.octets_max:
        raise _refused(
            f"MENSAJE_DEMASIADO_GRANDE: se admiten {bounds.octets_max} octetos", code="3.1"
        )
    _check_encoding(octets)
    # Counted before a tree is made of it, which takes some 150 octets for each element and more for
    # each attribute.  An element has two tags at most; comments, which are dropped, count as well.
    if octets.count(b"<") > 2 * bounds.elements_max or octets.count(b"=") > bounds.elements_max:
        raise _refused("XML_FUERA_DE_LIMITES: demasiados elementos o atributos", code="3.1")
    if _DOCTYPE.search(octets):
        raise _refused("DTD_NO_ADMITIDA: el mensaje declara un DOCTYPE")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise _refused(f"XML_MAL_FORMADO: línea {line}, columna {column}") from error
    except (ValueError, LookupError) as error:  # an encoding that is not what it says, or unknown
        raise _refused("XML_MAL_FORMADO: codificación ilegible") from error
    if root.getroottree().docinfo.internalDTD is not None:  # in an encoding not searched above
        raise _refused("DTD_NO_ADMITIDA: el mensaje declara un DOCTYPE")
    _check_and_rename(root, bounds)
    return root


def _check_encoding(octets: bytes) -> None:
    """Refuse encodings in which what is looked for in octets would not be found."""
    if octets.startswith(_UTF_16) and octets[2:4] != b"\0\0":
        return
    start = octets.removeprefix(codecs.BOM_UTF8)[:_DECLARED_WITHIN].lstrip()
    declared = _ENCODING.match(start)
    if not start.startswith(b"<") or start[1:2] == b"\0":
        raise _refused("XML_MAL_FORMADO: no empieza como XML en UTF-8 o UTF-16")
    if declared is not None and declared[1].lower() not in _ENCODINGS:
        raise _refused("CODIFICACION_NO_ADMITIDA: se admiten UTF-8, UTF-16 e ISO-8859-1")


def _check_and_rename(root: Element, bounds: Bounds) -> None:
    count = 0
    level = [root]
    depth = 0
    while level:
        depth += 1
        count += len(level)
        if depth > bounds.depth_max or count > bounds.elements_max:
            raise _refused("XML_FUERA_DE_LIMITES: demasiados elementos o niveles", code="3.1")
        below: list[Element] = []
        for element in level:
            tag = element.tag
            if not isinstance(tag, str):
                raise _refused("ENTIDAD_NO_ADMITIDA: el mensaje usa una entidad")
            text = element.text
            if text and len(text) > bounds.text_octets_max and tag not in _LONG:
                raise _refused("XML_FUERA_DE_LIMITES: texto demasiado largo", code="3.1")
            tail = element.tail
            if tail and len(tail) > bounds.text_octets_max:
                raise _refused("XML_FUERA_DE_LIMITES: texto demasiado largo", code="3.1")
            if len(tag) > bounds.name_max:
                raise _refused("XML_FUERA_DE_LIMITES: nombre demasiado largo", code="3.1")
            if element.keys():
                _check_attributes(element, bounds)
            if tag[0] == "{":
                namespace, _, name = tag[1:].partition("}")
                known = ns.canonical(namespace)
                if known is not namespace and known != namespace:
                    element.tag = f"{{{known}}}{name}"
            below.extend(element)
        level = below


def _check_attributes(element: Element, bounds: Bounds) -> None:
    if len(element.attrib) > bounds.attributes_max:
        raise _refused("XML_FUERA_DE_LIMITES: demasiados atributos", code="3.1")
    for name, value in element.attrib.items():
        if len(name) > bounds.name_max:
            raise _refused("XML_FUERA_DE_LIMITES: nombre demasiado largo", code="3.1")
        if len(value) > bounds.text_octets_max:
            raise _refused("XML_FUERA_DE_LIMITES: atributo demasiado largo", code="3.1")
        if name in _DROPPED:
            del element.attrib[name]


def _refused(details: str, code: str = "1.8") -> NotAMessage:
    return NotAMessage(ReplyError(code, details))


def serialize(element: Element) -> bytes:
    """UTF-8 with an XML declaration."""
    octets: bytes = etree.tostring(element, encoding="UTF-8", xml_declaration=True)
    return octets


def clean(text: str, limit: int = TEXT_MAX) -> str:
    """Text that XML can carry: forbidden characters become U+FFFD, and it is cut at `limit`."""
    text = _NOT_XML.sub("\ufffd", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def local(element: Element) -> str:
    """The element's name without its namespace."""
    name: str = element.tag
    return name.rpartition("}")[2]


def namespace(element: Element) -> str:
    """The element's namespace; empty when it has none."""
    name: str = element.tag
    return name[1:].partition("}")[0] if name[0] == "{" else ""


def text_of(element: Element | None) -> str | None:
    """The element's text without surrounding blanks; None when absent, "" when empty."""
    return None if element is None else (element.text or "").strip()


def child(parent: Element, name: str) -> Element | None:
    """The first child of that local name in the parent's own namespace."""
    return parent.find(f"{{{namespace(parent)}}}{name}")


def children(parent: Element, name: str) -> list[Element]:
    """All children of that local name in the parent's own namespace."""
    found: list[Element] = parent.findall(f"{{{namespace(parent)}}}{name}")
    return found


def child_text(parent: Element, name: str) -> str | None:
    """The text of a child of that local name; None when there is no such child."""
    return text_of(child(parent, name))


def add(
    parent: Element, name: str, text: str | None = None, *, limit: int | None = TEXT_MAX
) -> Element:
    """A new last child in the parent's namespace.  Text is cut at `limit`; None cuts nowhere."""
    element = etree.SubElement(parent, f"{{{namespace(parent)}}}{name}")
    if text is not None:
        element.text = clean(text, len(text) if limit is None else limit)
    return element


def add_text(parent: Element, name: str, text: str | None, *, limit: int | None = TEXT_MAX) -> None:
    """A new last child, unless the text is None.  As `add`."""
    if text is not None:
        add(parent, name, text, limit=limit)


def boolean(text: str | None) -> bool | None:
    """An xs:boolean.  Raises `RequestRefused` (1.8)."""
    match text:
        case None:
            return None
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise RequestRefused(ReplyError("1.8", f"BOOLEANO_INVALIDO: {clean(text, 40)!r}"))


def integer(text: str | None) -> int | None:
    """An xs:integer.  Raises `RequestRefused` (1.8), also for one of thousands of digits."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise RequestRefused(ReplyError("1.8", f"ENTERO_INVALIDO: {clean(text, 40)!r}")) from error


_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT)(\d\d)(:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def date_time(text: str | None) -> datetime | None:
    """An xs:dateTime with its offset, or naive where it has none.

    Raises `RequestRefused` (1.8), also for years of more than four digits.
    """
    if text is None:
        return None
    match = _DATE_TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError("not an xs:dateTime")
        day, hour, rest, fraction, offset = match.groups()
        midnight_after = hour == "24" and rest == ":00:00" and not (fraction or "").strip(".0")
        value = datetime.fromisoformat(
            f"{day}{'00' if midnight_after else hour}{rest}{(fraction or '')[:7]}{offset or ''}"
        )
        return value + timedelta(days=1) if midnight_after else value
    except (ValueError, OverflowError) as error:
        details = f"FECHA_INVALIDA: {clean(text, 60)!r}"
        raise RequestRefused(ReplyError("1.8", details)) from error


def date_time_text(value: datetime) -> str:
    """An aware time as xs:dateTime in UTC with a trailing Z, with milliseconds where it has any."""
    if value.tzinfo is None:
        raise ValueError("a naive time has no place in a message")
    value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds") + "Z"
