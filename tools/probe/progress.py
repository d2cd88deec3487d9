"""A bar for long reads: how far, how many blocks and octets, how much longer.  On stderr alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Rendered

from headend.app.probe import Progress
from tools.terminal import err


@dataclass(slots=True)
class Bar:
    """Told of steps done and of what travels; `shown` hears both, added up."""

    shown: Callable[[int, int, Progress], None]
    _done: int = 0
    _total: int = 0
    _before: Progress = Progress(0, 0)
    _now: Progress = Progress(0, 0)

    def step(self, done: int, total: int) -> None:
        """So many of so many."""
        self._done, self._total = done, total
        self.shown(done, total, self.all)

    def travelled(self, far: Progress) -> None:
        """What one request has brought so far; the next one counts on from there."""
        if far.apdus <= self._now.apdus:
            self._before = self.all
        self._now = far
        self.shown(self._done, self._total, self.all)

    @property
    def all(self) -> Progress:
        """Everything that has travelled."""
        before, now = self._before, self._now
        return Progress(before.apdus + now.apdus, before.octets + now.octets)


@contextmanager
def bar(what: str, *, silent: bool = False) -> Iterator[Bar]:
    """A bar that goes when it is done; nothing is shown in a pipe."""
    with Rendered(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[travel]}", style="dim"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=silent or not err.is_terminal,
    ) as rendered:
        task = rendered.add_task(what, total=None, travel="")

        def show(done: int, total: int, far: Progress) -> None:
            travel = f"{far.apdus} blocks, {far.octets:,} octets"
            rendered.update(task, completed=done, total=total or None, travel=travel)

        yield Bar(show)
