"""Records to XML and back, for every noun, by its outline.

What is written is valid by the strict profile; extensions (`+` in the outlines) are written only
when asked for.  What is read may carry them, and elements of other namespaces anywhere, which are
passed over.  Text is written out directly, because building an element for each of ten thousand
readings costs more than everything else together.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.control_types import from_parts
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.plan import Content, Plan, Step, plan
from protocols.cim.record import Record
from protocols.cim.xml import Element

_PLAIN: Final = re.compile(r"[ -%'-;=?-~]*")  # printable ASCII without & < >
PLACES_MAX: Final = 60  # of a number, before its point or behind; a float's range ends at 38
_REFERRED: Final = ("type", "domain", "subDomain", "eventOrAction")


def encode(record: Record, *, extensions: bool = False) -> bytes:
    """The noun's element as UTF-8, without XML declaration.

    `record` is of a noun's root class.  Raises `ValueError` for one that the schema could not
    carry: another class, a required part left out, two of a choice, a naive time, NaN.
    """
    noun = type(record).__name__
    found = _plan_of(noun)
    if found.record is not type(record):
        raise ValueError(f"{noun} is no payload")
    out = [f'<{noun} xmlns="{ns.profile(noun)}">']
    _write(out, found, record, extensions)
    out.append(f"</{noun}>")
    return "".join(out).encode()


def element(record: Record, *, extensions: bool = False) -> Element:
    """The same as an element, to be put into a message."""
    return etree.fromstring(encode(record, extensions=extensions))


def decode(root: Element) -> Record:
    """The record of a noun's element.

    Raises `RequestRefused`: 2.5 for the element of no noun, 1.8 and 5.8 for what is no value, not
    expected or missing, with the element at fault and the way to it.
    """
    space, noun = xml.namespace(root), xml.local(root)
    if space != ns.profile(noun) or noun not in ns.NOUNS:
        details = xml.clean(f"SUSTANTIVO_NO_ADMITIDO: {noun}", 100)
        raise RequestRefused(ReplyError("2.5", details, xpath="Payload"))
    return _read(plan(noun), root)


def _plan_of(noun: str) -> Plan:
    if noun not in ns.NOUNS:
        raise ValueError(f"{noun} is no noun")
    return plan(noun)


def _write(out: list[str], found: Plan, record: Record, extensions: bool) -> None:
    chosen: dict[int, str] = {}
    for step in found.steps:
        value = getattr(record, step.field)
        if value is None or value == ():
            if step.required:
                raise ValueError(f"{type(record).__name__} needs {step.field}")
            continue
        if step.extension and not extensions:
            continue
        if (
            step.chosen
            and not step.many
            and chosen.setdefault(step.chosen, step.field) != (step.field)
        ):
            raise ValueError(f"{step.field} excludes {chosen[step.chosen]}")
        for item in value if step.many else (value,):
            _write_one(out, step, item, extensions)


def _write_one(out: list[str], step: Step, value: Any, extensions: bool) -> None:
    name = step.element
    if step.content is Content.REFERENCE:
        out.append(f"<{name} ref={quoteattr(_legible(value))}/>")
    elif step.plan is not None:
        if type(value) is not step.plan.record:
            raise ValueError(f"{step.field} takes {step.plan.record.__name__}")
        out.append(f"<{name}>")
        _write(out, step.plan, value, extensions)
        out.append(f"</{name}>")
    else:
        out.append(f"<{name}>{_text(step.content, value)}</{name}>")


def _text(content: Content, value: Any) -> str:
    if content is Content.TEXT:
        text = cast(str, value)
        if _PLAIN.fullmatch(text):
            return text
        return escape(_legible(text), {"\r": "&#13;"})
    if content is Content.TIME:
        return xml.date_time_text(cast(datetime, value))
    if content is Content.BOOLEAN:
        return "true" if value else "false"
    if content is Content.INTEGER:
        return str(int(value))
    number = Decimal(value)
    if not _sayable(number):
        raise ValueError("a number in a message is finite and not of a hundred digits")
    return format(number, "f")


def _sayable(number: Decimal) -> bool:
    """Whether it can be written in plain digits: 1E999999999 would take a gigabyte."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and max(abs(exponent), abs(number.adjusted())) <= PLACES_MAX


def _legible(text: str) -> str:
    return xml.clean(text, len(text))


def _read(found: Plan, parent: Element) -> Record:
    values: dict[str, Any] = {}
    for part in parent:
        step = found.by_tag.get(part.tag)
        if step is None:
            if xml.namespace(part) == xml.namespace(parent) and not found.composed:
                raise _refused("1.8", "ELEMENTO_INESPERADO", part)
            continue
        value = _value(step, part)
        if step.many:
            values.setdefault(step.field, []).append(value)
        elif step.field in values:
            raise _refused("1.8", "ELEMENTO_REPETIDO", part)
        else:
            values[step.field] = value
    for step in found.steps:
        if step.many and step.field in values:
            values[step.field] = tuple(values[step.field])
        elif step.required and step.field not in values:
            raise _refused("5.8", "CAMPO_FALTA", parent, step.element)
    return found.record(**values)


def _value(step: Step, part: Element) -> Any:
    if step.plan is not None:
        return _read(step.plan, part)
    if step.content is Content.REFERENCE:
        return _reference(part)
    text = (part.text or "").strip()
    try:
        match step.content:
            case Content.TEXT:
                return text
            case Content.TIME:
                return xml.date_time(text)
            case Content.BOOLEAN:
                return xml.boolean(text)
            case Content.INTEGER:
                return int(text)
            case _:
                number = Decimal(text)
    except (RequestRefused, ValueError, InvalidOperation) as error:
        raise _refused("1.8", "VALOR_INVALIDO", part) from error
    if not _sayable(number):
        raise _refused("1.8", "VALOR_INVALIDO", part)
    return number


def _reference(part: Element) -> str:
    """By attribute, else as text, else by its parts as a code, else by its first name."""
    text: str = (part.get("ref") or "").strip() or (part.text or "").strip()
    if text:
        return text
    words = [xml.child_text(part, name) for name in _REFERRED]
    code = from_parts(words[0], words[1], words[2], words[3]) if any(words) else None
    names = xml.child(part, "Names")
    return code or (xml.child_text(names, "name") if names is not None else None) or ""


def _refused(code: str, key: str, at: Element, missing: str | None = None) -> RequestRefused:
    way = path(at) + (f"/{missing}" if missing else "")
    told = "" if missing or len(at) else f" {xml.clean((at.text or '').strip(), 40)!r}"
    details = xml.clean(f"{key}:{told} en {way}", 400)
    return RequestRefused(ReplyError(code, details, xpath=missing or xml.local(at)))


def path(at: Element) -> str:
    """The way to an element from its noun: MeterReadings/MeterReading[2]/Readings/timeStamp."""
    steps: list[str] = []
    while at is not None:
        parent = at.getparent()
        alike = [] if parent is None else parent.findall(at.tag)
        number = f"[{alike.index(at) + 1}]" if len(alike) > 1 else ""
        steps.append(xml.local(at) + number)
        if xml.namespace(at) == ns.profile(xml.local(at)):
            break
        at = parent
    return "/".join(reversed(steps))
