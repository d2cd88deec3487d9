"""Times as a person names them on the command line: how long, or when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scenarios.schema import BadScenario, seconds
from tools.terminal import wrong_usage


def moment(option: str, text: str, now: datetime) -> datetime:
    """`30m` and `1h30m` count from `now`; a date carries Z or an offset, since nobody can tell in
    which zone a date without one was meant.  Ends the command where the text is neither, or is
    past."""
    at = _after(text, now) or _date(text)
    if at is None:
        wrong_usage(
            f"{option} takes a time from now like 30m or 1h30m, or a date with its zone like"
            f" 2026-11-23T18:00Z or 2026-11-23T18:00-03:00, not {text!r}"
        )
    if at <= now:
        wrong_usage(f"{option} is past: {text}")
    return at


def past(option: str, text: str | None, now: datetime) -> datetime:
    """When something was done: a date with its zone, or `now` where nobody says.  Ends the command
    where the text is none, or is still to come."""
    if text is None:
        return now
    at = _date(text)
    if at is None:
        wrong_usage(f"{option} takes a date with its zone like 2026-11-23T18:00Z, not {text!r}")
    if at > now:
        wrong_usage(f"{option} is still to come: {text}")
    return at


def stated(option: str, text: str) -> datetime:
    """A date with its zone, whenever it is.  Ends the command where the text is none."""
    at = _date(text)
    if at is None:
        wrong_usage(f"{option} takes a date with its zone like 2026-11-23T18:00Z, not {text!r}")
    return at


def duration(option: str, text: str) -> float:
    """The seconds in `12h` or `90m`.  Ends the command for what is no time."""
    try:
        found = seconds(text)
        timedelta(seconds=found)  # it is one that a date can move by
    except (BadScenario, OverflowError):
        wrong_usage(f"{option} takes a time like 12h or 90m, not {text!r}")
    return found


def _after(text: str, now: datetime) -> datetime | None:
    try:
        return now + timedelta(seconds=seconds(text))
    except (BadScenario, OverflowError):
        return None


def _date(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
