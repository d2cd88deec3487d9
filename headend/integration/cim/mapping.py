"""Where a system's database keeps what its profile shows: tables and columns.

```toml
[classes.CFE_NewServiceRequest]
table = "solicitudes"
only = { tipo = "N" }                       # the rows that are of this class
columns = { mRID = "folio", Zone = "cve_zona" }
values.status = { R = "received" }          # the system's own words for the profile's
joins = { Equivalents = "cve_elemento" }    # whom an association leads to: rows that share a value
```

A class without a table has no instances but those of its subclasses; a member without a column is
never known.  A mapping is checked against its profile as it is read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from protocols.cim.profile import reading
from protocols.cim.profile.lexical import NotAValue, Value, read
from protocols.cim.profile.model import Association, CimClass, Profile

ADAPTERS: Final = ("siad", "vip", "repository")
"""The adapters whose systems are databases."""


class BadMapping(ValueError):
    """A file that is no mapping of its profile; says where and why."""


class _Class(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    table: str
    columns: dict[str, str]
    only: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    joins: dict[str, str] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    classes: dict[str, _Class]


class TableOf(msgspec.Struct, frozen=True):
    """Where the instances of a class are.  `values` has, for a member, the profile's value of each
    of the system's words."""

    cls: CimClass
    table: str
    columns: dict[str, str]
    only: dict[str, str]
    values: dict[str, dict[str, Value]]
    joins: dict[str, str]


class Mapping:
    """The tables of a profile, by class."""

    def __init__(self, profile: Profile, tables: dict[str, TableOf]) -> None:
        self.profile = profile
        self.all = tuple(tables.values())
        self._tables = tables

    def tables(self, cls: CimClass) -> tuple[TableOf, ...]:
        """Where the instances of a class and its subclasses are, in order of the classes' names."""
        found = (self._tables.get(each.name) for each in self.profile.concrete(cls))
        return tuple(table for table in found if table is not None)


def read_mapping(profile: Profile, text: str) -> Mapping:
    """A mapping from the text of its file.  Raises `BadMapping`."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadMapping(str(error)) from error
    tables: dict[str, TableOf] = {}
    for name, said in file.classes.items():
        if name not in profile or profile[name].abstract:
            raise BadMapping(f"{profile.name} has no instances of a class {name}")
        tables[name] = _table(profile, profile[name], said)
    mapping = Mapping(profile, tables)
    if wrong := [*_wrong(mapping)]:
        raise BadMapping(f"{profile.name}: {'; '.join(wrong)}")
    return mapping


def _table(profile: Profile, cls: CimClass, said: _Class) -> TableOf:
    attributes = profile.attributes(cls)
    values: dict[str, dict[str, Value]] = {}
    for name, words in said.values.items():
        if name not in attributes:
            raise BadMapping(f"{cls.name} has no attribute {name}")
        try:
            values[name] = {
                theirs: read(attributes[name].type, ours) for theirs, ours in words.items()
            }
        except NotAValue as error:
            raise BadMapping(f"{cls.name}.{name}: {error}") from error
    return TableOf(cls, said.table, said.columns, said.only, values, said.joins)


def _wrong(mapping: Mapping) -> Iterator[str]:
    profile = mapping.profile
    for cls in profile.classes:
        if not mapping.tables(cls):
            yield f"nothing is an instance of {cls.name}"
    for table in mapping.all:
        attributes, references = profile.attributes(table.cls), profile.references(table.cls)
        for name in table.columns:
            if name not in attributes and name not in references:
                yield f"{table.cls.name} has no member {name}"
        required = [name for name, it in attributes.items() if it.required]
        required += [name for name, it in references.items() if it.required]
        for name in required:
            if name not in table.columns:
                yield f"{table.cls.name}.{name} is required and has no column"
        for association in profile.associations(table.cls).values():
            if association.many and not _reachable(mapping, table, association):
                yield f"{table.cls.name}.{association.name} leads nowhere"


def _reachable(mapping: Mapping, table: TableOf, association: Association) -> bool:
    if association.name in table.joins:
        return True
    targets = mapping.tables(mapping.profile[association.target])
    return any(association.inverse in target.columns for target in targets)


@cache
def mapping_of(adapter: str) -> Mapping:
    """The mapping of one of `ADAPTERS`.  Raises `KeyError` for any other name."""
    if adapter not in ADAPTERS:
        raise KeyError(adapter)
    file = files(__package__).joinpath("mappings", f"{adapter}.toml")
    return read_mapping(reading.profile(adapter), file.read_text(encoding="utf-8"))
