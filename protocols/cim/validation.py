"""Everything that is wrong with a message's form, each thing with its line and the way to it.

A door answers with the first errors and no places; who writes a client wants all of them, and where
they are.  What a door refuses is refused here with the same codes, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from protocols.cim import envelope, schema, xml
from protocols.cim import namespaces as ns
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.xml import Element

FINDINGS_MAX: Final = 200  # one file's; a wrong namespace is a complaint for each element

_STEP: Final = re.compile(r"(?:[\w.-]+:)?([\w.*-]+)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An error, and its place: the line in the text, and the elements on the way from the root."""

    error: ReplyError
    line: int | None = None
    path: str = ""


def message_in(root: Element) -> Element:
    """The message in a SOAP 1.1 envelope; the element itself where it is none.  Raises
    `NotAMessage`."""
    if root.tag != f"{{{ns.SOAP_11}}}Envelope":
        return root
    body = root.find(f"{{{ns.SOAP_11}}}Body")
    if body is None or len(body) != 1:
        details = "CUERPO_INVALIDO: se espera un único elemento en soap:Body"
        raise NotAMessage(ReplyError("1.8", details))
    return body[0]


def findings(element: Element) -> list[Finding]:
    """What the schemas have against a message, or against a content that stands alone."""
    judge = schema.judge_of(element)
    if judge is not None:
        return [*_complaints(judge, element)][:FINDINGS_MAX]
    try:
        schema.check_envelope(element)
        judges = [*schema.judges(element)]
    except NotAMessage as error:
        return [at_root(error.error, element)]
    except RequestRefused as error:
        return placed(error.errors, element)
    found = [each for judge, part in judges for each in _complaints(judge, part)]
    found += [each for part in _payloads(element) for each in _complaints(*part)]
    return found[:FINDINGS_MAX]


def placed(errors: Iterable[ReplyError], message: Element) -> list[Finding]:
    """Errors that name their element, each with the first of that name as its place."""
    return [_placed(error, message) for error in errors]


def at_root(error: ReplyError, element: Element) -> Finding:
    """An error about the message as a whole."""
    return Finding(error=error, line=element.sourceline, path=way_to(element))


def way_to(element: Element) -> str:
    """The names of the elements from the root, with numbers where there are several:
    `GetMeterReadings/Request/GetMeterReadings/EndDevice[2]`."""
    steps = []
    while element is not None:
        parent = element.getparent()
        step = xml.local(element)
        same = [] if parent is None else parent.findall(element.tag)
        steps.append(f"{step}[{same.index(element) + 1}]" if len(same) > 1 else step)
        element = parent
    return "/".join(reversed(steps))


def _placed(error: ReplyError, message: Element) -> Finding:
    name = (error.xpath or "").rpartition(":")[2]
    found = next((it for it in message.iter() if name and xml.local(it) == name), message)
    return at_root(error, found)


def _complaints(judge: Element, element: Element) -> Iterator[Finding]:
    if judge.validate(element):
        return
    for entry in judge.error_log:
        place = _at(element, entry.path or "")
        line = place.sourceline if place is not element else (entry.line or element.sourceline)
        yield Finding(error=schema.complaint(entry.message), line=line, path=way_to(place))


def _payloads(message: Element) -> Iterator[tuple[Element, Element]]:
    """The adapters' payloads in generic messages, which the envelope's schema lets pass."""
    _, noun = envelope.identify(message)
    payload = xml.child(message, "Payload")
    for content in () if noun is not None or payload is None else payload:
        if content.tag not in schema.CONTENTS and (judge := schema.judge_of(content)) is not None:
            yield judge, content


def _at(element: Element, path: str) -> Element:
    """The element that libxml2 names by a path, `/*/*[2]/m:ID[3]`, whose first step is `element`.

    Without a prefix a step says `*` and counts all elements; with one it counts those of the name.
    """
    for step in path.split("/")[2:]:
        said = _STEP.fullmatch(step)
        if said is None:
            break
        name, number = said[1], int(said[2] or 1)
        children = [each for each in element if name in ("*", xml.local(each))]
        if len(children) < number:
            break
        element = children[number - 1]
    return element
