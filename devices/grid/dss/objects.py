"""What every object of a script has: class, name, where it was written, and its properties."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork

METRES = {
    "none": 0.0, "mi": 1609.344, "kft": 304.8, "km": 1000.0, "m": 1.0, "me": 1.0, "ft": 0.3048,
    "in": 0.0254, "cm": 0.01, "mm": 0.001,
}  # fmt: skip


def unit(text: str) -> str:
    """A unit of length, by its first letters.  Raises BadNetwork."""
    lower = text.lower()
    if lower.startswith(("no", "0")):
        return "none"
    for known in ("mi", "kf", "km", "mm", "me", "ft", "in", "cm", "m"):
        if lower.startswith(known):
            return {"kf": "kft", "me": "m"}.get(known, known)
    raise BadNetwork(f"{text!r} is no unit of length; known: {', '.join(METRES)}")


def conversion(per: str, of: str) -> float:
    """What a value per `per` is multiplied by to be per `of`; nothing where one is not told."""
    if METRES[per] == 0 or METRES[of] == 0:
        return 1.0
    return METRES[of] / METRES[per]


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus with the nodes that were told."""

    name: str
    nodes: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """From "632.1.2".  Raises BadNetwork."""
        name, *nodes = text.lower().strip().split(".")
        if not name:
            raise BadNetwork(f"{text!r} names no bus")
        try:
            numbers = tuple(int(node) for node in nodes if node)
        except ValueError:
            numbers = (-1,)
        if any(not 0 <= number < 100 for number in numbers):
            raise BadNetwork(f"bus {text!r}: its nodes are numbers from 0 on")
        return cls(name, numbers)

    def conductors(self, phases: int, count: int) -> tuple[int, ...]:
        """Node numbers of so many conductors: as told, else the phases in turn, then ground."""
        default = [number + 1 if number < phases else 0 for number in range(count)]
        default[: len(self.nodes)] = self.nodes[:count]
        return tuple(default)


@dataclass(slots=True)
class Defaults:
    """What `set` changes for objects made afterwards."""

    frequency: float = 60.0
    earth_model: str = "deri"
    folder: Path = Path()
    """Where files that objects name are looked for."""


Setter = Callable[[Any, Word], None]


def number(name: str) -> Setter:
    """Sets an attribute to a number."""
    return lambda s, w: setattr(s, name, w.number())


@dataclass(slots=True)
class DssObject:
    """An object under construction; a subclass knows what its properties do."""

    name: str
    where: str
    defaults: Defaults
    enabled: bool = True
    base_frequency: float = 0.0
    ignored: set[str] = field(default_factory=set)

    kind: ClassVar[str]
    SETTERS: ClassVar[Mapping[str, Setter]] = {}
    HARMLESS: ClassVar[frozenset[str]] = frozenset()
    """Properties that change nothing here: ratings, reliability, names."""
    NEEDED: ClassVar[frozenset[str]] = frozenset()
    """Properties without which a result would be wrong."""

    def __post_init__(self) -> None:
        self.base_frequency = self.defaults.frequency

    @property
    def full_name(self) -> str:
        return f"{self.kind}.{self.name}"

    def assign(self, name: str, word: Word, known: Mapping[tuple[str, str], DssObject]) -> None:
        """Set a property.  Raises BadNetwork."""
        if name == "like":
            self._become_like(known, word.text)
        elif name == "enabled":
            self.enabled = word.flag()
        elif name == "basefreq":
            self.base_frequency = word.number()
        elif (setter := self.SETTERS.get(name)) is not None:
            setter(self, word)
        elif (linked := self.LINKED.get(name)) is not None:
            linked(self, word, known)
        elif name in self.HARMLESS or name in _HARMLESS:
            return
        elif name in self.NEEDED:
            raise BadNetwork(f"{name} is not modelled here, and the result would be wrong")
        else:
            self.ignored.add(name)

    def finish(self) -> None:
        """A command has told all that it tells."""

    LINKED: ClassVar[Mapping[str, Callable[[Any, Word, Mapping[tuple[str, str], Any]], None]]] = {}
    """Properties that name another object."""

    def _become_like(self, known: Mapping[tuple[str, str], DssObject], other: str) -> None:
        found = known.get((self.kind, other.lower()))
        if found is None:
            raise BadNetwork(f"like={other}: there is no {self.kind} of that name")
        for each in fields(self):
            if each.name not in _ITS_OWN:
                setattr(self, each.name, copy.deepcopy(getattr(found, each.name)))


_ITS_OWN = frozenset(("name", "where", "enabled", "bus1", "bus2"))
"""What `like` does not copy: as in OpenDSS, an object is like another one, but not where it is."""

_HARMLESS = frozenset(
    "normamps emergamps faultrate pctperm repair seasons ratings linetype spectrum".split()
)


def looked_up(known: Mapping[tuple[str, str], DssObject], kind: str, name: str) -> Any:
    """An object that another one names.  Raises BadNetwork."""
    found = known.get((kind, name.lower()))
    if found is None:
        raise BadNetwork(f"there is no {kind} {name!r}, or not yet")
    return found
