"""From a story that fails to the smallest one that still fails in the same way.

Delta debugging (Zeller, Hildebrandt 2002) over the values of the file: a cut that keeps the failure
stays, and everything is tried again from there, until no cut keeps it.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import msgspec

from scenarios.aim import aimed
from scenarios.cuts import Cut, Values, applied, cuts
from scenarios.sameness import SHRINKING, Failing, failing, same
from scenarios.scatter import scattered
from scenarios.schema import BadScenario, Scenario, built
from scenarios.summary import played
from scenarios.toml_text import written

TRIES_MAX = 2000


class DoesNotFail(ValueError):
    """The story is as it must be: there is nothing to shrink."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest story found."""

    values: Values
    failing: Failing
    tries: int
    complete: bool  # no further cut keeps the failure; False where the tries ran out

    @property
    def text(self) -> str:
        return written(self.values)


def shrink(
    text: str,
    *,
    seed: int | None = None,
    tries_max: int = TRIES_MAX,
    tried: Callable[[int, str], None] = lambda number, what: None,
) -> Shrunk:
    """The smallest scenario that fails as this text's does.  `tried` hears of each try.

    Raises `BadScenario` for a text that is none, `DoesNotFail` for one that does not fail.
    """
    values = settled(tomllib.loads(text), seed)
    first = failing(_played(values))
    if not first:
        raise DoesNotFail("every expectation was met")
    asked = values.get("expect", {})
    values["expect"] = _as_told(same(first, first) or {}, asked)
    tries, complete = 0, False
    while not complete:
        before, trials = values, cuts(values)
        cut = next(trials, None)
        while cut is not None:
            smaller = applied(values, cut)
            if smaller != values:
                if tries >= tries_max:
                    return Shrunk(values, first, tries, False)
                tries += 1
                tried(tries, cut[0])
                if (wanted := _still(first, smaller)) is not None:
                    values = {**smaller, "expect": _as_told(wanted, asked)}
            cut = _next(trials, values)
        complete = values == before
    return Shrunk(values, first, tries, complete)


def _as_told(wanted: Values, asked: Values) -> Values:
    """Expectations under the file's own keys; what does not shrink is in the file's own words, as a
    finding has durations in seconds and tells the hours of a table one by one."""
    told = {}
    for name, value in wanted.items():
        key = max((key for key in asked if name.startswith(key)), key=len, default=name)
        told[key] = value if key in SHRINKING else asked.get(key, value)
    return told


def settled(values: Values, seed: int | None) -> Values:
    """The file's values with what chance adds under this seed written out."""
    scenario = built(values)
    seed = scenario.seed if seed is None else seed
    values = {**copy.deepcopy(values), "seed": seed}
    if any(fault.share_of is not None for fault in scenario.fault) or scenario.scatter:
        fixed = aimed(scattered(scenario, seed), seed)
        values.pop("scatter", None)
        for name in ("order", "fault", "event"):
            values[name] = [_spelled_out(part) for part in getattr(fixed, name)]
    values.pop("sweep", None)  # it is about other seeds
    return values


def _next(trials: Generator[Cut, Values, None], values: Values) -> Cut | None:
    """What to try after the last cut was judged; None at the end."""
    try:
        return trials.send(values)
    except StopIteration:
        return None


def _spelled_out(part: Any) -> Values:
    """A table's keys that are not as when left out."""
    told = {key: getattr(part, key) for key in part.__struct_fields__}
    for field in msgspec.structs.fields(part):
        if told[field.name] == field.default:
            del told[field.name]
    return {key: list(v) if isinstance(v, tuple) else v for key, v in told.items()}


def _still(first: Failing, values: Values) -> Values | None:
    """What the smaller story expects if it fails as the first one, or None."""
    try:
        now = failing(_played(values))
    except BadScenario:
        return None
    return same(first, now) if now else None


def _played(values: Values) -> Any:
    """The run's summary, or the error that ended it, without what is of one run only."""
    scenario: Scenario = built(values)
    try:
        return played("shrunk", scenario)
    except BadScenario:
        raise
    except Exception as error:
        return type(error).__name__
