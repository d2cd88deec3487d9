"""XML as it may arrive from anyone: parsed within bounds, without DTD, entities or network.

What leaves this module is a tree with known bounds and one spelling of each namespace.  Comments
and processing instructions are gone; `xsi:schemaLocation` is dropped, so that no later step can
be tempted to follow it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused

Element = Any  # lxml.etree._Element; lxml carries no types


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a message may be.  100 meters of 96 readings, the largest known, take 1.4 MB."""

    octets_max: int = 8 * 1024 * 1024
    depth_max: int = 48  # an EndDeviceControls inside SOAP is 12 deep
    elements_max: int = 400_000
    text_octets_max: int = 64 * 1024  # of one element or attribute
    attributes_max: int = 32  # of one element


BOUNDS = Bounds()

_DOCTYPE = re.compile(
    b"|".join(re.escape("<!DOCTYPE".encode(name)) for name in ("utf-8", "utf-16-le", "utf-16-be"))
)
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
            if len(element.text or "") > bounds.text_octets_max:
                raise _refused("XML_FUERA_DE_LIMITES: texto demasiado largo", code="3.1")
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


def clean(text: str, limit: int = 2000) -> str:
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


def add(parent: Element, name: str, text: str | None = None) -> Element:
    """A new last child in the parent's namespace."""
    element = etree.SubElement(parent, f"{{{namespace(parent)}}}{name}")
    if text is not None:
        element.text = clean(text)
    return element


def add_text(parent: Element, name: str, text: str | None) -> None:
    """A new last child, unless the text is None."""
    if text is not None:
        add(parent, name, text)


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
