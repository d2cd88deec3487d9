"""A decoded line for people: what it says in a sentence, its frames, its tree, its XML."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from protocols.dissection import names
from protocols.dissection.report import Findings
from protocols.dissection.tree import Bits, Element, Named, is_value
from protocols.dissection.xml import scalar_text
from protocols.dlms import obis
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import (
    Array,
    CompactArray,
    NullData,
    OctetString,
    Structure,
    Value,
)
from tools.dlms.apdu_text import Telling, value_text

SHOWN_MAX = 400
"""Characters of one field: a block of a firmware image is of no use on a screen."""


def of_line(number: int | None, told: dict[str, Any], found: Findings | None) -> RenderableType:
    """Everything there is to say of one line; `number` where there are several."""
    parts: list[RenderableType] = []
    if number is not None:
        parts.append(Text(f"line {number}", "bold underline"))
    if found is not None:
        parts += _findings(found)
    elif "value" in told:
        parts.append(Text(f"{told['value']['type']}", "bold"))
    parts += [_xml(text) for text in _xmls(told)]
    parts += _verdict(told)
    return Group(*parts)


def _findings(found: Findings) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for index, frame in enumerate(found.line.frames, start=1):
        parts.append(Text(f"frame {index} at octet {frame.offset}: {frame.summary}", "cyan"))
    telling = Telling()
    joined = [joined.seen for joined in found.joined]
    for seen in (*found.seen, *joined):
        dissected = seen.dissected
        if dissected is None:
            continue
        if seen in joined:
            parts.append(Text("joined from general blocks:", "cyan"))
        parts.append(Text(telling.apdu(dissected.apdu), "bold"))
        parts.append(tree_of(dissected.element))
        for opening, inner in dissected.openings:
            head = f"opened with the {opening.key} key, tag {opening.tag}: "
            parts.append(Text(head + telling.apdu(inner.apdu), "bold green"))
            parts.append(tree_of(inner.element))
    return parts


def _xmls(told: dict[str, Any]) -> list[str]:
    apdus = [*(told.get("apdus") or [told]), *told.get("joined", ())]
    found = []
    for apdu in apdus:
        if "xml" in apdu:
            found.append(apdu["xml"])
        found += [opened["xml"] for opened in apdu.get("opened", ())]
    return found


def _xml(text: str) -> RenderableType:
    return Syntax(text, "xml", background_color="default", word_wrap=True)


def _verdict(told: dict[str, Any]) -> list[RenderableType]:
    if "error" in told:
        errors = told.get("errors") or [told["error"]]
        lines = [f"at octet {error['offset']}: {error['cause']}" for error in errors]
        if "hint" in told:
            lines.append(told["hint"])
        return [Text(line, "bold red") for line in lines]
    return [Text("written again: the same octets", "green")]


# --- the tree ------------------------------------------------------------------------------------


def tree_of(element: Element) -> Tree:
    """An element and all below it."""
    tree = Tree(_label(element), guide_style="dim")
    _grow(tree, element)
    return tree


def _grow(tree: Tree, element: Element) -> None:
    parts = element.elements
    if parts is None:
        if is_value(element.content):
            _grow_value(tree, element.content)  # type: ignore[arg-type]
        return
    for part in parts:
        _grow(tree.add(_label(part)), part)


def _label(element: Element) -> Text:
    content = element.content
    label = Text(element.name, "blue")
    if element.elements is None and not is_value(content):
        label.append(f" {_leaf(content)}", "default")
    if element.words:
        label.append(f"  {element.words}", "dim italic")
    return label


def _leaf(content: object) -> str:
    match content:
        case Named(name, number):
            return f"{name} ({number})"
        case Bits():
            return ", ".join(content.names) or "none"
        case bytes():
            return _short(content.hex().upper()) or "no octets"
        case bool():
            return "yes" if content else "no"
    return str(content)


def _grow_value(tree: Tree, value: Value) -> None:
    name = names.data_type(value.TAG)
    label = Text(name, "magenta")
    if isinstance(value, Array | Structure):
        branch = tree.add(label.append(f" of {len(value)}", "dim"))
        for element in value:
            _grow_value(branch, element)
        return
    if isinstance(value, CompactArray):
        label.append(f" of {len(value.contents)} octets")
    elif not isinstance(value, NullData):
        shown = value_text(value) if isinstance(value, int | str) else scalar_text(value)
        label.append(f" {_short(shown)}", "default")
    if words := _meaning(value):
        label.append(f"  {words}", "dim italic")
    tree.add(label)


def _meaning(value: Value) -> str:
    """What octets are likely to be, by their shape alone."""
    if not isinstance(value, OctetString):
        return ""
    octets = bytes(value)
    if len(octets) == 6 and octets[5] == 0xFF:
        name = LogicalName(octets)
        return f"{name}, {obis.describe(name)}"
    if len(octets) == 12:
        try:
            return DateTime.from_octets(octets).to_datetime().isoformat(" ")
        except ValueError:
            return ""
    if len(octets) > 2 and octets.isascii() and octets.decode().isprintable():
        return repr(octets.decode())
    return ""


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}… ({len(text)} characters)"
