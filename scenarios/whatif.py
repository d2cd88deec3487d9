"""What a story would come to if something in it were otherwise: each value under many seeds.

A value is varied by its place in the file (`head_end.orders.tries_max`, `fault.0.share_of`), or by
the name of a setting that only one place has.  What is measured is when each order was done, or
when each interval of the load profiles came; from that come the share of what was due by a time,
and the curve over time, as quantiles over the seeds.
"""

from __future__ import annotations

import copy
import enum
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from headend.domain.order import State
from scenarios.cuts import Values
from scenarios.engine import run
from scenarios.intervals_due import intervals_due
from scenarios.schema import POLICIES, BadScenario, built, seconds
from scenarios.story import Story

ALIASES = {"retries": "head_end.orders.tries_max", "meters": "field.meters"}
POINTS = 48  # of a curve
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of values, by their places."""

    settings: tuple[tuple[str, Any], ...]

    @property
    def name(self) -> str:
        return ", ".join(f"{place.rpartition('.')[2]} = {value}" for place, value in self.settings)


class Measure(enum.StrEnum):
    """What is counted."""

    ORDERS = "orders"  # done, of all
    PROFILES = "profiles"  # intervals received, of those that had ended `completeness_lag` before


class Thing(NamedTuple):
    """An order or an interval, in seconds from the start."""

    due_s: float
    done_s: float | None  # None: never


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    seed: int
    things: tuple[Thing, ...]

    def share_by(self, at_s: float) -> float:
        """Of the things that were due by a time, the share done by then; 1 where there is none."""
        due = [thing for thing in self.things if thing.due_s <= at_s]
        if not due:
            return 1.0
        return sum(each.done_s is not None and each.done_s <= at_s for each in due) / len(due)


@dataclass(frozen=True, slots=True)
class Curve:
    """One variant under all seeds.  Each point: seconds, then the quantiles of the share done."""

    variant: Variant
    runs: int
    by_s: float
    by: tuple[float, ...]  # quantiles of the share done by then
    reached: float  # the share of seeds that reached the goal by then
    points: tuple[tuple[float, ...], ...]


def place_of(name: str) -> str:
    """The place that a name means.  Raises `BadScenario`."""
    if name in ALIASES:
        return ALIASES[name]
    if "." in name or name in ("duration", "seed", "timezone"):
        return name
    found = [f"head_end.{t}.{name}" for t, p in POLICIES.items() if name in p.__struct_fields__]
    if len(found) != 1:
        raise BadScenario(
            f"{name!r} names {'several settings' if found else 'no setting'}; write its place,"
            " such as head_end.orders.tries_max or fault.0.share_of"
        )
    return found[0]


def varied(values: Values, variant: Variant) -> Values:
    """The file's values with a variant's.  Raises `BadScenario` for a place that there is not."""
    after = copy.deepcopy(values)
    for place, value in variant.settings:
        *path, key = place.split(".")
        here: Any = after
        for step in path:
            try:
                here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
            except (IndexError, ValueError, AttributeError) as error:
                raise BadScenario(f"{place}: there is no {step} in the file") from error
        here[key] = value
    return after


def variants(choices: Sequence[tuple[str, Sequence[Any]]]) -> list[Variant]:
    """Every combination of the values."""
    places = [place_of(name) for name, _ in choices]
    return [
        Variant(tuple(zip(places, combination, strict=True)))
        for combination in product(*(each for _, each in choices))
    ]


def outcome(values: Values, seed: int, measure: Measure = Measure.ORDERS) -> Outcome:
    """Play one variant under one seed."""
    story = run(built(values), seed=seed)
    things = _orders(story) if measure is Measure.ORDERS else _intervals(story)
    return Outcome(seed, tuple(things))


def _orders(story: Story) -> Iterator[Thing]:
    start = story.scenario.start_utc
    for order in (record.order for record in story.records):
        if order.state is State.DONE and order.ended_at is not None:
            yield Thing(0.0, (order.ended_at - start).total_seconds())
        else:
            yield Thing(0.0, None)


def _intervals(story: Story) -> Iterator[Thing]:
    start = story.scenario.start_utc.timestamp()
    lag_s = seconds(story.scenario.expect.completeness_lag)
    for due in intervals_due(story):
        yield Thing(due.end - start + lag_s, None if due.came is None else due.came - start)


def explore(
    values: Values,
    wanted: Sequence[Variant],
    seeds: Sequence[int],
    *,
    by_s: float | None = None,
    goal: float = 0.98,
    measure: Measure = Measure.ORDERS,
    jobs: int = 1,
    prepare: Callable[[], None] | None = None,
    ended: Callable[[], None] = lambda: None,
) -> list[Curve]:
    """A curve for each variant, in their order; the same whatever `jobs` is.

    Raises `BadScenario` before anything runs, and what a run raises.
    """
    files = [varied(values, variant) for variant in wanted]
    for each in files:
        built(each)
    found: dict[int, list[Outcome]] = {index: [] for index in range(len(files))}
    for index, result in _outcomes(files, seeds, measure, jobs, prepare):
        found[index].append(result)
        ended()
    end_s = seconds(values["duration"])
    return [
        curve(variant, found[index], end_s if by_s is None else by_s, end_s, goal)
        for index, variant in enumerate(wanted)
    ]


def curve(
    variant: Variant, outcomes: Sequence[Outcome], by_s: float, end_s: float, goal: float
) -> Curve:
    """What the runs of one variant have in common."""
    times = [end_s * number / POINTS for number in range(POINTS + 1)]
    by = [each.share_by(by_s) for each in outcomes]
    return Curve(
        variant,
        len(outcomes),
        by_s,
        _quantiles(by),
        sum(share >= goal for share in by) / len(by),
        tuple((at, *_quantiles([each.share_by(at) for each in outcomes])) for at in times),
    )


def _quantiles(values: Sequence[float]) -> tuple[float, ...]:
    """The lowest value that so many do not exceed."""
    ordered = sorted(values)
    return tuple(ordered[min(len(ordered) - 1, int(q * len(ordered)))] for q in QUANTILES)


def _outcomes(
    files: Sequence[Values],
    seeds: Sequence[int],
    measure: Measure,
    jobs: int,
    prepare: Callable[[], None] | None,
) -> Iterator[tuple[int, Outcome]]:
    work = [(index, seed) for index in range(len(files)) for seed in seeds]
    if jobs == 1:
        if prepare is not None:
            prepare()
        yield from ((index, outcome(files[index], seed, measure)) for index, seed in work)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=prepare) as pool:
        try:
            waiting = {pool.submit(outcome, files[i], seed, measure): i for i, seed in work}
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
