"""A tree as plain objects that JSON can say.

A value says its type, its tag and what it holds: `{"type": "double-long-unsigned", "tag": 6,
"value": 1517}`.  Octets are text in hexadecimal.  Text that is no Unicode, and numbers that JSON
does not know, are said in another way, which `encoding` names.
"""

from __future__ import annotations

import math
from typing import Any, cast

from protocols.dissection import names
from protocols.dissection.tree import Bits, Element, Leaf, Named, is_value
from protocols.dissection.xml import scalar_text, string_octets
from protocols.dlms import axdr
from protocols.dlms.apdu import Apdu
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    CompactArray,
    DontCare,
    Float32,
    Float64,
    NullData,
    Structure,
    TypeDescription,
    Utf8String,
    Value,
    VisibleString,
)
from protocols.errors import ProtocolError


def of_apdu(apdu: Apdu, element: Element) -> dict[str, Any]:
    """Class, choices and fields of an APDU whose tree is `element`."""
    choices = [element.name]
    if len(names.choices(type(apdu))) == 2 and element.elements:
        (element,) = element.elements
        choices.append(element.name)
    return {"class": type(apdu).__name__, "choice": choices, "fields": of_element(element)}


def of_element(element: Element) -> Any:
    """What stands under the element's name."""
    parts = element.elements
    if parts is None:
        return _leaf(cast(Leaf, element.content))
    if element.listed:
        return [{part.name: of_element(part)} if part.name else of_element(part) for part in parts]
    return {part.name: of_element(part) for part in parts}


def _leaf(leaf: Leaf) -> Any:
    if is_value(leaf):
        return of_value(cast(Value, leaf))
    match leaf:
        case Named(name, str() as oid):
            return {"name": name, "oid": oid}
        case Named(name, number):
            return {"name": name, "code": number}
        case Bits():
            return {"names": list(leaf.names), "bits": leaf.octets.hex()}
        case bytes():
            return leaf.hex()
    return leaf


def of_value(value: Value) -> dict[str, Any]:
    """A value with its type."""
    head: dict[str, Any] = {"type": names.data_type(value.TAG), "tag": int(value.TAG)}
    return head | _held(value)


def _held(value: Value) -> dict[str, Any]:
    match value:
        case NullData() | DontCare():
            return {"value": None}
        case Array() | Structure():
            return {"value": [of_value(element) for element in value]}
        case CompactArray():
            return _compact_array(value)
        case Boolean():
            return {"value": bool(value)}
        case BitString():
            return {"value": value.bits}
        case VisibleString() | Utf8String():
            return _string(value)
        case Float32() | Float64() if not math.isfinite(value):
            return {"value": scalar_text(value)}
        case Float32() | Float64():
            return {"value": float(value)}
        case int():
            return {"value": int(value)}
    return {"value": scalar_text(value).lower()}


def _string(value: VisibleString | Utf8String) -> dict[str, Any]:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"value": string_octets(value).hex(), "encoding": "hex"}
    return {"value": str(value)}


def _compact_array(value: CompactArray) -> dict[str, Any]:
    held = {"description": _description(value.description), "contents": value.contents.hex()}
    try:
        return held | {"value": [of_value(element) for element in axdr.elements(value)]}
    except ProtocolError as error:
        return held | {"value": None, "cause": str(error)}


def _description(description: TypeDescription) -> Any:
    name = names.data_type(description.tag)
    if not description.members:
        return name
    members = [_description(member) for member in description.members]
    return {"type": name, "of": members} | (
        {"count": description.count} if description.count else {}
    )
