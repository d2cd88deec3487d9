"""Where a system's OPC UA server keeps what its profile shows: browse paths, types, points.

```toml
namespace = "urn:simoce:historiador"          # of all names below, whatever index a server gives it

[classes.Feeder]
within = ["Substation"]                       # below an instance of it; left out: below Objects
path = ["Circuitos", "*"]                     # browse names on the way; "*" is any
type = "CircuitoType"                         # those of this type definition alone
members = { mRID = "{name}", NormalEnergizingSubstation = "{within}" }

[classes.Analog]
within = ["Feeder", "Meter"]
path = ["*"]
members = { mRID = "{within}.{name}", PowerSystemResource = "{within}" }
[classes.Analog.points]                       # the browse names of this class, and what follows
Corriente_A = { measurementType = "LineCurrent", phases = "A" }     # from them

[classes.AnalogValue]
of = ["Analog"]                               # values of these, or events of such objects
source = "history"                            # "history", "present" or "events"
members = { value = "{value}", timeStamp = "{time}", quality = "{quality}", Analog = "{within}" }
```

In a member's text `{name}` is the browse name, `{title}` the display name, `{within}` the key of
the instance that it is below, and any other word a property (of an event: a field) by its browse
name.  No node id is in a mapping: those are the server's own affair.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec

from headend.integration.cim.mapping import BadMapping
from protocols.cim.profile import reading
from protocols.cim.profile.lexical import NotAValue, Value, read
from protocols.cim.profile.model import CimClass, Profile

ADAPTERS: Final = ("simoce", "scada")
"""The adapters whose systems are OPC UA servers."""

Source = Literal["nodes", "history", "present", "events"]

_WORD = re.compile(r"\{([^{}]+)\}")
_OF_NODES = frozenset({"name", "title", "within"})
_OF_VALUES = frozenset({"value", "time", "quality", "within"})
_OF_EVENTS = frozenset({"time", "within"})


class _Class(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    members: dict[str, str]
    within: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    type: str = ""
    points: dict[str, dict[str, str]] = {}
    of: tuple[str, ...] = ()
    source: Source = "nodes"
    values: dict[str, dict[str, str]] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    namespace: str
    classes: dict[str, _Class]


class Template:
    """A member's text with words to be filled in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: tuple[str, ...] = tuple(_WORD.findall(text))
        self.alone = self.words[0] if text == f"{{{self.words[0] if self.words else ''}}}" else ""
        """The word that is all there is, whose value need be no text."""

    def filled(self, words: Mapping[str, Any]) -> str | None:
        """None where a word has no value."""
        if any(words.get(word) in (None, "") for word in self.words):
            return None
        return _WORD.sub(lambda found: str(words[found[1]]), self.text)


class PlaceOf(msgspec.Struct, frozen=True):
    """Where the instances of a class are.  `points` has members' values by browse name."""

    cls: CimClass
    members: dict[str, Template]
    within: tuple[CimClass, ...]
    path: tuple[str, ...]
    type: str
    points: dict[str, dict[str, Value]]
    of: tuple[CimClass, ...]
    source: Source
    values: dict[str, dict[str, Value]]

    @property
    def properties(self) -> tuple[str, ...]:
        """The words that are properties, or an event's fields."""
        known = {"nodes": _OF_NODES, "events": _OF_EVENTS}.get(self.source, _OF_VALUES)
        words = (word for template in self.members.values() for word in template.words)
        return tuple(dict.fromkeys(word for word in words if word not in known))


class AddressMapping:
    """The places of a profile's classes."""

    def __init__(self, profile: Profile, namespace: str, places: dict[str, PlaceOf]) -> None:
        self.profile, self.namespace = profile, namespace
        self._places = places

    def places(self, cls: CimClass) -> tuple[PlaceOf, ...]:
        """Of a class and its subclasses, in order of the classes' names."""
        found = (self._places.get(each.name) for each in self.profile.concrete(cls))
        return tuple(place for place in found if place is not None)

    @property
    def events(self) -> tuple[PlaceOf, ...]:
        """Those of events."""
        return tuple(place for place in self._places.values() if place.source == "events")

    @property
    def nodes(self) -> tuple[PlaceOf, ...]:
        """Those of nodes; each behind those that it is within."""
        found: dict[str, PlaceOf] = {}

        def visit(place: PlaceOf) -> None:
            for cls in place.within:
                for each in self.places(cls):
                    if each.cls.name not in found:
                        visit(each)
            found[place.cls.name] = place

        for place in self._places.values():
            if place.source == "nodes":
                visit(place)
        return tuple(found.values())


def read_mapping(profile: Profile, text: str) -> AddressMapping:
    """A mapping from the text of its file.  Raises `BadMapping`."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadMapping(str(error)) from error
    for name in file.classes:
        if name not in profile or profile[name].abstract:
            raise BadMapping(f"{profile.name} has no instances of a class {name}")
    places = {name: _place(profile, profile[name], said) for name, said in file.classes.items()}
    mapping = AddressMapping(profile, file.namespace, places)
    if wrong := [*_wrong(mapping, places)]:
        raise BadMapping(f"{profile.name}: {'; '.join(wrong)}")
    return mapping


def _place(profile: Profile, cls: CimClass, said: _Class) -> PlaceOf:
    for name in (*said.within, *said.of):
        if name not in profile:
            raise BadMapping(f"{cls.name}: there is no class {name}")
    return PlaceOf(
        cls,
        {name: Template(text) for name, text in said.members.items()},
        tuple(profile[name] for name in said.within),
        said.path,
        said.type,
        {point: _values(profile, cls, known) for point, known in said.points.items()},
        tuple(profile[name] for name in said.of),
        said.source,
        {name: _words(profile, cls, name, words) for name, words in said.values.items()},
    )


def _values(profile: Profile, cls: CimClass, known: dict[str, str]) -> dict[str, Value]:
    return {name: _value(profile, cls, name, text) for name, text in known.items()}


def _words(profile: Profile, cls: CimClass, name: str, words: dict[str, str]) -> dict[str, Value]:
    return {theirs: _value(profile, cls, name, ours) for theirs, ours in words.items()}


def _value(profile: Profile, cls: CimClass, name: str, text: str) -> Value:
    attribute = profile.attributes(cls).get(name)
    if attribute is None:
        raise BadMapping(f"{cls.name} has no attribute {name}")
    try:
        return read(attribute.type, text)
    except NotAValue as error:
        raise BadMapping(f"{cls.name}.{name}: {error}") from error


def _wrong(mapping: AddressMapping, places: dict[str, PlaceOf]) -> Iterator[str]:
    profile = mapping.profile
    for cls in profile.classes:
        if not mapping.places(cls):
            yield f"nothing is an instance of {cls.name}"
    for place in places.values():
        name = place.cls.name
        attributes, references = profile.attributes(place.cls), profile.references(place.cls)
        known = {*place.members, *(member for each in place.points.values() for member in each)}
        yield from (
            f"{name} has no member {each}"
            for each in known
            if each not in attributes and each not in references
        )
        required = [each for each, it in attributes.items() if it.required]
        required += [each for each, it in references.items() if it.required]
        for each in required:
            everywhere = place.points and all(each in point for point in place.points.values())
            if each not in place.members and not everywhere:
                yield f"{name}.{each} is required and comes from nowhere"
        if (place.source == "nodes") is not bool(place.path):
            yield f"{name}: nodes have a path, values and events have none"
        if (place.source == "nodes") is bool(place.of):
            yield f"{name}: values and events are of something, nodes are not"
        if place.source == "events" and not place.type:
            yield f"{name}: events have a type"
        for cls in (*place.within, *place.of):
            if any(each.source != "nodes" for each in mapping.places(cls)):
                yield f"{name}: {cls.name} is no node"


@cache
def address_mapping_of(adapter: str) -> AddressMapping:
    """The mapping of one of `ADAPTERS`.  Raises `KeyError` for any other name."""
    if adapter not in ADAPTERS:
        raise KeyError(adapter)
    file = files(__package__).joinpath("mappings", f"{adapter}.toml")
    return read_mapping(reading.profile(adapter), file.read_text(encoding="utf-8"))
