"""A bar for long reads: how far, how many blocks and octets, how much longer.  On stderr alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Rendered

from headend.probe_app import Progress
from tools.terminal import err


@dataclass(slots=True)
class Bar:
    """Told of steps done, and of what travels."""

    _rendered: Rendered
    _task: TaskID
    _before: Progress = field(default=Progress(0, 0))
    _now: Progress = field(default=Progress(0, 0))

    def step(self, done: int, total: int) -> None:
        """So many of so many."""
        self._rendered.update(self._task, completed=done, total=total)

    def travelled(self, far: Progress) -> None:
        """What one request has brought so far; the next one counts on from there."""
        if far.apdus <= self._now.apdus:
            self._before = self.all
        self._now = far
        everything = self.all
        self._rendered.update(
            self._task, travel=f"{everything.apdus} blocks, {everything.octets:,} octets"
        )

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
        yield Bar(rendered, rendered.add_task(what, total=None, travel=""))
