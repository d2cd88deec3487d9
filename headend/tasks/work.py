"""What a task's work is given, and how it ends where it cannot be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from headend.config.analysis import AnalysisPolicy
from headend.ports import Clock, Store
from headend.ports.adapters import Adapters


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be done: a code for programs, a sentence, and whether another try may help."""

    code: str
    text: str
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """One turn of a task.

    `due_at` is the time that it is done for, which the clock may have left long behind; `log` adds
    a line to the run's log; `step` tells how far it is (what, how many of how many), and ends the
    work where it is paused or no longer this worker's.
    """

    due_at: datetime
    zone: ZoneInfo
    clock: Clock
    store: Store
    adapters: Adapters
    analysis: AnalysisPolicy
    log: Callable[[str], Awaitable[None]]
    step: Callable[[str, int, int], Awaitable[None]]

    @property
    def day(self) -> date:
        """The utility's day that it is done on."""
        return self.due_at.astimezone(self.zone).date()
