"""A scenario's values as TOML text: what `ami sim shrink` writes, and people read and change.

Only what scenario files consist of: scalars, lists, tables, lists of tables (TOML 1.0.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def written(values: Mapping[str, Any]) -> str:
    """The text of a file with these values; reading it back gives them again.

    Raises TypeError for a value that no scenario file holds.
    """
    blocks = ["\n".join(_block(values))]
    for name, value in values.items():
        if isinstance(value, Mapping):
            blocks.append("\n".join(_table(name, value)))
        elif _tables(value):
            blocks += ["\n".join([f"[[{_key(name)}]]", *_inline(each)]) for each in value]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A table; one of tables only, as `head_end` is, is written as those."""
    inner = {key: value for key, value in values.items() if name == "head_end"}
    if inner:
        for number, (key, value) in enumerate(inner.items()):
            if number:
                yield ""
            yield f"[{_key(name)}.{_key(key)}]"
            yield from _block(value)
        return
    yield f"[{_key(name)}]"
    yield from _inline(values)


def _inline(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(key)} = {_value(value)}" for key, value in values.items())


def _block(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if not isinstance(value, Mapping) and not _tables(value):
            yield f"{_key(key)} = {_value(value)}"


def _tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            text = repr(value)
            return text if any(mark in text for mark in ".en") else f"{text}.0"
        case str():
            return '"' + "".join(_escaped(char) for char in value) + '"'
        case datetime():
            return value.isoformat()
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case Mapping():
            inside = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
            return f"{{ {inside} }}" if inside else "{}"
    raise TypeError(f"{value!r} has no place in a scenario's file")


def _escaped(char: str) -> str:
    if char in _ESCAPED:
        return _ESCAPED[char]
    return char if char >= " " and char != "\x7f" else f"\\u{ord(char):04X}"
