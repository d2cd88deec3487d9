"""A head-end's database played again in simulation: with the policy it had, and with another.

What the database holds is what happened: orders with their times, results, what concentrators told.
What it does not hold (the channel, who was at fault, the policy where no configuration is given)
is inferred, and said to be.  The run with the recorded policy shows how far that carries: where it
ends otherwise than it did, the replay is no witness.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from headend.domain.order import Order
from scenarios.cuts import Values, spelled
from scenarios.engine import run
from scenarios.parts import seconds
from scenarios.recast import Cast
from scenarios.replayable import Replayable, outcome
from scenarios.schema import built
from scenarios.story import Story
from scenarios.whatif import Variant, varied

DEADLINE = "head_end.orders.deadline_s"


@dataclass(frozen=True, slots=True)
class Ended:
    """How an order ended: "done", its reason, or the state it was left in."""

    outcome: str
    attempts: int
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One order: as it happened, and in both runs; None where a run had no such order."""

    number: int
    meter: str
    kind: str
    happened: Ended
    again: Ended | None
    changed: Ended | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Both runs against what happened."""

    replayable: Replayable
    settings: dict[str, Any]
    compared: tuple[Compared, ...]

    @property
    def ended(self) -> int:
        """Orders that had ended when the database was read."""
        return sum(c.happened.took_s is not None for c in self.compared)

    @property
    def agreeing(self) -> int:
        """Orders that end under the recorded policy as they did."""
        return sum(
            c.happened.took_s is not None and c.again is not None and _same(c.happened, c.again)
            for c in self.compared
        )

    def done(self, which: Callable[[Compared], Ended | None]) -> int:
        return sum((end := which(c)) is not None and end.outcome == "done" for c in self.compared)

    @property
    def sentence(self) -> str:
        """What the comparison comes to."""
        still_open = len(self.compared) - self.ended
        text = (
            f"{self.agreeing} of {self.ended} orders end under the recorded policy as they did"
            + (f" ({still_open} had not ended)" if still_open else "")
            + f"; done: {self.done(lambda c: c.happened)} then,"
            f" {self.done(lambda c: c.again)} when replayed"
        )
        if self.settings:
            told = ", ".join(f"{place} = {value}" for place, value in self.settings.items())
            other = sum(c.again != c.changed and not _alike(c) for c in self.compared)
            text += f", {self.done(lambda c: c.changed)} with {told} ({other} end otherwise)"
        return text + "."


def _same(one: Ended, other: Ended) -> bool:
    return one.outcome == other.outcome


def _alike(each: Compared) -> bool:
    again, changed = each.again, each.changed
    return again is not None and changed is not None and _same(again, changed)


# --- both runs ------------------------------------------------------------------------------------


def replay(
    what: Replayable,
    settings: Variant | None = None,
    *,
    stage: Callable[[str], None] = lambda name: None,
    look: Callable[[Story], None] = lambda story: None,
) -> Replay:
    """Play what is recorded with its own policy, and where there are settings, with those.

    `look` sees the last run before it is gone.  Raises `BadScenario`.
    """
    chosen = Variant(()) if settings is None else settings
    other = _longer(varied(what.values, chosen), chosen)
    built(other)
    stage("with the recorded policy")
    story = run(built(what.values))
    again = changed = _by_key([record.order for record in story.records])
    if chosen.settings:
        stage("with the changed policy")
        story = run(built(other))
        changed = _by_key([record.order for record in story.records])
    look(story)
    return Replay(
        what,
        dict(chosen.settings),
        tuple(
            Compared(
                order.number,
                order.meter,
                str(order.kind),
                _ended(order),
                _found(again, what.cast, key),
                _found(changed, what.cast, key) if chosen.settings else None,
            )
            for key, order in _by_key(what.orders).items()
        ),
    )


def _longer(values: Values, chosen: Variant) -> Values:
    """A story that lasts until a longer deadline has passed."""
    told = dict(chosen.settings)
    if DEADLINE not in told or "duration" in told:
        return values
    try:
        more = float(told[DEADLINE])
    except (TypeError, ValueError):
        return values  # which its policy refuses, and says why
    lasts = max(
        seconds(values["duration"]),
        more + max((seconds(each["at"]) for each in values.get("order", ())), default=0.0),
    )
    return {**values, "duration": spelled(lasts)}


Key = tuple[str, str, bool, int]
"""What is the same of an order in every run: meter, kind, whether it ends another, and which of
those it is."""


def _by_key(orders: Iterable[Order]) -> dict[Key, Order]:
    seen: Counter[tuple[str, str, bool]] = Counter()
    found: dict[Key, Order] = {}
    for order in orders:
        of = (order.meter, str(order.kind), order.restores is not None)
        found[(*of, seen[of])] = order
        seen[of] += 1
    return found


def _found(orders: dict[Key, Order], cast: Cast, key: Key) -> Ended | None:
    meter, kind, ends, which = key
    order = orders.get((cast.meters.get(meter, meter), kind, ends, which))
    return None if order is None else _ended(order)


def _ended(order: Order) -> Ended:
    took = None if order.ended_at is None else (order.ended_at - order.accepted_at).total_seconds()
    return Ended(outcome(order), order.attempts, took)
