"""Questions about values: readings, rows of profiles, and how much of them is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Integer, case, cast, exists, func, select

from headend.domain.interval import Row
from headend.domain.reading import Reading
from headend.store.collected import DAY
from headend.store.readings import READING
from headend.store.retention_schema import past_days
from headend.store.schema import readings

_readings, _days = readings.c, DAY.table.c


@dataclass(frozen=True, slots=True)
class DayCollected:
    """How much of a day is here, over all meters of which something came."""

    day: date
    meters: int
    complete: int  # meters of which all is here
    expected: int  # intervals
    received: int
    late: int


def latest_readings(connection: Connection, meter: str) -> list[Reading]:
    """The newest value of each object of a meter, by name."""
    newest = (
        select(
            *READING.columns,
            func.row_number()
            .over(
                partition_by=(_readings.name, _readings.attribute),
                order_by=(_readings.at.desc(), _readings.line.desc()),
            )
            .label("place"),
        )
        .where(_readings.meter == meter)
        .subquery()
    )
    found = (
        select(*(newest.c[name] for name in READING.names))
        .where(newest.c.place == 1)
        .order_by(newest.c.name, newest.c.attribute)
    )
    return [READING.read(row) for row in connection.execute(found)]


def readings_of(
    connection: Connection,
    meter: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[tuple[int, Reading]]:
    """Values of a meter with their lines, what came last first; `before` continues behind a line.
    Times bound when the values were so."""
    statement = (
        select(_readings.line, *READING.columns)
        .where(_readings.meter == meter)
        .order_by(_readings.line.desc())
        .limit(limit)
    )
    if since is not None:
        statement = statement.where(_readings.at >= since)
    if until is not None:
        statement = statement.where(_readings.at < until)
    if before is not None:
        statement = statement.where(_readings.line < before)
    return [(row[0], READING.read(row[1:])) for row in connection.execute(statement)]


def profile_rows(
    connection: Connection,
    meter: str,
    profile: str,
    *,
    since: datetime,
    until: datetime,
    limit: int,
) -> list[Row]:
    """Rows that end at `since` or later and before `until`, the earliest first.

    `limit` at least where there are so many, and then all others of the last one's time: a page
    never ends between two rows of one time.
    """
    first, last = int(-(-since.timestamp() // 1)), until.timestamp()
    found: list[Row] = []
    for row in _rows(connection, meter, profile, since, until):
        if not first <= row.at < last:
            continue
        if len(found) >= limit and row.at != found[-1].at:
            return found
        found.append(row)
    return found


def _rows(
    connection: Connection, meter: str, profile: str, since: datetime, until: datetime
) -> Iterator[Row]:
    """Rows of the pages that may hold these times.  A page's day is the utility's, which no zone
    moves by more than a day from ours; pages follow each other in time."""
    day = timedelta(days=1)
    statement = (
        DAY.select()
        .where(
            _days.meter == meter,
            _days.profile == profile,
            _days.day >= since.astimezone(UTC).date() - day,
            _days.day <= until.astimezone(UTC).date() + day,
        )
        .order_by(_days.day)
    )
    for page in connection.execute(statement).yield_per(8):
        yield from sorted(DAY.read(page).rows, key=lambda row: (row.at, row.came))


def profiles_of(connection: Connection, meter: str) -> list[tuple[str, date, date]]:
    """The profiles of which rows of a meter are here: logical name, first and last day."""
    statement = (
        select(_days.profile, func.min(_days.day), func.max(_days.day))
        .where(_days.meter == meter)
        .group_by(_days.profile)
        .order_by(_days.profile)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


def collected_by_day(
    connection: Connection, profile: str, since: date, until: date, *, meter: str | None = None
) -> list[DayCollected]:
    """Day by day, how much of a profile is here; of one meter, or of all."""
    names = ("day", "expected", "received", "late")
    here, past = _days, past_days.c
    same = [past[name] == here[name] for name in ("meter", "profile", "day")]
    pages, left = (
        select(*(of[name] for name in names)).where(
            of.profile == profile,
            of.day.between(since, until),
            *(() if meter is None else (of.meter == meter,)),
        )
        for of in (here, past)
    )
    pages = pages.where(~exists(select(1).where(*same)))  # of a past day the ledger tells
    days = pages.union_all(left).subquery()
    found = days.c
    whole = case((found.received >= found.expected, 1), else_=0)
    statement = (
        select(
            found.day,
            func.count(),
            cast(func.sum(whole), Integer),
            cast(func.sum(found.expected), Integer),
            cast(func.sum(found.received), Integer),
            cast(func.sum(found.late), Integer),
        )
        .group_by(found.day)
        .order_by(found.day)
    )
    return [DayCollected(*row) for row in connection.execute(statement)]
