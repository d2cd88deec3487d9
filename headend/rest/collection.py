"""/collection/completeness and /collection/gaps: the ledger, silent meters among what it counts."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import groupby, islice
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.ledger import Entry, Gap, Summary, summed
from headend.rest.asking import HeadEnd, Parts, known
from headend.rest.paging import (
    Cursor,
    Limit,
    Page,
    after_name,
    after_name_and_number,
    by_name,
    by_name_and_number,
    page,
    part,
)
from headend.rest.problems import described, wrong_question
from headend.rest.values import DeviceName, ObjectName
from headend.store.ledger_queries import MeterFilter, Wanted, ledger, missing, missing_after
from headend.store.queries import Connection
from headend.store.retention_queries import INTERVAL_DAYS, first_day

router = APIRouter(prefix="/api/v1/collection", tags=["readings"])

LOAD_PROFILE = "1.0.99.1.0.255"
DAYS_MAX = 31
"""Of all meters at once: what takes longer is a report's to count."""

Since = Annotated[date, Query(description="From this day of the utility's calendar on.")]
Until = Annotated[date, Query(description="Up to and with this day.")]
Profile = Annotated[ObjectName, Query()]
OfMeter = Annotated[DeviceName | None, Query(description="Of this meter alone.")]
Behind = Annotated[DeviceName | None, Query(description="Of the meters behind this one.")]


class By(enum.StrEnum):
    """What completeness is told by."""

    CONCENTRATOR = "concentrator"
    METER = "meter"
    DAY = "day"


class CompletenessTold(BaseModel):
    """How much is here of what is expected, of meters of which nothing came too."""

    name: str = Field(description="Concentrator, meter or day; empty for meters without one.")
    meters: int
    complete_meters: int
    silent_meters: int = Field(description="Of which something is due and nothing is here.")
    expected: int = Field(description="Intervals of the whole days.")
    due: int = Field(description="Of those, the ones that have ended.")
    received: int
    late: int
    changed: int
    percent: float | None = Field(description="Of those due; null where none is.")

    @staticmethod
    def of(each: Summary) -> CompletenessTold:
        return CompletenessTold(
            name=each.name,
            meters=each.meters,
            complete_meters=each.complete,
            silent_meters=each.silent,
            expected=each.expected,
            due=each.due,
            received=each.received,
            late=each.late,
            changed=each.changed,
            percent=None if each.share is None else round(100 * each.share, 3),
        )


class GapTold(BaseModel):
    """Intervals that are not here: those that end after `after`, up to and with `until`."""

    meter: str
    concentrator: str | None
    after: datetime
    until: datetime
    intervals: int

    @staticmethod
    def of(gap: Gap) -> GapTold:
        return GapTold(
            meter=gap.meter,
            concentrator=gap.concentrator,
            after=datetime.fromtimestamp(gap.begin, UTC),
            until=datetime.fromtimestamp(gap.end, UTC),
            intervals=gap.intervals,
        )


class Gaps(Page[GapTold]):
    """Gaps, by meter and time."""

    kept_since: date | None = Field(
        description="Of days before this one nobody knows what of them was missing; null where all"
        " rows are kept."
    )


_NAMES: dict[By, Callable[[Entry], str]] = {
    By.CONCENTRATOR: lambda entry: entry.concentrator or "",
    By.METER: lambda entry: entry.meter,
    By.DAY: lambda entry: entry.day.isoformat(),
}


@router.get("/completeness", responses=described(400, 401, 403, 429, 503))
async def completeness(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    since: Since,
    until: Until,
    by: Annotated[By, Query(description="One line for each.")] = By.CONCENTRATOR,
    profile: Profile = LOAD_PROFILE,
    concentrator: Behind = None,
    meter: OfMeter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[CompletenessTold]:
    """How much is here of what is expected, by the meters' lives and the days' lengths."""
    wanted = _wanted(parts, since, until, profile, concentrator, meter)
    if by is By.METER:  # of which there are many: no more of them are counted than are told
        after = after_name(cursor)
        found = await parts.read(
            lambda connection: list(islice(_by_meter(connection, wanted, after), limit + 1))
        )
        return page(found, limit, CompletenessTold.of, lambda each: by_name(each.name))
    sums = await parts.read(lambda connection: summed(ledger(connection, wanted), _NAMES[by]))
    return part(sums, cursor, limit, CompletenessTold.of, _named)


def _by_meter(connection: Connection, wanted: Wanted, after: str) -> Iterator[Summary]:
    for _, entries in groupby(ledger(connection, wanted, after), _NAMES[By.METER]):
        yield from summed(entries, _NAMES[By.METER])


def _named(one: Summary) -> tuple[int, str, str]:
    """Its place in the list: the meters without a concentrator come first."""
    return (1, one.name, "-") if one.name else (0, "-", "-")


@router.get("/gaps", responses=described(400, 401, 403, 429, 503))
async def gaps(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    since: Since,
    until: Until,
    profile: Profile = LOAD_PROFILE,
    concentrator: Behind = None,
    meter: OfMeter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Gaps:
    """What has ended and is not here, by meter and time."""
    wanted = _wanted(parts, since, until, profile, concentrator, meter)
    after = after_name_and_number(cursor)

    def asked(connection: Connection) -> tuple[list[Gap], date | None]:
        if after is None:
            found = missing(connection, wanted)
        else:
            found = missing_after(connection, wanted, after)
        return list(islice(found, limit + 1)), first_day(connection, INTERVAL_DAYS)

    found, kept_since = await parts.read(asked)
    told = page(found, limit, GapTold.of, lambda gap: by_name_and_number(gap.meter, gap.begin))
    return Gaps(items=told.items, next=told.next, kept_since=kept_since)


def _wanted(
    parts: Parts,
    since: date,
    until: date,
    profile: str,
    concentrator: str | None,
    meter: str | None,
) -> Wanted:
    if not 0 <= (until - since).days < DAYS_MAX:
        raise wrong_question("query.until", f"a span of 1 to {DAYS_MAX} days")
    if not 1970 < since.year <= until.year < 9999:
        raise wrong_question("query.since", "a day between 1971 and 9998")
    which = MeterFilter(concentrator, meter=meter)
    zone = ZoneInfo(parts.config.orders.zone)
    return Wanted(profile, since, until, zone, parts.clock.now(), which=which)
