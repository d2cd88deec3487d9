"""How a record's fields meet its elements: worked out once for each class, from the outline."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from protocols.cim import namespaces as ns
from protocols.cim.outline import REFERENCE, Member, Outline, outline
from protocols.cim.record import Record, field_name
from protocols.cim.records.index_auto import RECORDS


class Content(enum.Enum):
    """What an element holds."""

    TEXT = enum.auto()
    BOOLEAN = enum.auto()
    INTEGER = enum.auto()
    DECIMAL = enum.auto()
    TIME = enum.auto()
    REFERENCE = enum.auto()
    RECORD = enum.auto()


_OF_TYPE: Final = {
    "boolean": Content.BOOLEAN,
    "integer": Content.INTEGER,
    "float": Content.DECIMAL,
    "decimal": Content.DECIMAL,
    "dateTime": Content.TIME,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One field: its element, and what that holds.  `plan` is there for a record."""

    field: str
    element: str
    content: Content
    required: bool
    many: bool
    extension: bool
    chosen: int  # the choice it stands in; 0 for none
    plan: Plan | None = None


@dataclass(slots=True)
class Plan:
    """The fields of one class in the schema's order, and the same by the element's full name.

    In a class that is `composed` elements that we do not know are passed over.
    """

    record: type[Record]
    composed: bool = False
    steps: tuple[Step, ...] = ()
    by_tag: dict[str, Step] = field(default_factory=dict)


@cache
def plan(noun: str) -> Plan:
    """The plan of a noun's root class.  Raises `KeyError` for a noun without outline."""
    return _plan(outline(noun), noun, {})


def _plan(found: Outline, name: str, made: dict[str, Plan]) -> Plan:
    if name not in made:
        made[name] = mine = Plan(RECORDS[found.noun][name], found.classes[name].composed)
        mine.steps = tuple(_step(found, item, made) for item in found.classes[name].members)
        space = ns.profile(found.noun)
        mine.by_tag = {f"{{{space}}}{step.element}": step for step in mine.steps}
    return made[name]


def _step(found: Outline, member: Member, made: dict[str, Plan]) -> Step:
    base = found.base(member.type)
    inner: Plan | None = None
    if member.type == REFERENCE:
        content = Content.REFERENCE
    elif base is not None:
        content = _OF_TYPE.get(base, Content.TEXT)
    else:
        content = Content.RECORD
        inner = _plan(found, member.type, made)
    return Step(
        field_name(member.name),
        member.name,
        content,
        member.required,
        member.many,
        member.extension,
        member.chosen,
        inner,
    )
