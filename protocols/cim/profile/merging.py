"""All profiles as the one of the utility; two that contradict each other have none.

Profiles may show different parts of a class.  Where both show the same, they must say the same of
it.  How an adapter is asked (whether it wants a window, what narrows an answer) is its own affair
and no part of the utility's profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from protocols.cim.profile.model import (
    Association,
    Attribute,
    CimClass,
    Enumeration,
    Member,
    Profile,
)

M = TypeVar("M", Attribute, Association)


class Conflict(ValueError):
    """Profiles that cannot be one; `what` says each contradiction."""

    def __init__(self, what: tuple[str, ...]) -> None:
        super().__init__("; ".join(what))
        self.what = what


def merge(name: str, namespace: str, title: str, profiles: Iterable[Profile]) -> Profile:
    """The utility's profile.  Raises `Conflict` with all that is contradicted."""
    classes: dict[str, CimClass] = {}
    enumerations: dict[str, Enumeration] = {}
    said: list[str] = []
    for profile in profiles:
        for enumeration in profile.enumerations:
            known = enumerations.setdefault(enumeration.name, enumeration)
            if known != enumeration:
                said.append(f"{profile.name}: {enumeration.name} has other values elsewhere")
        for cls in profile.classes:
            plain = _plain(cls)
            before = classes.get(cls.name)
            if before is None:
                classes[cls.name] = plain
                continue
            said += (f"{profile.name}: {what}" for what in _contradictions(before, plain))
            classes[cls.name] = replace(
                before,
                attributes=_both(before.attributes, plain.attributes),
                associations=_both(before.associations, plain.associations),
            )
    whole = Profile(name, namespace, title, "", (*classes.values(),), (*enumerations.values(),))
    said += _inherited_twice(whole)
    if said:
        raise Conflict(tuple(said))
    return whole


def _plain(cls: CimClass) -> CimClass:
    return replace(
        cls,
        associations=tuple(replace(each, history="", special=()) for each in cls.associations),
    )


def _contradictions(one: CimClass, other: CimClass) -> Iterator[str]:
    for trait in ("parent", "abstract", "own", "key"):
        if getattr(one, trait) != getattr(other, trait):
            yield (
                f"{one.name} has {trait} {getattr(other, trait)!r},"
                f" elsewhere {getattr(one, trait)!r}"
            )
    of_one = {each.name: each for each in one.members}
    for member in other.members:
        known = of_one.get(member.name)
        if known is not None and _traits(known) != _traits(member):
            yield f"{one.name}.{member.name} is {_traits(member)}, elsewhere {_traits(known)}"


def _traits(member: Member) -> tuple[str, ...]:
    """What must be said alike; explanations may differ."""
    if isinstance(member, Attribute):
        kind = member.type.name if isinstance(member.type, Enumeration) else str(member.type)
        return "attribute", kind, member.multiplicity, member.unit
    return "association", member.target, member.multiplicity, member.inverse


def _both(one: tuple[M, ...], other: tuple[M, ...]) -> tuple[M, ...]:
    known = [each.name for each in one]
    return one + tuple(each for each in other if each.name not in known)


def _inherited_twice(whole: Profile) -> Iterator[str]:
    """A member that one profile shows with a class and another with its parent would be two."""
    for cls in whole.classes:
        own = {each.name for each in cls.members}
        for ancestor in [*whole.lineage(cls)][1:]:
            for member in ancestor.members:
                if member.name in own:
                    yield f"{cls.name}.{member.name} is {ancestor.name}'s elsewhere"
