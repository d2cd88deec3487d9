"""Asking again for what is missing: what is worth asking for, when, and when it is given up.

Rows behind the newest one that is here are never brought by the collection of the present, which
goes on where it was: they are asked for by themselves.  What a meter has not told since its newest
row comes with its next ordinary reading, and nobody asks twice for it.  Either is worth it until
the service level's end; then it is given up, with the reason that is known.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from headend.domain.ledger import Gap
from protocols.concentrator.collecting import Task


class GivenUpFor(enum.StrEnum):
    """Why nobody asks any more."""

    SILENT = "silent"  # no row of the meter came since
    HOLDS_NONE = "holds-none"  # it was asked and answered: it has no such rows
    NO_ANSWER = "no-answer"  # it was asked, and the rows did not come
    NOT_ASKED = "not-asked"  # nobody could be asked before the time was over


@dataclass(frozen=True, slots=True)
class DayGaps:
    """What of one day of a meter's profile is not here, by time."""

    day: date
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """All that a meter's profile lacks within the days that are looked at.

    `lane` is the concentrator that collects from it, or None where the head-end reads it by itself.
    `oldest` and `newest` are the first row and the last that are here at all, POSIX seconds.
    """

    meter: str
    profile: str
    lane: str | None
    days: tuple[DayGaps, ...]
    oldest: int | None = None
    newest: int | None = None


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Which part of the ledger is looked at for what is missing; `period_s` is the capture period
    of meters whose rows do not tell it, and `zone` the utility's."""

    profile: str
    period_s: int
    first: date
    last: date
    zone: ZoneInfo
    now: datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """How often a meter was asked for what its profile lacks, and when it may be again.

    `task` names the last asking: a task of its concentrator, or an order's correlation id.  It
    reached from `since` on, POSIX seconds.
    """

    meter: str
    profile: str
    lane: str | None
    asked: int
    asked_at: datetime
    next_at: datetime
    task: str
    since: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A day of a meter's profile of which nobody asks for what is missing any more."""

    meter: str
    profile: str
    day: date
    at: datetime
    reason: GivenUpFor
    intervals: int


@dataclass(frozen=True, slots=True)
class Wave:
    """What a concentrator is asked besides its ordinary tasks, until `ends_at`.

    Each wave has tasks of new names, because a task of a name that a concentrator knows goes on
    where it was.  `asks` counts the meters that were asked on `day`.
    """

    lane: str
    number: int
    day: date
    asks: int
    ends_at: datetime
    tasks: tuple[Task, ...] = ()


def rest_of(asked: int, first_s: float, most_s: float) -> timedelta:
    """How long a meter is left alone after it was asked so often: twice as long each time."""
    doubled: float = first_s * 2 ** min(max(0, asked - 1), 30)
    return timedelta(seconds=min(doubled, most_s))


def worth_asking(
    lacking: Lacking, given_up: Iterable[date], *, now: float, sla_s: float
) -> tuple[Gap, ...]:
    """The gaps that are to be asked for by themselves: those between rows that are here, as long
    as the service level lasts."""
    gone, oldest, newest = set(given_up), lacking.oldest, lacking.newest
    if oldest is None or newest is None:
        return ()
    return tuple(
        gap
        for day in lacking.days
        if day.day not in gone
        for gap in day.gaps
        if oldest < gap.end < newest and gap.end + sla_s > now
    )


def over(
    lacking: Lacking,
    given_up: Iterable[date],
    ask: Ask | None,
    proven: Sequence[Gap],
    *,
    now: datetime,
    sla_s: float,
) -> list[GivenUp]:
    """The days that are given up now: all of what they lack is past the service level, or the
    meter is known not to have it.  Of days before its first row nothing is told."""
    gone, absent, found = set(given_up), set(proven), []
    for each in lacking.days:
        begun = lacking.oldest is not None and each.gaps[-1].end > lacking.oldest
        if each.day in gone or not begun:
            continue
        none = all(gap in absent for gap in each.gaps)
        late = all(gap.end + sla_s <= now.timestamp() for gap in each.gaps)
        if not none and not late:
            continue
        last = each.gaps[-1].end
        reason = GivenUpFor.NO_ANSWER
        if none:
            reason = GivenUpFor.HOLDS_NONE
        elif lacking.newest is None or lacking.newest < last:
            reason = GivenUpFor.SILENT
        elif ask is None or ask.since > each.gaps[0].begin:
            reason = GivenUpFor.NOT_ASKED
        count = sum(gap.intervals for gap in each.gaps)
        found.append(GivenUp(lacking.meter, lacking.profile, each.day, now, reason, count))
    return found


def proven_absent(lacking: Lacking, since: int, newest_read: int | None) -> list[Gap]:
    """The gaps that the meter does not hold: it was read from `since` on, without a break, up to
    `newest_read`, and what was read is here."""
    if newest_read is None:
        return []
    return [
        gap
        for day in lacking.days
        for gap in day.gaps
        if since <= gap.begin and gap.end < newest_read
    ]
