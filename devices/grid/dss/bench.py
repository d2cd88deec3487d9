"""Where a script's objects are made and changed: New, Edit, ~, BatchEdit, Open, Close, Enable."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from devices.grid.dss.cables import CNData, TSData
from devices.grid.dss.conductors import WireData
from devices.grid.dss.controls import CapControl, RegControl
from devices.grid.dss.faults import Fault
from devices.grid.dss.generators import Generator
from devices.grid.dss.geometry import LineGeometry, LineSpacing
from devices.grid.dss.inverters import PVSystem, Storage
from devices.grid.dss.line_codes import LineCode
from devices.grid.dss.lines import Line
from devices.grid.dss.loads import Load
from devices.grid.dss.names import CONTROLS, HARMLESS, PROPERTIES, class_of, property_of
from devices.grid.dss.objects import Defaults, DssObject
from devices.grid.dss.shapes import DEFAULT_SHAPE, LoadShape, XYCurve
from devices.grid.dss.shunts import Capacitor, Reactor
from devices.grid.dss.sources import Vsource
from devices.grid.dss.transformers import Transformer, XfmrCode
from devices.grid.dss.values import Word
from devices.grid.errors import BadNetwork

CLASSES: dict[str, type[DssObject]] = {
    each.kind: each
    for each in (
        Vsource, Line, LineCode, LineGeometry, LineSpacing, WireData, CNData, TSData, Transformer,
        XfmrCode, RegControl, CapControl, Load, Generator, PVSystem, Storage, Capacitor, Reactor,
        Fault, LoadShape, XYCurve,
    )
}  # fmt: skip

BEFORE_A_CIRCUIT = ("loadshape", "xycurve")
"""What belongs to no circuit in OpenDSS, and may be told before there is one."""


@dataclass(slots=True)
class Bench:
    """The objects of a script, and the one that is being changed."""

    note: Callable[[str], None]
    name: str = ""
    objects: dict[tuple[str, str], DssObject] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    where: str = ""
    active: DssObject | None = None
    changing: DssObject | None = None
    skipping: bool = False
    _last: str = ""  # property, for values without a name

    def __post_init__(self) -> None:
        shape = LoadShape("default", "", self.defaults)
        shape.values, shape.interval_h = list(DEFAULT_SHAPE), 1.0
        self.objects["loadshape", "default"] = shape

    def new(self, rest: list[Word]) -> None:
        """Raises BadNetwork."""
        self.active = None
        if not rest:
            raise BadNetwork("new what?")
        kind, name = split(rest[0].text)
        if kind == "circuit":
            self._new_circuit(name)
            self.change(rest[1:])
            return
        kind = class_of(kind)
        if kind in HARMLESS or kind in CONTROLS:
            self._skip(kind, name, rest[1:])
            return
        if not self.name and kind not in BEFORE_A_CIRCUIT:
            raise BadNetwork(f"{kind}.{name} comes before any circuit")
        if (kind, name) in self.objects:
            self.note(f"{kind}.{name} is defined a second time; its properties are changed")
            self.active = self.objects[kind, name]
        else:
            self.active = CLASSES[kind](name, self.where, self.defaults)
            self.objects[kind, name] = self.active
        self._last = ""
        self.change(rest[1:])

    def _new_circuit(self, name: str) -> None:
        if self.name:
            raise BadNetwork("a second circuit; clear the first")
        self.name = name
        self.active = Vsource("source", self.where, self.defaults)
        self.objects["vsource", "source"] = self.active
        self._last = ""

    def _skip(self, kind: str, name: str, rest: list[Word]) -> None:
        self.active, self.skipping = None, True
        if kind in CONTROLS:
            self.note(f"{kind}.{name} is not modelled: what it controls stays as written")
        switching = kind in ("relay", "recloser", "fuse", "swtcontrol")
        for word in rest:
            if switching and word.name in ("action", "state", "normal", "a", "s"):
                if "o" in word.text.lower().replace("close", "")[:2]:
                    raise BadNetwork(f"{kind}.{name} opens a switch, which is not modelled")
        if kind not in CONTROLS:
            self.note(f"{kind}.{name} changes nothing here and is skipped")

    def edit(self, rest: list[Word]) -> None:
        """Raises BadNetwork."""
        if not rest:
            raise BadNetwork("edit what?")
        self.choose(rest[0].text)
        if not self.skipping:
            self.change(rest[1:])

    def choose(self, text: str) -> None:
        """Make an element the active one.  Raises BadNetwork."""
        kind, name = split(text)
        if kind == "circuit":
            kind, name = "vsource", "source"
        self.active = None
        kind = class_of(kind)
        if kind in HARMLESS or kind in CONTROLS:
            self.skipping = True
            return
        found = self.objects.get((kind, name))
        if found is None:
            raise BadNetwork(f"there is no {kind} {name!r}")
        self.active, self._last = found, ""

    def set_by_path(self, first: Word, rest: list[Word]) -> None:
        """`Load.s860.vminpu=.85`, with more properties after it.  Raises BadNetwork."""
        path, _, name = first.name.rpartition(".")
        if "." not in path:
            if self.active is None:
                raise BadNetwork(f"{first.name}= belongs to no element")
            self.change([first, *rest])
            return
        self.skipping = False
        self.choose(path)
        if not self.skipping:
            self.change([Word(name, first.text, first.quoted), *rest])

    def change(self, told: list[Word]) -> None:
        """Properties of the active element.  Raises BadNetwork."""
        active = self.active
        if active is None:
            if told:
                raise BadNetwork("there is no element that this could belong to")
            return
        names, self.changing = PROPERTIES[active.kind], active
        for word in told:
            if word.name:
                name = property_of(active.kind, word.name)
            else:
                at = names.index(self._last) + 1 if self._last else 0
                if at >= len(names):
                    raise BadNetwork(f"{word.text!r} is one value too many")
                name = names[at]
            self._last = name
            active.assign(name, Word(name, word.text, word.quoted), self.objects)
        active.finish()
        self.changing = None

    def enable(self, rest: list[Word], on: bool) -> None:
        """Raises BadNetwork."""
        for word in rest[:1]:
            self.choose(word.text)
            if self.active is not None:
                self.active.enabled = on

    def batch_edit(self, rest: list[Word]) -> None:
        """All elements of a class whose names a pattern finds.  Raises BadNetwork."""
        if not rest:
            raise BadNetwork("batchedit what?")
        kind, pattern = split(rest[0].text)
        kind = class_of(kind)
        try:
            wanted = re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            raise BadNetwork(f"{pattern!r} is no regular expression: {error}") from error
        for (its_kind, name), found in self.objects.items():
            if its_kind == kind and wanted.search(name):
                self.active, self._last = found, ""
                self.change(rest[1:])

    def open(self, rest: list[Word], is_open: bool) -> None:
        """Open or close conductors of a line at one of its terminals.  Raises BadNetwork."""
        told = dict(zip(("object", "term", "cond"), rest, strict=False))
        told.update({word.name: word for word in rest if word.name})
        if "object" not in told:
            raise BadNetwork("open or close what?")
        self.choose(told["object"].text)
        if not isinstance(self.active, Line):
            raise BadNetwork("only lines are opened and closed here")
        terminal = told["term"].count(1, 2) if "term" in told else 1
        conductor = told["cond"].count(0, 50) if "cond" in told else 0
        which = range(self.active.conductors) if conductor == 0 else [conductor - 1]
        for at in which:
            place = (terminal - 1, at)
            (self.active.open_conductors.add if is_open else self.active.open_conductors.discard)(
                place
            )


def split(text: str) -> tuple[str, str]:
    """Class and name, in lower case.  Raises BadNetwork."""
    kind, _, name = text.lower().partition(".")
    if not name:
        raise BadNetwork(f"{text!r} names no class and element, like line.650632")
    return kind, name
