"""/collection/completeness and /collection/gaps: the ledger, silent meters among what it counts."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.ledger import Entry, Gap, Summary, summed
from headend.rest.asking import HeadEnd, Parts, known
from headend.rest.problems import described, wrong_question
from headend.rest.values import DeviceName, ObjectName
from headend.store.ledger_queries import MeterFilter, Wanted, ledger, missing

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


class Gaps(BaseModel):
    """The first gaps, by meter and time; `more`: there are others."""

    items: list[GapTold]
    more: bool


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
) -> list[CompletenessTold]:
    """How much is here of what is expected, by the meters' lives and the days' lengths."""
    wanted = _wanted(parts, since, until, profile, concentrator, meter)
    found = await parts.read(lambda connection: summed(ledger(connection, wanted), _NAMES[by]))
    return [CompletenessTold.of(each) for each in found]


@router.get("/gaps", responses=described(400, 401, 403, 429, 503))
async def gaps(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    since: Since,
    until: Until,
    profile: Profile = LOAD_PROFILE,
    concentrator: Behind = None,
    meter: OfMeter = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Gaps:
    """What has ended and is not here, by meter and time."""
    wanted = _wanted(parts, since, until, profile, concentrator, meter)
    found = await parts.read(
        lambda connection: list(islice(missing(connection, wanted), limit + 1))
    )
    return Gaps(items=[GapTold.of(each) for each in found[:limit]], more=len(found) > limit)


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
