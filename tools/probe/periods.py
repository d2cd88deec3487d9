"""Durations and moments as a technician writes them: 30s, 7d, 2026-11-23, 2026-11-23T18:00."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


class BadPeriod(ValueError):
    """No duration, or no moment; the text says how to write one."""


def seconds(text: str) -> float:
    """The seconds in 30s, 7d, 1h30m.  Raises `BadPeriod`."""
    if not _DURATION.fullmatch(text) or not (
        found := sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    ):
        raise BadPeriod(f"{text!r} is no duration. Try: 30s, 2h, 7d or 4w")
    return found


def span(
    begin: str, end: str, last: str, *, now: datetime, default: str
) -> tuple[datetime, datetime]:
    """From when to when, by the meter's own clock, which shows `now` and names no zone.

    A day alone begins at 00:00 and, as an end, is included whole.  Raises `BadPeriod`.
    """
    if last and begin:
        raise BadPeriod("--last and --from both say where to begin. Try one of them")
    to = _moment(end, end_of_day=True) if end else now
    since = _moment(begin) if begin else to - timedelta(seconds=seconds(last or default))
    if since > to:
        raise BadPeriod(f"nothing lies between {since} and {to}")
    return since, to


def _moment(text: str, *, end_of_day: bool = False) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadPeriod(f"{text!r} is no date. Try: 2026-11-23 or 2026-11-23T18:00") from error
    if moment.tzinfo is not None:
        raise BadPeriod(f"{text}: the meter's own clock is meant. Try without a zone")
    if end_of_day and re.fullmatch(r"[\d-]+", text) and not moment.time().hour:
        return moment + timedelta(days=1) - timedelta(seconds=1)
    return moment
