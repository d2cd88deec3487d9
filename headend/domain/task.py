"""Scheduled tasks: what is to be done, when, and what came of each time that it was."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import msgspec

Told = dict[str, int | float | str]
"""What came of a run: words and their values, units in the words' ends (`took_s`)."""


class Every(enum.StrEnum):
    """How often a task is run."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    INTERVAL = "interval"


class Weekday(enum.StrEnum):
    """A day of the week, Monday first as ISO 8601 has it."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class CatchUp(enum.StrEnum):
    """What becomes of runs that fell due while nobody ran them."""

    EACH = "each"  # one after the other: each has a day of its own to load
    LAST = "last"  # the newest stands for all
    NONE = "none"  # they are passed over


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a task falls due, by the clocks of the utility's zone.

    `at` is the time of day, on the day `on` (once), on each (daily), or on those of `weekdays`
    (weekly); an interval is counted from `start` in real seconds, whatever clocks do.  Nothing
    falls due before `start` or after `end`.
    """

    every: Every
    at: time = time(0)
    on: date | None = None
    weekdays: tuple[Weekday, ...] = ()
    interval_s: int | None = None
    start: datetime | None = None
    end: datetime | None = None


class RunState(enum.StrEnum):
    """How far a run has come."""

    WAITING = "waiting"  # for its turn, or for another try
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


OPEN = frozenset({RunState.WAITING, RunState.RUNNING})


@dataclass(frozen=True, slots=True)
class Task:
    """A task as somebody made it.

    One that is not `active` falls due no more, and what it misses is not made up for.  While it is
    `paused` nothing of it begins and what is under way stops; what it misses is made up for
    afterwards.  `lease_owner` is the worker that runs it until `lease_until`: one run at a time.
    One that was deleted stays, as its runs name it.
    """

    name: str
    kind: str
    parameters: dict[str, Any]
    schedule: Schedule
    catch_up: CatchUp
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str
    active: bool = True
    paused: bool = False
    due_at: datetime | None = None  # the next time; None where there is none
    deleted_at: datetime | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One time that a task falls due, or is asked for.

    `due_at` is the time that it is run for, however late that is: what a day's run loads follows
    from it.  `key` names a turn of the schedule, which comes once; `missed` counts earlier turns
    that this one stands for.
    """

    number: int
    task: str
    kind: str
    due_at: datetime
    asked_by: str  # "schedule", an account, or os:USER
    asked_at: datetime
    ready_at: datetime  # not before
    key: str | None = None
    state: RunState = RunState.WAITING
    missed: int = 0
    tries: int = 0
    worker: str | None = None  # who tried last
    began_at: datetime | None = None  # the last try
    ended_at: datetime | None = None
    step: str = ""
    steps_done: int = 0
    steps_all: int = 0
    told: Told | None = None
    code: str | None = None  # of what went wrong, the last time
    trouble: str | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to be run."""
        return self.state in OPEN

    @property
    def waits(self) -> bool:
        """Whether it has not been begun, or is to be begun anew."""
        return self.state is RunState.WAITING

    @property
    def took_s(self) -> float | None:
        """How long its last try took; None while that goes on, and before the first."""
        if self.began_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line of a run's log."""

    run: int
    at: datetime
    text: str
    number: int = field(default=0, compare=False)  # given by the store


def key_of(task: str, due_at: datetime) -> str:
    """What names a turn of a task's schedule."""
    return f"{task}/{due_at:%Y%m%dT%H%M%SZ}"
