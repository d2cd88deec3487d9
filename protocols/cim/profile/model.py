"""What a profile is: classes with attributes and associations, typed and with multiplicities.

A profile is a subset of the CIM (IEC 61970-301, IEC 61968-11) that one system shows, and classes of
the utility's own beside it.  A class inherits what its parents have; instances of a class are those
of its subclasses, too.  Where the values come from is not a profile's business.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property


class Primitive(enum.StrEnum):
    """The types of attributes that are no enumerations, by their CIM names."""

    STRING = "String"
    INTEGER = "Integer"
    FLOAT = "Float"
    BOOLEAN = "Boolean"
    DATE_TIME = "DateTime"


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A type whose values are these words."""

    name: str
    literals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """`unit` is what a number counts, "" where it counts nothing or its instance tells."""

    name: str
    type: Primitive | Enumeration
    required: bool = False
    unit: str = ""
    about: str = ""

    @property
    def multiplicity(self) -> str:
        return "1..1" if self.required else "0..1"


@dataclass(frozen=True, slots=True)
class Association:
    """A way from an instance to others.  One that leads to at most one (`many` false) is shown with
    its instance, as a reference.

    `inverse` is the association of the target that leads back, "" where none is in the profile.
    `history` is the target's attribute that a window of time is about, "" where none may be named.
    `special` are attributes of the target by which Property/Value may narrow an answer.
    """

    name: str
    target: str
    required: bool = False
    many: bool = False
    inverse: str = ""
    history: str = ""
    special: tuple[str, ...] = ()
    about: str = ""

    @property
    def multiplicity(self) -> str:
        return f"{int(self.required)}..{'*' if self.many else 1}"


Member = Attribute | Association


@dataclass(frozen=True, slots=True)
class CimClass:
    """`key` are the members that tell its instances apart, in the order in which these are listed:
    attributes, or associations that lead to one.  `own` marks a class that is not of the CIM."""

    name: str
    parent: str | None = None
    abstract: bool = False
    own: bool = False
    key: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    associations: tuple[Association, ...] = ()
    about: str = ""

    @property
    def members(self) -> tuple[Member, ...]:
        """Attributes and associations of its own."""
        found: list[Member] = [*self.attributes, *self.associations]
        return tuple(found)


class UnknownName(LookupError):
    """A profile has no class, or a class no member, of this name."""


@dataclass(frozen=True, eq=False)  # itself alone: what follows from a profile is kept by it
class Profile:
    """What one adapter shows; `name` is also that of the element around its payloads."""

    name: str
    namespace: str
    title: str
    about: str = ""
    classes: tuple[CimClass, ...] = ()
    enumerations: tuple[Enumeration, ...] = ()
    _by_name: dict[str, CimClass] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {cls.name: cls for cls in self.classes})

    def __getitem__(self, name: str) -> CimClass:
        """A class by name.  Raises `UnknownName`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownName(name) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def lineage(self, cls: CimClass) -> Iterator[CimClass]:
        """The class, its parent, and so on."""
        yield cls
        while cls.parent is not None:
            cls = self[cls.parent]
            yield cls

    @cached_property
    def _attributes(self) -> dict[str, dict[str, Attribute]]:
        return {
            cls.name: {
                attribute.name: attribute
                for each in reversed([*self.lineage(cls)])
                for attribute in each.attributes
            }
            for cls in self.classes
        }

    @cached_property
    def _associations(self) -> dict[str, dict[str, Association]]:
        return {
            cls.name: {
                association.name: association
                for each in reversed([*self.lineage(cls)])
                for association in each.associations
            }
            for cls in self.classes
        }

    def attributes(self, cls: CimClass) -> dict[str, Attribute]:
        """All attributes of a class by name, those of its oldest ancestor first."""
        return self._attributes[cls.name]

    def associations(self, cls: CimClass) -> dict[str, Association]:
        """All associations of a class by name, those of its oldest ancestor first."""
        return self._associations[cls.name]

    def references(self, cls: CimClass) -> dict[str, Association]:
        """The associations that are shown with an instance."""
        return {name: each for name, each in self.associations(cls).items() if not each.many}

    def key(self, cls: CimClass) -> tuple[str, ...]:
        """The members by which instances are told apart, which a class may have from a parent."""
        return next((each.key for each in self.lineage(cls) if each.key), ())

    def concrete(self, cls: CimClass) -> tuple[CimClass, ...]:
        """The class and its subclasses, by name, without those that are abstract."""
        found = (each for each in self.classes if not each.abstract)
        return tuple(
            sorted((each for each in found if cls in self.lineage(each)), key=lambda it: it.name)
        )
