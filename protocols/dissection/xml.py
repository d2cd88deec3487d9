"""A tree as XML: element names as the ASN.1 module spells them, close to the XER encoding rules.

Well-formed whatever was decoded: text that XML cannot hold (NUL, most control characters, octets
that are no UTF-8) stands in hexadecimal, and its element says so by `encoding="hex"`.  Octets are
always in hexadecimal and need no mark.  Codes stand by their names, numbers in decimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from protocols.dissection import names
from protocols.dissection.tree import Bits, Element, Leaf, Named, is_value
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    CompactArray,
    DateTimeValue,
    DateValue,
    DontCare,
    Float32,
    Float64,
    NullData,
    OctetString,
    Structure,
    TimeValue,
    TypeDescription,
    Utf8String,
    Value,
    VisibleString,
)

_ILLEGAL = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.-]*\Z")
_INDENT = "  "


def text_of(element: Element) -> str:
    """The XML, without a declaration, one element on a line."""
    return "\n".join(_lines(element, 0))


def _lines(element: Element, depth: int) -> Iterator[str]:
    parts = element.elements
    if parts is None:
        yield from _leaf_lines(element.name, element.content, depth)  # type: ignore[arg-type]
        return
    yield from _around(element.name, [line for part in parts for line in _lines(part, depth + 1)],
                       depth)  # fmt: skip


def _around(name: str, inner: list[str], depth: int) -> Iterator[str]:
    indent = _INDENT * depth
    if not inner:
        yield f"{indent}<{name}/>"
        return
    yield f"{indent}<{name}>"
    yield from inner
    yield f"{indent}</{name}>"


def _leaf_lines(name: str, leaf: Leaf, depth: int) -> Iterator[str]:
    if is_value(leaf):
        if name:
            yield from _around(name, list(_value(leaf, depth + 1)), depth)  # type: ignore[arg-type]
        else:
            yield from _value(leaf, depth)  # type: ignore[arg-type]
        return
    if isinstance(leaf, Bits):
        inner = [f"{_INDENT * (depth + 1)}<{bit}/>" for bit in leaf.names]
        yield from _around(name, inner, depth)
        return
    yield _simple(name, _text(leaf), depth)


def _text(leaf: Leaf) -> str:
    match leaf:
        case bool():
            return "true" if leaf else "false"
        case bytes():
            return leaf.hex().upper()
        case Named():
            return str(leaf.number) if isinstance(leaf.number, str) else leaf.name
        case None:
            return ""
    return str(leaf)


def _simple(name: str, text: str, depth: int, attributes: str = "") -> str:
    indent = _INDENT * depth
    if not text:
        return f"{indent}<{name}{attributes}/>"
    return f"{indent}<{name}{attributes}>{escape(text)}</{name}>"


# --- values --------------------------------------------------------------------------------------


def _value(value: Value, depth: int) -> Iterator[str]:
    name = names.data_type(value.TAG)
    match value:
        case Array() | Structure():
            inner = [line for element in value for line in _value(element, depth + 1)]
            yield from _around(name, inner, depth)
        case CompactArray():
            yield from _compact_array(name, value, depth)
        case NullData() | DontCare():
            yield _simple(name, "", depth)
        case VisibleString() | Utf8String():
            yield _string(name, value, depth)
        case _:
            yield _simple(name, scalar_text(value), depth)


def scalar_text(value: Value) -> str:
    """A value without parts, as text."""
    match value:
        case Boolean():
            return "true" if value else "false"
        case BitString():
            return value.bits
        case OctetString():
            return value.hex().upper()
        case DateTimeValue():
            return value.moment.octets.hex().upper()
        case DateValue():
            return value.date.octets.hex().upper()
        case TimeValue():
            return value.time.octets.hex().upper()
        case Float32() | Float64():
            return _float_text(float(value))
    return str(value)


def _float_text(number: float) -> str:
    """As XML Schema spells what is no number."""
    return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(repr(number), repr(number))


def string_octets(value: VisibleString | Utf8String) -> bytes:
    """The octets that travelled."""
    if isinstance(value, Utf8String):
        return value.encode("utf-8", "surrogateescape")
    return value.encode("latin-1")


def _string(name: str, value: VisibleString | Utf8String, depth: int) -> str:
    if _ILLEGAL.search(value):
        return _simple(name, string_octets(value).hex().upper(), depth, ' encoding="hex"')
    return _simple(name, str(value), depth)


def _compact_array(name: str, value: CompactArray, depth: int) -> Iterator[str]:
    inner = [
        *_around("contents-description", list(_description(value.description, depth + 2)),
                 depth + 1),
        _simple("array-contents", value.contents.hex().upper(), depth + 1),
    ]  # fmt: skip
    yield from _around(name, inner, depth)


def _description(description: TypeDescription, depth: int) -> Iterator[str]:
    name = names.data_type(description.tag)
    inner = [line for member in description.members for line in _description(member, depth + 1)]
    if name == "array":
        count = _simple("number-of-elements", str(description.count), depth + 1)
        indented = [_INDENT + line for line in inner]
        inner = [count, *_around("type-description", indented, depth + 1)]
    yield from _around(name, inner, depth)
