"""What is wrong with a scenario's file, in words for whoever wrote it: the line, the key, and what
the key takes.

The file's types say what is allowed; a refusal names a place in them, and this module finds that
place in the text and in the types again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.S)
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `(.*)`")
_MISSING = re.compile(r"missing required field `(.*)`")
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_WORDS = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a date with its time, like 2026-07-06T10:00:00",
}

_SOME_KEY = "..."  # in a table whose keys are free the refusal names none

Path = tuple[str | int, ...]


def in_words(error: msgspec.ValidationError, kind: type[Any], text: str, above: Path = ()) -> str:
    """The refusal of a file's text; `kind` is what stands at `above` in it."""
    match = _PLACE.match(str(error))
    assert match is not None
    what, path = match["what"], tuple(_steps(match["path"] or ""))
    place = _type_at(inspect.type_info(kind), path)
    if (unknown := _UNKNOWN.search(what)) is not None:
        path = (*path, unknown[1])
        told = f"is no key; known here: {_listed(_keys(place))}"
    elif (missing := _MISSING.search(what)) is not None:
        path = (*path, missing[1])
        told = f"is missing; it takes {takes(_type_at(place, path[-1:]))}"
    else:
        told = f"takes {takes(place)}" if place is not None else f"is refused: {what}"
    whole = tuple(step for step in (*above, *path) if step != _SOME_KEY)
    line = line_of(text, whole)
    return (f"line {line}: " if line else "") + f"{spelled(whole)} {told}"


def spelled(path: Path) -> str:
    """A place as a person counts: the second order's key is `order 2: amount`."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f" {step + 1}"
        else:
            words += f"{': ' if words[-1:].isdigit() else '.' if words else ''}{step}"
    return words or "the file"


def takes(place: inspect.Type | None) -> str:
    """What a key takes."""
    match place:
        case inspect.UnionType(types=types):
            several = [takes(each) for each in types if not isinstance(each, inspect.NoneType)]
            return " or ".join(several)
        case inspect.LiteralType(values=values):
            return f"one of {_listed(map(str, values))}"
        case inspect.StrType(pattern=str()):  # the only pattern in a file
            return "a duration like 90s, 5m or 1h30m"
        case inspect.IntType(ge=low, le=high) | inspect.FloatType(ge=low, le=high):
            return _WORDS[type(place)] + _bounds(low, high)
        case inspect.VarTupleType(item_type=item):
            return f"a list, each {takes(item)}"
        case inspect.DictType(value_type=value):
            return f"a table, each value {takes(value)}"
        case inspect.StructType():
            return f"a table of {_listed(_keys(place))}"
    return _WORDS.get(type(place), "something else")  # type: ignore[arg-type]


def line_of(text: str, path: Path) -> int | None:
    """The line where a place stands, or the nearest table above it that the file names."""
    found = None
    for number, depth in _lines(text, path):
        if found is None or depth > found[1]:
            found = number, depth
    return found[0] if found else None


def _lines(text: str, path: Path) -> Iterator[tuple[int, int]]:
    """Lines on the way to a place, each with how far it leads."""
    counted: dict[str, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if (header := _HEADER.match(line)) is not None:
            name = header[2]
            table = tuple(part.strip("\"' ") for part in name.split("."))
            if header[1] == "[[":
                counted[name] = counted.get(name, -1) + 1
                table = (*table, counted[name])
            if table == path[: len(table)]:
                yield number, len(table)
        elif (key := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*(?:\.|=)", line)) is not None:
            here = (*table, key[1])
            if here == path[: len(here)]:
                yield number, len(here)


def _steps(path: str) -> Iterator[str | int]:
    for match in _STEP.finditer(path):
        if match[1] is not None:
            yield match[1]
        else:
            yield int(match[2]) if match[2].isdigit() else _SOME_KEY


def _type_at(place: inspect.Type | None, path: Path) -> inspect.Type | None:
    """The type at a place, where the types say one."""
    for step in path:
        if isinstance(place, inspect.UnionType):
            place = next((t for t in place.types if not isinstance(t, inspect.NoneType)), None)
        match place:
            case inspect.StructType(fields=fields):
                place = next((f.type for f in fields if f.encode_name == step), None)
            case inspect.VarTupleType(item_type=item):
                place = item
            case inspect.DictType(value_type=value):
                place = value
            case _:
                return None
    return place


def _keys(place: inspect.Type | None) -> list[str]:
    if isinstance(place, inspect.UnionType):
        place = next((t for t in place.types if isinstance(t, inspect.StructType)), None)
    return [f.encode_name for f in place.fields] if isinstance(place, inspect.StructType) else []


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return "" if low is None else f", at least {low}"


def _listed(words: Any) -> str:
    return ", ".join(words)
