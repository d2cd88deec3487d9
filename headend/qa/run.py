"""One thing that was asked of the QA console, and what became of it."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec


class Kind(enum.StrEnum):
    """What is done with a story."""

    RUN = "run"
    SWEEP = "sweep"
    REPLAY = "replay"


class State(enum.StrEnum):
    """How far it is.  FAILED: it was played, and something was otherwise than expected; BROKEN: it
    could not be played to its end; CUT_OFF: the head-end ended first."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    CANCELLED = "cancelled"
    CUT_OFF = "cut-off"

    @property
    def ended(self) -> bool:
        return self not in (State.WAITING, State.RUNNING)


RESULT: Final = "result.json"
LOG: Final = "log.jsonl"
REPORT: Final = "report.html"
STORY: Final = "story.toml"
KEPT: Final = "kept"
DATABASE: Final = f"{KEPT}/ami.db"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: a `scenario` under its seed, or under those of `seeds` ("1-20"); or run `of`
    played again with other `settings` ("retries=2")."""

    kind: Kind
    scenario: str
    seed: int | None = None
    seeds: str | None = None
    of: int | None = None
    settings: tuple[str, ...] = ()

    @property
    def again(self) -> str | None:
        """The command that repeats it anywhere; None for a replay, whose database is in the
        folder."""
        return None if self.of is not None else shlex.join(("ami", *self._begin()))

    def arguments(self, shelf: str) -> Sequence[str]:
        """Of the command line, in a folder of its own beside those of other runs."""
        told = ["--report", REPORT, "--progress", "--json"]
        match self.kind:
            case Kind.RUN:
                return [*self._begin(), "--log", LOG, "--keep", KEPT, *told]
            case Kind.SWEEP:
                return [*self._begin(), "--jobs", "1", "--progress", "--json"]
        sets = [part for each in self.settings for part in ("--set", each)]
        return ["sim", "replay", f"{shelf}/{DATABASE}", *sets, "--output", STORY, *told]

    def _begin(self) -> tuple[str, ...]:
        match self.kind:
            case Kind.RUN:
                seed = () if self.seed is None else ("--seed", str(self.seed))
                return ("sim", "run", self.scenario, *seed)
        return ("sim", "sweep", self.scenario, "--seeds", self.seeds or "")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A wish on its way.  `words`: the last that the process said on its error output."""

    number: int
    wish: Wish
    by: str
    asked_at: datetime
    state: State = State.WAITING
    began_at: datetime | None = None
    ended_at: datetime | None = None
    code: int | None = None
    words: tuple[str, ...] = ()

    @property
    def took_s(self) -> float | None:
        if self.began_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.began_at).total_seconds()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a process says it is: the share that is over, the story's time, or seeds."""

    share: float | None = None
    at: datetime | None = None
    stage: str | None = None
    done: int | None = None
    of: int | None = None
    failed: int | None = None
    seed: int | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What a story has go wrong, in seconds from its start on."""

    kind: str
    target: str
    at_s: float
    until_s: float | None


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """A story of the library, as `ami sim list --json` tells it."""

    name: str
    about: str
    seed: int
    start: datetime
    duration_s: float
    meters: int
    concentrators: int
    orders: int
    faults: tuple[Fault, ...]
    expect: dict[str, str]
