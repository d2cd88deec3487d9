"""The commands of OpenDSS scripts, file by file, and the objects that they make.

Reports and plots are skipped; what a command of those would have changed nothing in a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from devices.grid.dss.conductors import LineGeometry, WireData
from devices.grid.dss.files import lines, located
from devices.grid.dss.lines import Line, LineCode
from devices.grid.dss.loads import Generator, Load
from devices.grid.dss.names import CONTROLS, HARMLESS, PROPERTIES, class_of, property_of
from devices.grid.dss.objects import Defaults, DssObject
from devices.grid.dss.options import Options
from devices.grid.dss.shunts import Capacitor, Reactor
from devices.grid.dss.sources import Vsource
from devices.grid.dss.transformers import RegControl, Transformer, XfmrCode
from devices.grid.dss.values import Word, words
from devices.grid.errors import BadNetwork

REDIRECTS_MAX = 20

CLASSES: dict[str, type[DssObject]] = {
    each.kind: each
    for each in (
        Vsource, Line, LineCode, LineGeometry, WireData, Transformer, XfmrCode,
        RegControl, Load, Generator, Capacitor, Reactor,
    )
}  # fmt: skip

COMMANDS = (
    "new", "edit", "more", "m", "~", "select", "save", "show", "solve", "enable", "disable", "plot",
    "reset", "compile", "set", "dump", "open", "close", "redirect", "help", "quit", "exit", "?",
    "next", "panel", "sample", "clear", "clearall", "about", "calcvoltagebases", "setkvbase",
    "buildy", "get", "init", "export", "fileedit", "voltages", "currents", "powers", "losses",
    "summary", "buscoords", "makebuslist", "interpolate", "closedi", "visualize", "doscmd", "cd",
    "batchedit", "latlongcoords", "uuids", "guids", "setbusxy", "updatestorage", "cvrtloadshapes",
    "connect", "wait", "var", "alignfile", "zscrefresh", "reprocessbuses", "allocateloads",
    "estimate", "distribute", "reconductor", "remove", "formedit", "totals", "capacity",
)  # fmt: skip

SKIPPED = frozenset(
    "save show plot reset dump help quit exit ? next panel sample about buildy get init export"
    " fileedit voltages currents powers losses summary buscoords makebuslist interpolate closedi"
    " visualize doscmd latlongcoords uuids guids setbusxy updatestorage cvrtloadshapes connect"
    " wait alignfile zscrefresh reprocessbuses totals capacity formedit".split()
)


@dataclass(slots=True)
class Script:
    """The state of a run of commands."""

    notes: list[str] = field(default_factory=list)
    name: str = ""
    objects: dict[tuple[str, str], DssObject] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    defaults: Defaults = field(default_factory=Defaults)
    solve: Callable[[Script], None] = lambda script: None
    """Called at each `solve`: controls move taps there."""
    _active: DssObject | None = None
    _changing: DssObject | None = None
    _last: str = ""  # property, for values without a name
    _skipping: bool = False
    _where: str = ""
    _folder: Path = Path()
    _depth: int = 0

    def run(self, path: Path) -> None:
        """Run a file.  Raises BadNetwork, naming file and line."""
        if self._depth >= REDIRECTS_MAX:
            raise BadNetwork("files redirect to each other without end")
        before = self._folder, self._where
        found = located(self._folder, path)
        if found is None:
            raise BadNetwork(f"there is no file {path}")
        self._folder, self._depth = found.parent, self._depth + 1
        for number, line in lines(found):
            self._where, self._changing = f"{found.name}:{number}", None
            try:
                self.execute(line)
            except BadNetwork as error:
                raise self._placed(error) from error
        self._folder, self._where = before
        self._depth -= 1

    def _placed(self, error: BadNetwork) -> BadNetwork:
        """With its file and line, once."""
        text = str(error)
        if error.placed:
            return error
        changing = self._changing
        element = "" if changing is None else f"{changing.full_name}: "
        placed = BadNetwork(f"{self._where}: {element}{text}")
        placed.placed = True
        return placed

    def note(self, text: str) -> None:
        """Something was left out."""
        self.notes.append(f"{self._where}: {text}" if self._where else text)

    def execute(self, line: str) -> None:
        """One line.  Raises BadNetwork."""
        found = list(words(line))
        if not found:
            return
        first, rest = found[0], found[1:]
        if first.name:
            self._set_by_path(first, rest)
            return
        verb = _verb(first.text)
        if verb in ("~", "more", "m"):
            if not self._skipping:
                self._change(rest)
            return
        self._skipping = False
        if verb in SKIPPED:
            if verb not in (
                "show",
                "plot",
                "export",
                "buscoords",
                "reset",
                "help",
                "?",
                "fileedit",
            ):
                self.note(f"{verb} is skipped")
            return
        getattr(self, f"_do_{verb}", self._unknown)(rest)

    def _unknown(self, rest: list[Word]) -> None:
        raise BadNetwork("this command is not carried out here")

    # Objects.

    def _do_new(self, rest: list[Word]) -> None:
        self._active = None
        if not rest:
            raise BadNetwork("new what?")
        kind, name = _split(rest[0].text)
        if kind == "circuit":
            self._new_circuit(name)
            self._change(rest[1:])
            return
        kind = class_of(kind)
        if kind in HARMLESS or kind in CONTROLS or kind == "loadshape":
            self._skip(kind, name, rest[1:])
            return
        if not self.name:
            raise BadNetwork(f"{kind}.{name} comes before any circuit")
        if (kind, name) in self.objects:
            self.note(f"{kind}.{name} is defined a second time; its properties are changed")
            self._active = self.objects[kind, name]
        else:
            self._active = CLASSES[kind](name, self._where, self.defaults)
            self.objects[kind, name] = self._active
        self._last = ""
        self._change(rest[1:])

    def _new_circuit(self, name: str) -> None:
        if self.name:
            raise BadNetwork("a second circuit; clear the first")
        self.name = name
        self._active = Vsource("source", self._where, self.defaults)
        self.objects["vsource", "source"] = self._active
        self._last = ""

    def _skip(self, kind: str, name: str, rest: list[Word]) -> None:
        self._active, self._skipping = None, True
        if kind in CONTROLS:
            self.note(f"{kind}.{name} is not modelled: what it controls stays as written")
        switching = kind in ("relay", "recloser", "fuse", "swtcontrol")
        for word in rest:
            if switching and word.name in ("action", "state", "normal", "a", "s"):
                if "o" in word.text.lower().replace("close", "")[:2]:
                    raise BadNetwork(f"{kind}.{name} opens a switch, which is not modelled")
        if kind not in CONTROLS and kind != "loadshape":
            self.note(f"{kind}.{name} changes nothing here and is skipped")

    def _do_edit(self, rest: list[Word]) -> None:
        if not rest:
            raise BadNetwork("edit what?")
        self._choose(rest[0].text)
        if not self._skipping:
            self._change(rest[1:])

    def _do_select(self, rest: list[Word]) -> None:
        self._do_edit(rest[:1])

    def _choose(self, text: str) -> None:
        kind, name = _split(text)
        if kind == "circuit":
            kind, name = "vsource", "source"
        self._active = None
        kind = class_of(kind)
        if kind in HARMLESS or kind in CONTROLS or kind == "loadshape":
            self._skipping = True
            return
        found = self.objects.get((kind, name))
        if found is None:
            raise BadNetwork(f"there is no {kind} {name!r}")
        self._active, self._last = found, ""

    def _set_by_path(self, first: Word, rest: list[Word]) -> None:
        """`Load.s860.vminpu=.85`, with more properties after it."""
        path, _, name = first.name.rpartition(".")
        if "." not in path:
            if self._active is None:
                raise BadNetwork(f"{first.name}= belongs to no element")
            self._change([first, *rest])
            return
        self._skipping = False
        self._choose(path)
        if not self._skipping:
            self._change([Word(name, first.text, first.quoted), *rest])

    def _change(self, told: list[Word]) -> None:
        active = self._active
        if active is None:
            if told:
                raise BadNetwork("there is no element that this could belong to")
            return
        names, self._changing = PROPERTIES[active.kind], active
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
        self._changing = None

    def _do_enable(self, rest: list[Word]) -> None:
        self._switch_element(rest, True)

    def _do_disable(self, rest: list[Word]) -> None:
        self._switch_element(rest, False)

    def _switch_element(self, rest: list[Word], on: bool) -> None:
        for word in rest[:1]:
            self._choose(word.text)
            if self._active is not None:
                self._active.enabled = on

    def _do_batchedit(self, rest: list[Word]) -> None:
        import re

        if not rest:
            raise BadNetwork("batchedit what?")
        kind, pattern = _split(rest[0].text)
        kind = class_of(kind)
        try:
            wanted = re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            raise BadNetwork(f"{pattern!r} is no regular expression: {error}") from error
        for (its_kind, name), found in self.objects.items():
            if its_kind == kind and wanted.search(name):
                self._active, self._last = found, ""
                self._change(rest[1:])

    def _do_open(self, rest: list[Word]) -> None:
        self._open(rest, True)

    def _do_close(self, rest: list[Word]) -> None:
        self._open(rest, False)

    def _open(self, rest: list[Word], is_open: bool) -> None:
        """Conductors of a line at one of its terminals."""
        told = dict(zip(("object", "term", "cond"), rest, strict=False))
        told.update({word.name: word for word in rest if word.name})
        if "object" not in told:
            raise BadNetwork("open or close what?")
        self._choose(told["object"].text)
        if not isinstance(self._active, Line):
            raise BadNetwork("only lines are opened and closed here")
        terminal = told["term"].count(1, 2) if "term" in told else 1
        conductor = told["cond"].count(0, 50) if "cond" in told else 0
        which = range(self._active.conductors) if conductor == 0 else [conductor - 1]
        for at in which:
            place = (terminal - 1, at)
            (self._active.open_conductors.add if is_open else self._active.open_conductors.discard)(
                place
            )

    # The run.

    def _do_clear(self, rest: list[Word]) -> None:
        self.objects, self.name, self._active = {}, "", None
        self.options, self.defaults = Options(), Defaults()
        self.notes = []

    _do_clearall = _do_clear

    def _do_redirect(self, rest: list[Word]) -> None:
        if not rest:
            raise BadNetwork("redirect to which file?")
        self.run(Path(rest[0].text.replace("\\", "/")))

    def _do_compile(self, rest: list[Word]) -> None:
        if not rest:
            raise BadNetwork("compile which file?")
        path = Path(rest[0].text.replace("\\", "/"))
        found = located(self._folder, path)
        self.run(path)
        if found is not None:
            self._folder = found.parent

    def _do_cd(self, rest: list[Word]) -> None:
        for word in rest[:1]:
            self._folder = self._folder / word.text.replace("\\", "/")

    def _do_solve(self, rest: list[Word]) -> None:
        self._do_set(rest)
        self._active = None
        self.solve(self)

    def _do_calcvoltagebases(self, rest: list[Word]) -> None:
        self.options.bases_wanted = True

    def _do_setkvbase(self, rest: list[Word]) -> None:
        told = dict(zip(("bus", "kvll", "kvln"), rest, strict=False))
        told.update({word.name: word for word in rest if word.name})
        if "bus" not in told:
            raise BadNetwork("SetkVBase takes bus= and kVLL= or kVLN=")
        bus = told["bus"].text.lower()
        if "kvln" in told:
            self.options.bus_bases[bus] = told["kvln"].number()
        elif "kvll" in told:
            self.options.bus_bases[bus] = told["kvll"].number() / 3**0.5

    def _do_var(self, rest: list[Word]) -> None:
        raise BadNetwork("variables of scripts are not understood here")

    def _do_set(self, rest: list[Word]) -> None:
        for word in rest:
            if (note := self.options.take(word, self.defaults)) is not None:
                self.note(note)


def _verb(text: str) -> str:
    lower = text.lower()
    if lower in COMMANDS:
        return lower
    for command in COMMANDS:
        if len(lower) > 1 and command.startswith(lower):
            return command
    raise BadNetwork(f"{text!r} is no command")


def _split(text: str) -> tuple[str, str]:
    """Class and name, in lower case."""
    kind, _, name = text.lower().partition(".")
    if not name:
        raise BadNetwork(f"{text!r} names no class and element, like line.650632")
    return kind, name
