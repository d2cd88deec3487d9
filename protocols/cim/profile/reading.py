"""Profiles from their files.  What a file says is checked as it is read: a name that is not there,
an unknown word, a class without a key.

```toml
[classes.Substation]
parent = "IdentifiedObject"
attributes.address = { type = "String", about = "..." }
associations.Feeders = { to = "Feeder", many = true, inverse = "NormalEnergizingSubstation" }
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from protocols.cim import namespaces as ns
from protocols.cim.profile.merging import merge
from protocols.cim.profile.model import (
    Association,
    Attribute,
    CimClass,
    Enumeration,
    Primitive,
    Profile,
)

ADAPTERS: Final = ("siad", "simoce", "scada", "vip", "ami", "repository")
"""The adapters whose profiles are here, by the names of their files."""


class BadProfile(ValueError):
    """A file that is no profile; says where and why."""


class _Attribute(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    type: str
    about: str = ""
    required: bool = False
    unit: str = ""


class _Association(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    to: str
    about: str = ""
    required: bool = False
    many: bool = False
    inverse: str = ""
    history: str = ""
    special: tuple[str, ...] = ()


class _Class(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    about: str
    parent: str | None = None
    abstract: bool = False
    own: bool = False
    key: tuple[str, ...] = ()
    attributes: dict[str, _Attribute] = {}
    associations: dict[str, _Association] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    title: str
    about: str
    classes: dict[str, _Class]
    enumerations: dict[str, tuple[str, ...]] = {}


def read(text: str) -> Profile:
    """A profile from the text of its file.  Raises `BadProfile`."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadProfile(str(error)) from error
    enumerations = {name: Enumeration(name, words) for name, words in file.enumerations.items()}
    profile = Profile(
        file.name,
        f"{ns.ADAPTER}{file.name}#",
        file.title,
        file.about.strip(),
        tuple(_class(name, said, enumerations) for name, said in file.classes.items()),
        tuple(enumerations.values()),
    )
    wrong = [*_wrong(profile)]
    if wrong:
        raise BadProfile(f"{profile.name}: {'; '.join(wrong)}")
    return profile


def _class(name: str, said: _Class, enumerations: dict[str, Enumeration]) -> CimClass:
    return CimClass(
        name,
        said.parent,
        said.abstract,
        said.own,
        said.key,
        tuple(
            Attribute(
                each, _type(given.type, enumerations), given.required, given.unit, given.about
            )
            for each, given in said.attributes.items()
        ),
        tuple(
            Association(
                each,
                given.to,
                given.required,
                given.many,
                given.inverse,
                given.history,
                given.special,
                given.about,
            )
            for each, given in said.associations.items()
        ),
        said.about,
    )


def _type(name: str, enumerations: dict[str, Enumeration]) -> Primitive | Enumeration:
    if name in enumerations:
        return enumerations[name]
    try:
        return Primitive(name)
    except ValueError as error:
        raise BadProfile(f"there is no type {name}") from error


def _wrong(profile: Profile) -> Iterator[str]:
    for cls in profile.classes:
        if cls.parent is not None and cls.parent not in profile:
            yield f"{cls.name} has an unknown parent {cls.parent}"
            return
        seen = {cls.name}
        above = cls
        while above.parent is not None and above.parent in profile:
            above = profile[above.parent]
            if above.name in seen:
                yield f"{cls.name} is its own ancestor"
                return
            seen.add(above.name)
    for cls in profile.classes:
        yield from _wrong_members(profile, cls)
        if not cls.abstract:
            yield from _wrong_key(profile, cls)


def _wrong_members(profile: Profile, cls: CimClass) -> Iterator[str]:
    inherited = {
        member.name for ancestor in [*profile.lineage(cls)][1:] for member in ancestor.members
    }
    names = [member.name for member in cls.members]
    for name in {name for name in names if name in inherited or names.count(name) > 1}:
        yield f"{cls.name}.{name} is there twice"
    for association in cls.associations:
        where = f"{cls.name}.{association.name}"
        if association.target not in profile:
            yield f"{where} leads to an unknown class {association.target}"
            continue
        target = profile[association.target]
        if association.inverse and association.inverse not in profile.associations(target):
            yield f"{where} has no inverse {association.inverse}"
        attributes = profile.attributes(target)
        for name in association.special:
            if name not in attributes:
                yield f"{where} cannot be narrowed by {name}"
        if association.history:
            time = attributes.get(association.history)
            if time is None or time.type is not Primitive.DATE_TIME:
                yield f"{where} has no time {association.history}"


def _wrong_key(profile: Profile, cls: CimClass) -> Iterator[str]:
    attributes, references = profile.attributes(cls), profile.references(cls)
    if not profile.key(cls):
        yield f"{cls.name} has no key"
    for name in profile.key(cls):
        member = attributes.get(name) or references.get(name)
        if member is None or not member.required:
            yield f"{cls.name}.{name} is in its key, and not required"


@cache
def profile(adapter: str) -> Profile:
    """The profile of one of `ADAPTERS`.  Raises `KeyError` for any other name."""
    if adapter not in ADAPTERS:
        raise KeyError(adapter)
    return read(files(__package__).joinpath(f"{adapter}.toml").read_text(encoding="utf-8"))


@cache
def utility() -> Profile:
    """What the utility shows as a whole.  Raises `Conflict` where its systems contradict each
    other."""
    return merge("Utility", f"{ns.ADAPTER}Utility#", "The utility", map(profile, ADAPTERS))
