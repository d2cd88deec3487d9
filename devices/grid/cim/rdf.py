"""RDF/XML as objects: each with its class, its values, and what it points at."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from devices.grid.errors import BadNetwork

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
OCTETS_MAX = 512_000_000


@dataclass(slots=True, eq=False)
class Thing:
    """One object.  Properties go by "Class.property"; of classes, the last part of the name."""

    kind: str
    id: str
    line: int
    values: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.values.get("IdentifiedObject.name", self.id)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} (line {self.line})"

    def wrong(self, what: str) -> BadNetwork:
        """What is wrong with it, told with its line; `read` adds the file."""
        error = BadNetwork(f"{self}{what}")
        error.line = self.line
        return error

    def number(self, name: str, default: float | None = None) -> float:
        """Raises BadNetwork where it is missing or no number."""
        text = self.values.get(name)
        if text is None:
            if default is not None:
                return default
            raise self.wrong(f" has no {name}")
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise self.wrong(f": {name} is {text!r} and no number")
        return found

    def flag(self, name: str, default: bool) -> bool:
        return self.values.get(name, str(default)).lower() == "true"

    def code(self, name: str) -> str:
        """The last part of an enumeration's value, "" without one."""
        return self.links.get(name, "").rpartition(".")[2]


class Model:
    """All objects of a file, by id, by class, and by what points at them."""

    def __init__(self, things: list[Thing]):
        self.by_id = {thing.id: thing for thing in things}
        self.by_kind: dict[str, list[Thing]] = defaultdict(list)
        self._pointing: dict[tuple[str, str], list[Thing]] = defaultdict(list)
        for thing in things:
            self.by_kind[thing.kind].append(thing)
            for name, target in thing.links.items():
                self._pointing[name, target].append(thing)

    def pointing(self, name: str, thing: Thing) -> list[Thing]:
        """The objects whose property of this name is this one."""
        return self._pointing[name, thing.id]

    def follow(self, thing: Thing, name: str) -> Thing | None:
        """What a property points at."""
        return self.by_id.get(thing.links.get(name, ""))

    def followed(self, thing: Thing, name: str) -> Thing:
        """The same; raises BadNetwork where there is nothing."""
        found = self.follow(thing, name)
        if found is None:
            raise thing.wrong(f": {name} points at nothing")
        return found


def parsed(path: Path) -> Model:
    """The objects of a file.  Raises BadNetwork, which does not name the file."""
    try:
        if path.stat().st_size > OCTETS_MAX:
            raise BadNetwork(f"it is larger than {OCTETS_MAX:,} octets")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        tree = etree.parse(str(path), parser)
    except OSError as error:
        raise BadNetwork(f"it cannot be read: {error.strerror or error}") from error
    except etree.XMLSyntaxError as error:
        wrong = BadNetwork(f"it is no XML: {error.msg}")
        wrong.line = error.lineno
        raise wrong from error
    if tree.docinfo.doctype:
        raise BadNetwork("a document type is refused")
    if tree.getroot().tag != f"{_RDF}RDF":
        raise BadNetwork("it is no RDF/XML")
    return Model([_thing(element) for element in tree.getroot() if isinstance(element.tag, str)])


def _thing(element: etree._Element) -> Thing:
    id_ = element.get(f"{_RDF}about") or element.get(f"{_RDF}ID") or ""
    thing = Thing(etree.QName(element).localname, _bare(id_), element.sourceline or 0)
    for part in element:
        if not isinstance(part.tag, str):
            continue
        name, target = etree.QName(part).localname, part.get(f"{_RDF}resource")
        if target is not None:
            thing.links[name] = _bare(target)
        else:
            thing.values[name] = (part.text or "").strip()
    return thing


def _bare(id_: str) -> str:
    return id_.removeprefix("#").removeprefix("urn:uuid:").removeprefix("_")
