"""The commands of OpenDSS scripts, file by file.

Reports and plots are skipped; what a command of those would have changed nothing in a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from devices.grid.dss.bench import Bench
from devices.grid.dss.commands import SILENT, SKIPPED, verb
from devices.grid.dss.files import lines, located
from devices.grid.dss.objects import Defaults, DssObject
from devices.grid.dss.options import Options
from devices.grid.dss.values import Word, words
from devices.grid.errors import BadNetwork

REDIRECTS_MAX = 20


@dataclass(slots=True)
class Script:
    """The state of a run of commands."""

    notes: list[str] = field(default_factory=list)
    options: Options = field(default_factory=Options)
    solve: Callable[[Script], None] = lambda script: None
    """Called at each `solve`: controls move there, and time passes."""
    unchanged: bool = False
    """Whether nothing was told since the last solve that could change its result."""
    bench: Bench = field(init=False)
    _where: str = ""
    _folder: Path = Path()
    _depth: int = 0

    def __post_init__(self) -> None:
        self.bench = Bench(self.note)

    @property
    def name(self) -> str:
        """The circuit's."""
        return self.bench.name

    @property
    def objects(self) -> dict[tuple[str, str], DssObject]:
        """By class and name."""
        return self.bench.objects

    @property
    def defaults(self) -> Defaults:
        """What new objects begin with."""
        return self.bench.defaults

    def run(self, path: Path) -> None:
        """Run a file.  Raises BadNetwork, naming file and line."""
        if self._depth >= REDIRECTS_MAX:
            raise BadNetwork("files redirect to each other without end")
        before = self._folder, self._where
        found = located(self._folder, path)
        if found is None:
            raise BadNetwork(f"there is no file {path}")
        self._enter(found.parent)
        self._depth += 1
        for number, line in lines(found):
            self._where, self.bench.changing = f"{found.name}:{number}", None
            self.bench.where = self._where
            try:
                self.execute(line)
            except BadNetwork as error:
                raise self._placed(error) from error
        folder, self._where = before
        self._enter(folder)
        self._depth -= 1

    def _enter(self, folder: Path) -> None:
        self._folder = self.defaults.folder = folder

    def _placed(self, error: BadNetwork) -> BadNetwork:
        """With its file and line, once."""
        changing = self.bench.changing
        return BadNetwork.at(self._where, "" if changing is None else changing.full_name, error)

    def note(self, text: str) -> None:
        """Something was left out."""
        self.notes.append(f"{self._where}: {text}" if self._where else text)

    def execute(self, line: str) -> None:
        """One line.  Raises BadNetwork."""
        found = list(words(line))
        if not found:
            return
        bench = self.bench
        first, rest = found[0], found[1:]
        if first.name:
            self.unchanged = False
            bench.set_by_path(first, rest)
            return
        command = verb(first.text)
        if command in SKIPPED:
            bench.skipping = False
            if command not in SILENT:
                self.note(f"{command} is skipped")
            return
        self.unchanged = False
        if command in ("~", "more", "m"):
            if not bench.skipping:
                bench.change(rest)
            return
        bench.skipping = False
        self._carry_out(command, rest)

    def _carry_out(self, command: str, rest: list[Word]) -> None:
        bench = self.bench
        match command:
            case "new":
                bench.new(rest)
            case "edit":
                bench.edit(rest)
            case "select":
                bench.edit(rest[:1])
            case "enable" | "disable":
                bench.enable(rest, command == "enable")
            case "batchedit":
                bench.batch_edit(rest)
            case "open" | "close":
                bench.open(rest, command == "open")
            case "clear" | "clearall":
                self._clear()
            case "redirect" | "compile":
                self._redirect(command, rest)
            case "cd":
                for word in rest[:1]:
                    self._enter(self._folder / word.text.replace("\\", "/"))
            case "set":
                self._set(rest)
            case "solve":
                self._set(rest)
                bench.active = None
                self.solve(self)
                self.unchanged = True
            case "calcvoltagebases":
                self.options.bases_wanted = True
            case "setkvbase":
                self._set_base(rest)
            case "var":
                raise BadNetwork("variables of scripts are not understood here")
            case _:
                raise BadNetwork("this command is not carried out here")

    def _clear(self) -> None:
        self.bench = Bench(self.note, where=self._where)
        self._enter(self._folder)
        self.options = Options()
        self.notes = []

    def _redirect(self, command: str, rest: list[Word]) -> None:
        if not rest:
            raise BadNetwork(f"{command} which file?")
        path = Path(rest[0].text.replace("\\", "/"))
        found = located(self._folder, path)
        self.run(path)
        if command == "compile" and found is not None:
            self._enter(found.parent)

    def _set_base(self, rest: list[Word]) -> None:
        told = dict(zip(("bus", "kvll", "kvln"), rest, strict=False))
        told.update({word.name: word for word in rest if word.name})
        if "bus" not in told:
            raise BadNetwork("SetkVBase takes bus= and kVLL= or kVLN=")
        bus = told["bus"].text.lower()
        if "kvln" in told:
            self.options.bus_bases[bus] = told["kvln"].number()
        elif "kvll" in told:
            self.options.bus_bases[bus] = told["kvll"].number() / 3**0.5

    def _set(self, rest: list[Word]) -> None:
        for word in rest:
            if (note := self.options.take(word, self.defaults)) is not None:
                self.note(note)
