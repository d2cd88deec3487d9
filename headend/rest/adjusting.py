"""/meters/NAME/clock, /clocks and /tariff: clocks kept right, calendars brought."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response, Security
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller, Permission
from headend.domain.meter_clock import MeterClock
from headend.orders.accept import Submission
from headend.registry.meter_clocks import clock_wish
from headend.registry.meter_tariffs import calendar_wishes
from headend.registry.tariff_file import BadCalendar, parse
from headend.rest.asking import HeadEnd, Parts, known, source_of
from headend.rest.meters import MeterName, no_meter
from headend.rest.orders import Key, OrderTold, created, told
from headend.rest.paging import Cursor, Limit, Page, after_moment, by_moment, page
from headend.rest.placing import Asked
from headend.rest.problems import described, wrong_question
from headend.rest.values import Instant
from headend.store import queries
from headend.store.clock_queries import meter_clocks_of

CALENDAR_MAX = 65_536

router = APIRouter(prefix="/api/v1/meters", tags=["meters"])


class ClockTold(BaseModel):
    """How a meter's clock stood when an order looked at it, in seconds ahead."""

    at: datetime
    order: int
    before_s: float | None = Field(description="None where the clock showed no time.")
    error_s: float = Field(description="Half the round trip, and what the clock leaves open.")
    by: str = Field(description="What was sent to it: nothing, shift or set.")
    moved_s: float
    after_s: float | None
    after_error_s: float | None

    @staticmethod
    def of(clock: MeterClock) -> ClockTold:
        return ClockTold(
            at=clock.at,
            order=clock.order,
            before_s=clock.before_s,
            error_s=clock.error_s,
            by=clock.by,
            moved_s=clock.moved_s,
            after_s=clock.after_s,
            after_error_s=clock.after_error_s,
        )


class TariffOrdered(BaseModel):
    """A calendar for a meter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calendar: Annotated[str, Field(max_length=CALENDAR_MAX)] = Field(
        description="TOML, as `ami tariff check` takes it."
    )
    activate_at: Instant | None = Field(None, description="When it holds from; at once if left out")


@router.get("/{name}/clocks", responses=described(400, 401, 403, 404, 429, 503))
async def list_clocks(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])],
    name: MeterName,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ClockTold]:
    """How a meter's clock stood, the latest first."""
    before = after_moment(cursor)
    await _meter(parts, name)
    found = await parts.read(
        lambda connection: meter_clocks_of(
            connection, name, before=before and before[0], limit=limit + 1
        )
    )
    return page(found, limit, ClockTold.of, lambda each: by_moment(each.at, each.order))


@router.post(
    "/{name}/clock",
    status_code=201,
    response_model=OrderTold,
    responses=described(400, 401, 403, 404, 422, 429, 503),
)
async def keep_clock(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.METER_ADJUST])],
    name: MeterName,
    key: Key,
) -> Response:
    """Have a meter's clock measured, and put right where it is off, by an order."""
    await _meter(parts, name)
    wish = clock_wish(name, parts.config.clock, _zone(parts))
    asked = Asked(caller, source_of(request), key, b"clock " + name.encode())
    submission = Submission(caller.account, (wish,), key)
    return created(await parts.placing.order(asked, submission, told))


@router.post(
    "/{name}/tariff",
    status_code=201,
    response_model=OrderTold,
    responses=described(400, 401, 403, 404, 413, 422, 429, 503),
)
async def bring_tariff(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.METER_ADJUST])],
    name: MeterName,
    wanted: TariffOrdered,
    key: Key,
) -> Response:
    """Bring a tariff calendar to a meter.  With a time there is a second order after it, which sees
    whether the calendar is in force."""
    await _meter(parts, name)
    try:
        calendar = parse(wanted.calendar)
    except BadCalendar as error:
        raise wrong_question("body.calendar", str(error)) from error
    if wanted.activate_at is not None and wanted.activate_at <= parts.clock.now():
        raise wrong_question("body.activate_at", "it is past")
    calendar = replace(calendar, activate_at=wanted.activate_at)
    wishes = calendar_wishes(name, calendar, _zone(parts))
    octets = name.encode() + b" " + wanted.model_dump_json().encode()
    asked = Asked(caller, source_of(request), key, octets)
    submission = Submission(caller.account, wishes, key)
    return created(await parts.placing.order(asked, submission, told))


async def _meter(parts: Parts, name: str) -> None:
    """Raises `Problem` for a meter that there is not."""
    if await parts.read(lambda connection: queries.meter(connection, name)) is None:
        raise no_meter(name)


def _zone(parts: Parts) -> ZoneInfo:
    return ZoneInfo(parts.config.orders.zone)
