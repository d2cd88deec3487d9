"""What a task is to be, as options say it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from typing import Any

import msgspec

from headend.app.tasks import TaskWish
from headend.domain.task import CatchUp, Every, Schedule, Weekday
from tools.moments import duration, stated
from tools.terminal import wrong_usage


def schedule_in(
    every: Every,
    at: str | None,
    on: str | None,
    weekdays: Iterable[Weekday],
    interval: str | None,
    start: str | None,
    end: str | None,
) -> Schedule:
    """The schedule that options name.  Ends the command for what cannot be understood; whether they
    go together is the desk's affair."""
    return Schedule(
        every=every,
        at=time(0) if at is None else _time(at),
        on=None if on is None else _day(on),
        weekdays=tuple(dict.fromkeys(weekdays)),
        interval_s=None if interval is None else round(duration("--interval", interval)),
        start=None if start is None else stated("--start", start),
        end=None if end is None else stated("--end", end),
    )


def wish_of(
    kind: str | None, schedule: Schedule | None, pairs: Iterable[str], catch_up: CatchUp | None
) -> TaskWish:
    """A wish.  Ends the command for parameters that are no NAME=VALUE."""
    given = dict(map(_pair, pairs))
    return TaskWish(kind, schedule, given or None, catch_up)


def _pair(text: str) -> tuple[str, Any]:
    """A value is JSON where it can be read so, and text where not."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        wrong_usage(f"--set takes NAME=VALUE, not {text!r}")
    try:
        return name, msgspec.json.decode(value.encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return name, value


def _time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        wrong_usage(f"--at takes a time of day like 05:40, not {text!r}")
    if found.tzinfo is not None:
        wrong_usage(f"--at is by the utility's clocks, without a zone: 05:40, not {text!r}")
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        wrong_usage(f"--on takes a day like 2026-11-30, not {text!r}")
