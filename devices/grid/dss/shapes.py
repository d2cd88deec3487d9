"""LoadShape and XYCurve, and the moment at which a circuit is solved.

A snapshot looks at no shape.  In the modes daily, yearly and dutycycle time moves by the step size
before each solution; a shape without hours of its own is looked up at the nearest of its points
and begins again after the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from devices.grid.dss.files import located
from devices.grid.dss.objects import Defaults, DssObject
from devices.grid.dss.values import Word, words
from devices.grid.errors import BadNetwork

DEFAULT_SHAPE = (
    0.677, 0.6256, 0.6087, 0.5833, 0.58028, 0.6025, 0.657, 0.7477, 0.832, 0.88, 0.94, 0.989, 0.985,
    0.98, 0.9898, 0.999, 1.0, 0.958, 0.936, 0.913, 0.876, 0.876, 0.828, 0.756,
)  # fmt: skip
"""OpenDSS's shape "default", hour by hour."""

GROWTH_A_YEAR = 1.025
"""OpenDSS's `%growth` unless told."""

Mode = Literal["snapshot", "daily", "yearly", "duty"]


@dataclass(frozen=True, slots=True)
class FromFile:
    """Numbers in a text file: one column of it."""

    path: Path
    name: str
    column: int = 1
    header: bool = False

    def numbers(self) -> list[float]:
        """Raises BadNetwork."""
        found = located(Path(), self.path)
        if found is None:
            raise BadNetwork(f"there is no file {self.name}")
        numbers = []
        lines = found.read_text(encoding="latin-1").splitlines()[1 if self.header else 0 :]
        for at, line in enumerate(lines, 1 + self.header):
            parts = line.replace(",", " ").split()
            if not parts:
                continue
            try:
                numbers.append(float(parts[self.column - 1]))
            except (ValueError, IndexError):
                raise BadNetwork(
                    f"{found.name}:{at}: no number in column {self.column}: {line[:40]!r}"
                ) from None
        return numbers


def _array(word: Word, defaults: Defaults) -> list[float] | FromFile:
    """An array's numbers, or the file that has them."""
    told = {each.name: each for each in words(word.text)}
    for name in ("file", "csvfile"):
        if name in told:
            column = told["col"].count(1, 1000) if "col" in told else 1
            header = "header" in told and told["header"].flag()
            return _file(told[name].text, defaults, column, header)
    if "sngfile" in told or "dblfile" in told:
        raise BadNetwork("numbers in binary files are not read here; give a text file")
    return word.vector()


def _file(text: str, defaults: Defaults, column: int = 1, header: bool = False) -> FromFile:
    path = Path(text.replace("\\", "/"))
    at = path if path.is_absolute() else defaults.folder / path
    return FromFile(at, text, column, header)


@dataclass(slots=True)
class LoadShape(DssObject):
    """Multipliers over time.  Files are read when a solution first asks."""

    points: int | None = None
    interval_h: float = 1.0
    values: list[float] | FromFile = field(default_factory=list)
    q_values: list[float] | FromFile | None = None
    hours: list[float] | FromFile | None = None
    is_actual: bool = False
    normalised: bool = False
    kind = "loadshape"

    def _numbers(self, name: str, word: Word) -> None:
        setattr(self, name, _array(word, self.defaults))

    def _csv(self, word: Word) -> None:
        self.values = _file(word.text, self.defaults)

    def _csv_of_both(self, word: Word) -> None:
        self.values = _file(word.text, self.defaults, 1)
        self.q_values = _file(word.text, self.defaults, 2)

    SETTERS = {
        "npts": lambda s, w: setattr(s, "points", int(w.number())),
        "interval": lambda s, w: setattr(s, "interval_h", w.number()),
        "minterval": lambda s, w: setattr(s, "interval_h", w.number() / 60),
        "sinterval": lambda s, w: setattr(s, "interval_h", w.number() / 3600),
        "mult": lambda s, w: s._numbers("values", w),
        "pmult": lambda s, w: s._numbers("values", w),
        "qmult": lambda s, w: s._numbers("q_values", w),
        "hour": lambda s, w: s._numbers("hours", w),
        "csvfile": _csv,
        "pqcsvfile": _csv_of_both,
        "useactual": lambda s, w: setattr(s, "is_actual", w.flag()),
        "action": lambda s, w: setattr(s, "normalised", w.text.lower().startswith("n")),
    }
    HARMLESS = frozenset("mean stddev pmax qmax memorymapping".split())
    NEEDED = frozenset("sngfile dblfile pbase qbase interpolation".split())

    def at(self, hour: float) -> complex:
        """Factors of watts and of vars.  Raises BadNetwork."""
        p, q = self._read("values"), self._read("q_values")
        if not p:
            raise BadNetwork(f"{self.full_name} ({self.where}) has no values")
        place = self._place(hour, len(p))
        if q:
            return complex(p[place], q[min(place, len(q) - 1)])
        return complex(p[place], 0.0 if self.is_actual else p[place])

    def _read(self, name: str) -> list[float]:
        found = getattr(self, name)
        if found is None:
            return []
        if isinstance(found, FromFile):
            try:
                found = found.numbers()
            except BadNetwork as error:
                raise BadNetwork.at(self.where, self.full_name, error) from error
            setattr(self, name, found)
        if self.points is not None and len(found) > self.points:
            found = found[: self.points]
            setattr(self, name, found)
        if self.normalised and name == "values" and found:
            most = max(map(abs, found))
            found = [each / most for each in found]
            self.values, self.normalised = found, False
        return list(found) if not isinstance(found, list) else found

    def _place(self, hour: float, count: int) -> int:
        if self.interval_h > 0:
            index = round(hour / self.interval_h)
            if index > count:
                index %= count
            return (index or count) - 1
        hours = self._read("hours")
        if len(hours) < count:
            raise BadNetwork(f"{self.full_name} ({self.where}): an interval of 0 needs hours")
        before = [at for at in range(count) if hours[at] <= hour]
        return before[-1] if before else 0


@dataclass(slots=True)
class XYCurve(DssObject):
    """A curve of straight lines between points."""

    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)
    kind = "xycurve"

    def _points(self, word: Word) -> None:
        flat = word.vector()
        self.xs, self.ys = flat[::2], flat[1::2]

    SETTERS = {
        "points": _points,
        "xarray": lambda s, w: setattr(s, "xs", w.vector()),
        "yarray": lambda s, w: setattr(s, "ys", w.vector()),
    }
    HARMLESS = frozenset("npts x y".split())
    NEEDED = frozenset("csvfile sngfile dblfile xshift yshift xscale yscale".split())

    def at(self, x: float) -> float:
        """Raises BadNetwork for a curve of fewer than two points."""
        if len(self.xs) < 2 or len(self.ys) < len(self.xs):
            raise BadNetwork(f"{self.full_name} ({self.where}) needs two points or more")
        place = next((at for at in range(1, len(self.xs)) if x <= self.xs[at]), len(self.xs) - 1)
        x0, x1, y0, y1 = self.xs[place - 1], self.xs[place], self.ys[place - 1], self.ys[place]
        return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a circuit is solved, and what all loads and machines are multiplied by then."""

    mode: Mode = "snapshot"
    hour: float = 0.0
    load_multiplier: float = 1.0
    generation_multiplier: float = 1.0
    year: int = 0

    @property
    def growth(self) -> float:
        """Of loads since the first year."""
        return GROWTH_A_YEAR ** (self.year - 1) if self.year > 0 else 1.0

    def shape(self, shapes: Mapping[str, Any]) -> LoadShape | None:
        """Which of an element's shapes holds: without one for the mode, the daily one."""
        if self.mode == "snapshot":
            return None
        found: LoadShape | None = shapes.get(self.mode) or shapes.get("daily")
        return found

    def factor(self, shapes: Mapping[str, Any]) -> complex:
        """Of watts and vars by an element's shapes.  Raises BadNetwork."""
        shape = self.shape(shapes)
        return complex(1, 1) if shape is None else shape.at(self.hour)


def shaped(kind: str) -> Any:
    """What sets one of an element's shapes: daily, yearly, duty."""

    def link(s: Any, word: Word, known: Mapping[tuple[str, str], DssObject]) -> None:
        if not word.text or word.text.lower() == "none":
            s.shapes.pop(kind, None)
            return
        found = known.get(("loadshape", word.text.lower()))
        if found is None:
            raise BadNetwork(f"there is no loadshape {word.text!r}, or not yet")
        s.shapes[kind] = found

    return link


SHAPES = {kind: shaped(kind) for kind in ("daily", "yearly", "duty")}
