"""/meters/NAME/readings and /profiles, and /collection: values, and how much of them is here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.interval import Cell, Row, RowQuality
from headend.domain.reading import Reading
from headend.rest.asking import HeadEnd, known
from headend.rest.meters import MeterName, no_meter
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import described, wrong_question
from headend.rest.values import DeviceName, Instant, ObjectName
from headend.store import queries
from headend.store import reading_queries as values
from headend.store.collected_queries import layout
from headend.store.retention_queries import INTERVAL_DAYS, first_day
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms.objects.units import UNITS

router = APIRouter(prefix="/api/v1", tags=["readings"])

LOAD_PROFILE = "1.0.99.1.0.255"
CLOCK_CLASS = 8
DAYS_MAX = 400
_DAY_S = 86_400


class ReadingTold(BaseModel):
    """One value as the meter gave it."""

    object: str = Field(description="Its logical name.")
    attribute: int
    word: str = Field(description="What the meter's model calls it; empty where it has no word.")
    value: str | None = Field(description="Decimal text in `unit`, or other text.")
    unit: str | None
    error: str | None = Field(description="Why there is no value.")
    at: datetime = Field(description="By the meter, or when it was received.")
    received_at: datetime
    source: str
    quality: list[str]

    @staticmethod
    def of(reading: Reading) -> ReadingTold:
        return ReadingTold(
            object=reading.name,
            attribute=reading.attribute,
            word=reading.word,
            value=reading.value,
            unit=reading.unit,
            error=reading.error,
            at=reading.at,
            received_at=reading.received_at,
            source=reading.source,
            quality=list(reading.quality),
        )


class ColumnDescribed(BaseModel):
    """What the values of a row hold, in their order."""

    object: str
    attribute: int
    unit: str | None


class RowTold(BaseModel):
    """One row of a profile: the end of its interval, and its values."""

    at: datetime
    received_at: datetime
    layout: int = Field(description="Which of `layouts` describes the values.")
    values: list[str | None] = Field(description="Decimal text, or octets in hexadecimal digits.")
    quality: list[str] = Field(description="What is odd about it; empty where nothing is.")


class ProfilePage(BaseModel):
    """Rows of a profile, the earliest first."""

    items: list[RowTold]
    layouts: dict[int, list[ColumnDescribed]]
    next: str | None
    kept_since: date | None = Field(
        description="Rows of days before this one are not kept any more; null where all are."
    )


class ProfileKnown(BaseModel):
    """A profile of which rows are here, and of which days."""

    profile: str
    first_day: date
    last_day: date


class DayTold(BaseModel):
    """How much of a day is here, over the meters of which something came."""

    day: date
    meters: int
    complete_meters: int
    expected: int
    received: int
    late: int
    percent: float | None = Field(description="Of the intervals; null where none is expected.")


@router.get("/meters/{name}/readings", responses=described(400, 401, 403, 404, 429, 503))
async def list_readings(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    name: MeterName,
    since: Annotated[Instant | None, Query(description="Values of then or later.")] = None,
    until: Annotated[Instant | None, Query(description="Values of before.")] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[ReadingTold]:
    """What a meter was read to say, what came last first."""
    before = after_number(cursor_)

    def found(connection: queries.Connection) -> list[tuple[int, Reading]] | None:
        if queries.meter(connection, name) is None:
            return None
        return values.readings_of(
            connection, name, since=since, until=until, before=before, limit=limit + 1
        )

    rows = await parts.read(found)
    if rows is None:
        raise no_meter(name)
    return page(rows, limit, lambda row: ReadingTold.of(row[1]), lambda last: by_number(last[0]))


@router.get("/meters/{name}/readings/latest", responses=described(400, 401, 403, 404, 429, 503))
async def latest_readings(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    name: MeterName,
) -> list[ReadingTold]:
    """The newest value of each object of a meter."""

    def found(connection: queries.Connection) -> list[Reading] | None:
        known_ = queries.meter(connection, name)
        return None if known_ is None else values.latest_readings(connection, name)

    readings = await parts.read(found)
    if readings is None:
        raise no_meter(name)
    return [ReadingTold.of(each) for each in readings]


@router.get("/meters/{name}/profiles", responses=described(400, 401, 403, 404, 429, 503))
async def list_profiles(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    name: MeterName,
) -> list[ProfileKnown]:
    """The profiles of a meter of which rows are here."""

    def found(connection: queries.Connection) -> list[tuple[str, date, date]] | None:
        known_ = queries.meter(connection, name)
        return None if known_ is None else values.profiles_of(connection, name)

    profiles = await parts.read(found)
    if profiles is None:
        raise no_meter(name)
    return [ProfileKnown(profile=p, first_day=first, last_day=last) for p, first, last in profiles]


@router.get("/meters/{name}/profiles/{profile}", responses=described(400, 401, 403, 404, 429, 503))
async def show_profile(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    name: MeterName,
    profile: ObjectName,
    since: Annotated[Instant, Query(description="Intervals that end then or later.")],
    until: Annotated[Instant, Query(description="Intervals that end before.")],
    limit: Limit = 96,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> ProfilePage:
    """Rows of a profile between two times, the earliest first, raw as the meter gave them."""
    start = since
    if (after := after_number(cursor_)) is not None:
        if not 0 <= after < 253_370_764_800:  # 9999-01-01
            raise wrong_question("query.cursor", "it is no cursor that `next` gave")
        start = max(since, datetime.fromtimestamp(after, UTC) + timedelta(seconds=1))

    def found(connection: queries.Connection) -> ProfilePage | None:
        if queries.meter(connection, name) is None:
            return None
        rows = values.profile_rows(connection, name, profile, since=start, until=until, limit=limit)
        numbers = sorted({row.layout for row in rows})
        layouts = {number: layout(connection, number) for number in numbers}
        return ProfilePage(
            items=[_row(row, layouts[row.layout]) for row in rows],
            layouts={number: _columns(each) for number, each in layouts.items()},
            next=by_number(rows[-1].at) if len(rows) >= limit else None,
            kept_since=first_day(connection, INTERVAL_DAYS),
        )

    shown = await parts.read(found)
    if shown is None:
        raise no_meter(name)
    return shown


@router.get("/collection", responses=described(400, 401, 403, 429, 503))
async def collection(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    since: Annotated[date, Query(description="From this day of the utility's calendar on.")],
    until: Annotated[date, Query(description="Up to and with this day.")],
    profile: Annotated[ObjectName, Query()] = LOAD_PROFILE,
    meter: Annotated[DeviceName | None, Query(description="Of this meter alone.")] = None,
) -> list[DayTold]:
    """Day by day, how many intervals were expected and how many are here."""
    if not 0 <= (until - since).days < DAYS_MAX:
        raise wrong_question("query.until", f"a span of 1 to {DAYS_MAX} days")
    found = await parts.read(
        lambda connection: values.collected_by_day(connection, profile, since, until, meter=meter)
    )
    return [
        DayTold(
            day=each.day,
            meters=each.meters,
            complete_meters=each.complete,
            expected=each.expected,
            received=each.received,
            late=each.late,
            percent=round(100 * each.received / each.expected, 3) if each.expected else None,
        )
        for each in found
    ]


def _columns(of: Layout) -> list[ColumnDescribed]:
    return [
        ColumnDescribed(object=each.name, attribute=each.attribute, unit=_unit(each))
        for each in of.columns
    ]


def _unit(column: ColumnTold) -> str | None:
    known_ = None if column.unit is None else UNITS.get(column.unit)
    return known_.symbol or None if known_ is not None else None


def _row(row: Row, of: Layout) -> RowTold:
    return RowTold(
        at=datetime.fromtimestamp(row.at, UTC),
        received_at=datetime.fromtimestamp(row.came, UTC),
        layout=row.layout,
        values=[_value(cell, column) for cell, column in zip(row.cells, of.columns, strict=True)],
        quality=[flag.name.lower() for flag in RowQuality(row.quality) if flag.name],
    )


def _value(cell: Cell, column: ColumnTold) -> str | None:
    """A cell in its column's unit.  The clock's is None: `at` tells it."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, float):
        return repr(cell)
    if not column.scaler:
        return str(cell)
    return f"{Decimal(cell).scaleb(column.scaler):f}"
