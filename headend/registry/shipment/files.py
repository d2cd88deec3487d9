"""The two forms of a shipment's file, read line by line, so that a million take little memory.

An XML file is checked against `shipment.xsd` meter by meter: what is wrong with one is told with
its line, and the next one is looked at all the same.  It may bring no DTD: entities are how a small
file becomes a large one, or reads another.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from headend.registry.sheets import BadFile, Flaw, Row, rows
from headend.registry.shipment.delivered import ABOUT, known_column

NAMESPACE = "urn:ami:shipment:1"
XSD = Path(__file__).with_name("shipment.xsd")
PIECE_MAX = 65_536
LINES_COUNTED = 65_535  # by libxml2, in an element: an unsigned short

_METER, _SHIPMENT = f"{{{NAMESPACE}}}Meter", f"{{{NAMESPACE}}}Shipment"
_BEFORE_XML = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE + b" \t\r\n\0"
_DTD = re.compile(rb"(<\?.*?\?>\s*|<!--.*?-->\s*)*<!DOCTYPE", re.DOTALL)
_BRINGS_DTD = Flaw(
    1, "DOCTYPE", "a shipment brings no DTD",
    "take the file as hostile unless its maker can say what the DTD is for; made anew, it has none",
)  # fmt: skip
_FORM = "follow headend/registry/shipment/shipment.xsd; docs/registry.md has an example"


def read(file: BinaryIO) -> Iterator[Row | Flaw]:
    """The meters of a file, in its order; a flaw is of one of them.  Raises `BadFile`."""
    first = file.read(PIECE_MAX)
    file.seek(0)
    if first.lstrip(_BEFORE_XML).startswith(b"<"):
        if _DTD.match(first.lstrip(_BEFORE_XML).replace(b"\0", b"")):
            raise BadFile(_BRINGS_DTD)
        yield from _of_xml(file)
    else:
        yield from rows(file, known_column, ("meter",), ABOUT)


def _of_xml(file: BinaryIO) -> Iterator[Row | Flaw]:
    parser = etree.XMLPullParser(
        events=("start", "end"),
        load_dtd=False,
        no_network=True,
        resolve_entities=False,
        remove_comments=True,
        remove_pis=True,
    )
    schema, depth, line, begun = _schema(), 0, 1, 1
    try:
        for octets in _pieces(file):
            parser.feed(octets)
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                if event == "start" and depth == 1:
                    _check_root(element)
                elif event == "start" and depth == 2:
                    begun = line
                elif event == "end" and depth == 1:
                    yield from _meter(element, schema, _line(element.sourceline, begun))
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
            line += octets.count(b"\n")
        parser.close()
    except etree.XMLSyntaxError as error:
        why, where = error.msg, _line(error.lineno, line)
        if not error.lineno and (written := [*error.error_log.filter_from_fatals()]):
            # It was only written down when it was met, and tells itself at the end as another one.
            why, where = written[-1].message, _line(written[-1].line, line)
        why = (why or "no XML").split(", line ")[0]
        raise BadFile(Flaw(where, "", why, _to_do(why))) from None


def _to_do(why: str) -> str:
    """What a person does about what the parser says."""
    if "ntity" in why or "xmlParseEntityRef" in why:
        return "write the character itself, and & as &amp;: a shipment brings no entities"
    if "UTF-8" in why or "ncoding" in why:
        return (
            'name its encoding in line 1, <?xml version="1.0" encoding="…"?>, or save it as UTF-8'
        )
    if why.startswith(("Premature end", "Couldn't find end", "no element found")):
        return "the file is cut off: have it sent again"
    return "it is no XML there: look at this line, or have the file made again"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Line by line, and of a file without lines in parts."""
    while octets := file.readline(PIECE_MAX):
        yield octets


def _line(told: int | None, counted: int) -> int:
    """The parser counts lines up to 65,535, and says that for every later one."""
    return told if told and told < LINES_COUNTED else counted


def _check_root(element: Any) -> None:
    if element.getroottree().docinfo.doctype:
        raise BadFile(_BRINGS_DTD)
    if element.tag != _SHIPMENT:
        why = f"the root is {element.tag}, not Shipment of {NAMESPACE}"
        raise BadFile(Flaw(element.sourceline or 1, "", why, _FORM))


def _meter(element: Any, schema: Any, line: int) -> Iterator[Row | Flaw]:
    if element.tag != _METER:
        yield Flaw(line, etree.QName(element).localname, "only meters stand in a shipment", _FORM)
        return
    if not schema.validate(element):
        for entry in schema.error_log:
            column, why = _told(entry.message)
            yield Flaw(_line(entry.line, line), column, why, _FORM, begun=line)
        return
    yield Row(line, dict(_values(element)))


def _values(element: Any) -> Iterator[tuple[str, str]]:
    """By the names that the columns of the other form have."""
    yield from element.attrib.items()
    for child in element:
        client = int(child.get("client"))
        if etree.QName(child).localname == "Password":
            yield f"password-{client}", child.text.strip()
            continue
        for part in child:
            yield f"key-{client}-{etree.QName(part).localname.lower()}", part.text.strip()


def _told(message: str) -> tuple[str, str]:
    """Where an error of the schema is, and what it says.  A value may be a key: it is left out."""
    text = message.replace(f"{{{NAMESPACE}}}", "")
    names = text.split("'")[1::2]
    where = f"{names[0]}/{names[1]}" if "attribute" in text and len(names) > 1 else names[0]
    kind = "[facet " in text or "is not a valid value" in text
    why = "its value is not of the kind that the schema says" if kind else text.split(": ", 1)[-1]
    return where, why


@cache
def _schema() -> Any:
    return etree.XMLSchema(etree.parse(XSD))
