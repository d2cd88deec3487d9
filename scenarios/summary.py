"""What is left of a run when its world is gone: few plain values, the same for people, for JSON and
for the way back from another process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headend.domain.order import State
from protocols.capture.recorder import Recorder
from scenarios.engine import run
from scenarios.expectations import expected, invariants
from scenarios.no_solution import explained
from scenarios.schema import Scenario
from scenarios.story import Story


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `always` for what must hold in every run of every seed."""

    name: str
    ok: bool
    value: Any
    expected: Any
    always: bool

    @property
    def found(self) -> str:
        """What was found where something else was wanted, in one line."""
        if self.always:
            return "; ".join(map(str, self.value))
        return f"{plain(self.value)}, not {plain(self.expected)}"


@dataclass(frozen=True, slots=True)
class Orders:
    """How the orders of a run ended.  `failed` counts by reason what is final and not done."""

    total: int
    done: int
    failed: dict[str, int]
    open: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One run."""

    scenario: str
    seed: int
    log_sha256: str
    orders: Orders
    expect: tuple[Finding, ...]
    simulated_s: float
    wall_s: float

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.expect if not finding.ok)


def plain(value: Any) -> str:
    """A value that was found or wanted, as a person reads it."""
    match value:
        case dict():
            return ", ".join(f"{key}: {plain(item)}" for key, item in value.items()) or "none"
        case list() | tuple():
            return ", ".join(map(plain, value)) or "none"
        case float():
            return f"{value:g}"
    return str(value)


def summarise(name: str, story: Story) -> Summary:
    """The summary of a story that has been played."""
    orders = [record.order for record in story.records]
    ended = [order for order in orders if order.final]
    missed = Counter(str(o.reason or o.state) for o in ended if o.state is not State.DONE)
    return Summary(
        scenario=name,
        seed=story.seed,
        log_sha256=story.log_sha256,
        orders=Orders(
            total=len(orders),
            done=sum(order.state is State.DONE for order in orders),
            failed=dict(sorted(missed.items())),
            open=len(orders) - len(ended),
        ),
        expect=(
            *(Finding(c.name, c.ok, c.value, c.expected, False) for c in expected(story)),
            *(Finding(c.name, c.ok, c.value, c.expected, True) for c in invariants(story)),
        ),
        simulated_s=story.simulated_s,
        wall_s=round(story.wall_s, 3),
    )


def played(
    name: str,
    scenario: Scenario,
    *,
    seed: int | None = None,
    keep: Path | None = None,
    log: Path | None = None,
    recorder: Recorder | None = None,
    passed: Callable[[float], None] | None = None,
    look: Callable[[Story, Summary], None] = lambda story, summary: None,
) -> Summary:
    """Play a scenario; `log` is where its world's log goes, `passed` hears of its seconds, `look`
    sees the world before it is gone.  Raises `BadScenario`, `OSError`."""
    story = run(scenario, seed=seed, keep=keep, recorder=recorder, passed=passed)
    if log is not None:
        log.write_bytes(b"".join(line + b"\n" for line in story.world.log.lines))
    with explained():  # whoever looks at energies may be the first who does
        summary = summarise(name, story)
        look(story, summary)
    return summary
