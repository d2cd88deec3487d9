"""The payloads of IEC 61968-9 as outlines: one text file for each noun, which says all there is.

`outlines/NOUN.txt` lists classes with their elements in order, each with cardinality and type.  The
schemas (`xsd_text`), the records of `records/` and the codec are made from it, so that a reader
compares one page with the profile and nothing else.

    EndDeviceTiming                          a class; the first one is the noun itself
    Seal composed                            a class whose elements are not public
      duration [0..1] Minutes                an element
      choice [0..1]                          one of the elements indented below
      EndDeviceControlType [1..1] @ref       an element with an attribute `ref` and no content
      EndDeviceControlType [1..1] @ref + X   the same; X is what is taken besides
      + serialNumber [0..1] string           taken, but not of the strict profile: an extension
    Minutes = float                          a simple type
    RandomisationKind = default | end        an enumeration
    # words                                  where it comes from
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

BUILT_IN: Final = frozenset(
    {"string", "boolean", "integer", "float", "decimal", "dateTime", "date", "time"}
)
REFERENCE: Final = "@ref"

_CLASS: Final = re.compile(r"(\+ )?(\w+)( @ref)?( mixed)?( composed)?")
_SIMPLE: Final = re.compile(r"(\w+) = (.+)")
_ELEMENT: Final = re.compile(r"( +)(\+ )?(\w+) \[([01])\.\.([1*])\](?: (@ref|\w+)(?: \+ (\w+))?)?")


@dataclass(frozen=True, slots=True)
class Member:
    """One element of a class.

    `type` is a built-in type, a class, a simple type, or `@ref`.  `wider` is the class that is
    taken where the strict profile has `@ref` alone.  `chosen` numbers the choice it stands in, from
    1; 0 for none.  A repeatable choice makes its members repeatable and optional.
    """

    name: str
    required: bool
    many: bool
    type: str
    wider: str | None = None
    extension: bool = False
    chosen: int = 0


@dataclass(frozen=True, slots=True)
class ClassOutline:
    """A class: its elements in order.  `referring` has an attribute ref, `mixed` text as well.

    `composed` says that its elements are not public and were put together: we write it as it stands
    here, and take it in any order, with elements besides.
    """

    name: str
    members: tuple[Member, ...]
    choices: tuple[bool, ...] = ()  # of each choice, whether it may be repeated
    extension: bool = False
    referring: bool = False
    mixed: bool = False
    composed: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """A noun's payload.  `origin` are the words that stand in the file."""

    noun: str
    classes: dict[str, ClassOutline]
    simple: dict[str, tuple[str, tuple[str, ...]]]  # name: its base and its values, if enumerated
    origin: tuple[str, ...] = ()

    def base(self, type_: str) -> str | None:
        """The built-in type under a built-in or simple type; None for a class and for `@ref`."""
        if type_ in BUILT_IN:
            return type_
        return self.simple[type_][0] if type_ in self.simple else None


@cache
def outline(noun: str) -> Outline:
    """The outline of a noun.  Raises `KeyError` for one that has none."""
    source = files("protocols.cim").joinpath("outlines", f"{noun}.txt")
    if not noun.isidentifier() or not source.is_file():
        raise KeyError(noun)
    return parse(noun, source.read_text("utf-8"))


def parse(noun: str, text: str) -> Outline:
    """An outline from its text.  Raises `ValueError` for a line that says nothing, and for a type
    that is nowhere."""
    origin: list[str] = []
    classes: dict[str, ClassOutline] = {}
    simple: dict[str, tuple[str, tuple[str, ...]]] = {}
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.strip()]
        origin += (line[1:].strip() for line in lines if line[0] == "#")
        lines = [line for line in lines if line[0] != "#"]
        if lines and (match := _SIMPLE.fullmatch(lines[0])):
            if len(lines) > 1:
                raise ValueError(f"{noun}: {lines[0]!r} has elements")
            values = tuple(match[2].split(" | "))
            enumerated = values if len(values) > 1 else ()
            simple[match[1]] = ("string" if enumerated else match[2], enumerated)
        elif lines:
            one = _class(noun, lines)
            classes[one.name] = one
    found = Outline(noun, classes, simple, tuple(origin))
    _check(found)
    return found


def _class(noun: str, lines: list[str]) -> ClassOutline:
    head = _CLASS.fullmatch(lines[0])
    if head is None:
        raise ValueError(f"{noun}: {lines[0]!r} is no class")
    members: list[Member] = []
    choices: list[bool] = []
    for line in lines[1:]:
        match = _ELEMENT.fullmatch(line)
        if match is None:
            raise ValueError(f"{noun}: {line!r} is no element")
        indent, plus, name, least, most, type_, wider = match.groups()
        if name == "choice" and type_ is None:
            choices.append(most == "*")
            continue
        inside = len(indent) > 2
        if type_ is None or (inside and not choices):
            raise ValueError(f"{noun}: {line!r} is no element")
        members.append(
            Member(
                name,
                required=least == "1" and not inside,
                many=most == "*" or (inside and choices[-1]),
                type=type_,
                wider=wider,
                extension=plus is not None,
                chosen=len(choices) if inside else 0,
            )
        )
    return ClassOutline(
        head[2],
        tuple(members),
        tuple(choices),
        extension=head[1] is not None,
        referring=head[3] is not None,
        mixed=head[4] is not None,
        composed=head[5] is not None,
    )


def _check(found: Outline) -> None:
    if next(iter(found.classes), None) != found.noun:
        raise ValueError(f"{found.noun}: the first class is the noun's")
    known = {*BUILT_IN, *found.simple, *found.classes, REFERENCE, None}
    for one in found.classes.values():
        for member in one.members:
            if not {member.type, member.wider} <= known:
                raise ValueError(f"{found.noun}: {one.name}/{member.name} has no type")
