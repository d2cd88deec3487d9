"""What the screen shows of live values: phasors, the table of phases, the power of late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from protocols.dlms.obis import Language
from tools.probe.screen import phasors
from tools.probe.screen.live import Phase, Snapshot
from tools.probe.screen.themes import CELLAR, DIM, PHASES
from tools.probe.screen.words import said
from tools.probe.values import shown_number

LOW, FRAMED = 3, 6  # rows: the least for a curve of power, and for one with a frame
KEPT = 240  # looks that the curve of power remembers


class Phasors(Static):
    """The diagram, drawn anew for every size and snapshot."""

    snapshot: Snapshot | None = None

    def __init__(self, waiting: str, **more: Any) -> None:
        super().__init__(**more)
        self._instead = waiting

    def instead(self, text: str) -> None:
        """What stands here as long as there are no values."""
        self._instead = text
        self.draw()

    def show(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """As large as there is room."""
        colours, dim = _colours(self.app.theme)
        size = self.content_size
        if self.snapshot is None or size.height < 5:
            self.update(Text(self._instead, style=dim))
            return
        columns = min(size.width, size.height * 2 + 8)
        drawn = phasors.drawn(self.snapshot.phases, columns, size.height, colours, dim)
        self.update(drawn)


class Values(Static):
    """Volts, amperes, watts: a column for each phase, a line for each quantity."""

    def __init__(self, language: Language, **more: Any) -> None:
        super().__init__(**more)
        self._language: Language = language

    def show(self, snapshot: Snapshot) -> None:
        colours, dim = _colours(self.app.theme)
        self.update(table_of(snapshot, colours, dim, self._language))


class Power(Static):
    """The power of the last looks, as a curve."""

    def __init__(self, language: Language, **more: Any) -> None:
        super().__init__(**more)
        self._language: Language = language
        self._powers: deque[tuple[datetime, float]] = deque(maxlen=KEPT)

    def show(self, snapshot: Snapshot) -> None:
        """A look that was shown before, in another dress, counts once."""
        if not self._powers or self._powers[-1][0] != snapshot.at:
            self._powers.append((snapshot.at, snapshot.power_w))
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """As large as there is room."""
        size = self.content_size
        if len(self._powers) > 1 and size.height >= LOW:
            colour = _colours(self.app.theme)[0][1]
            now = self._powers[-1][0]
            ago = [(at - now).total_seconds() for at, _ in self._powers]
            watts = [power for _, power in self._powers]
            language = self._language
            ends = (said(language, "seconds-ago", ago=-ago[0]), said(language, "now"))
            self.update(curve(ago, watts, (size.width, size.height), colour, ends))


class Live(Horizontal):
    """The first page."""

    def __init__(self, language: Language, **more: Any) -> None:
        super().__init__(**more)
        self._language: Language = language

    def compose(self) -> ComposeResult:
        yield Phasors(said(self._language, "waiting"), id="phasors")
        with Vertical(id="numbers"):
            yield Values(self._language, id="values")
            yield Power(self._language, id="power")

    def wait(self, *, connected: bool) -> None:
        """There are no values, yet or at all."""
        text = said(self._language, "waiting" if connected else "no-values")
        self.query_one(Phasors).instead(text)

    def show(self, snapshot: Snapshot) -> None:
        """One more look."""
        self.query_one(Phasors).show(snapshot)
        self.query_one(Values).show(snapshot)
        self.query_one(Power).show(snapshot)


def _colours(theme: str) -> tuple[Sequence[str], str]:
    return PHASES.get(theme, PHASES[CELLAR.name]), DIM.get(theme, DIM[CELLAR.name])


ROWS: tuple[tuple[str, int, Callable[[Phase], float | None]], ...] = (
    ("U V", 1, lambda phase: phase.voltage_v),
    ("I A", 2, lambda phase: phase.current_a),
    ("P W", 0, lambda phase: phase.power_w),
    ("Q var", 0, lambda phase: phase.reactive_var),
    ("φ °", 0, lambda phase: phase.shift_deg),
    ("cos φ", 3, lambda phase: phase.power_factor),
)
MAIN = 3  # rows that are read first, and written bold


def table_of(snapshot: Snapshot, colours: Sequence[str], dim: str, language: Language) -> Group:
    """The numbers of one look."""
    phases = Table(box=None, padding=(0, 1, 0, 0), expand=True, show_edge=False)
    phases.add_column("", style=dim, width=6)
    for number, colour in zip(range(1, len(snapshot.phases) + 1), colours, strict=False):
        phases.add_column(Text(f"L{number}", style=f"bold {colour}"), justify="right", ratio=1)
    for at, (name, digits, of) in enumerate(ROWS):
        cells = [_number(of(phase), digits) for phase in snapshot.phases]
        phases.add_row(name, *(Text(cell, "bold" if at < MAIN else "") for cell in cells))
    totals = Table(box=None, padding=(0, 1, 0, 0), expand=True, show_header=False, show_edge=False)
    totals.add_column(style=dim)
    totals.add_column(justify="right")
    totals.add_column(width=4)
    for code, total, unit in snapshot.totals:
        totals.add_row(said(language, code), shown_number(total), unit)
    if snapshot.angles_assumed:
        totals.add_row(Text(said(language, "assumed"), "italic"))
    return Group(phases, "", totals)


def curve(
    ago: Sequence[float],
    numbers: Sequence[float],
    size: tuple[int, int],
    colour: str,
    ends: tuple[str, str],
) -> Text:
    """Watts over how many seconds ago they were; `ends` names the first and the last moment."""
    import plotext

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(*size)
    plotext.theme("clear")
    if size[1] < FRAMED:
        plotext.frame(False)
    plotext.plot(list(ago), list(numbers), marker="braille", color="blue+")
    low, high = min(numbers), max(numbers)
    margin = max((high - low) * 0.1, abs(high) * 0.02, 1.0)
    plotext.ylim(low - margin, high + margin)
    marks = [low, high] if high - low >= 1 else [high]
    plotext.yticks(marks, [f"{mark:.0f} W" for mark in marks])
    plotext.xticks([ago[0], 0], list(ends))
    drawn = Text.from_ansi(plotext.build())
    drawn.highlight_regex(r"[\u2801-\u28ff]+", colour)
    return drawn


def _number(number: float | None, digits: int) -> str:
    if number is None:
        return "–"
    text = f"{number + 0.0:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.removeprefix("-") if not float(f"{number:.{digits}f}") else text
