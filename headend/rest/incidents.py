"""/incidents: what many meters' losses amount to, and who looks after it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.event import IncidentKind, Subject
from headend.rest.acknowledging import (
    AcknowledgementTold,
    Note,
    Number,
    Seen,
    Since,
    looked_after,
    none_such,
)
from headend.rest.asking import HeadEnd, known
from headend.rest.paging import Cursor, Limit, Page, after_moment, by_moment, page
from headend.rest.problems import described
from headend.store import event_queries as queries
from headend.store.event_queries import IncidentKept

router = APIRouter(prefix="/api/v1", tags=["events"])


class IncidentTold(BaseModel):
    """Losses of many meters under one transformer or concentrator, as one."""

    number: int
    kind: IncidentKind
    place: str
    began_at: datetime
    ended_at: datetime | None = Field(description="null while a member is without.")
    members: int
    without: int = Field(description="Members that have not told of a restoration yet.")
    merged_into: int | None = Field(description="The incident that it turned out to be a part of.")
    updated_at: datetime
    acknowledged: AcknowledgementTold | None

    @staticmethod
    def of(kept: IncidentKept) -> IncidentTold:
        one = kept.incident
        return IncidentTold(
            number=one.number,
            kind=one.kind,
            place=one.place,
            began_at=one.began_at,
            ended_at=one.ended_at,
            members=one.members,
            without=one.without,
            merged_into=one.merged_into,
            updated_at=one.updated_at,
            acknowledged=AcknowledgementTold.of(kept.acknowledged),
        )


@router.get("/incidents", responses=described(400, 401, 403, 429, 503))
async def list_incidents(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    kind: Annotated[IncidentKind | None, Query(description="Only these.")] = None,
    at: Annotated[
        str | None,
        Query(alias="place", max_length=100, pattern=r"^[^\x00-\x1f]+$",
              description="Only there: transformer T-1."),
    ] = None,
    open: Annotated[bool | None, Query(description="Only those that go on, or have ended.")] = None,
    since: Since = None,
    acknowledged: Seen = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[IncidentTold]:  # fmt: skip
    """Incidents, the latest first."""
    which = queries.IncidentFilter(kind, at, open, since, acknowledged, caller.place)
    after = after_moment(cursor_)
    found = await parts.read(
        lambda connection: queries.incidents(connection, which, after=after, limit=limit + 1)
    )
    return page(found, limit, IncidentTold.of, _ended)


@router.get("/incidents/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_incident(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    number: Number,
) -> IncidentTold:
    """One incident.  Its events: GET /events?incident=NUMBER."""
    found = await parts.read(lambda connection: queries.incident(connection, number))
    if found is None:
        raise none_such(Subject.INCIDENT, number)
    return IncidentTold.of(found)


@router.post(
    "/incidents/{number}/acknowledgement", responses=described(400, 401, 403, 404, 413, 429, 503)
)
async def acknowledge_incident(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_ACKNOWLEDGE])],
    number: Number,
    wanted: Note,
) -> IncidentTold:
    """Say that you look after it, and after all its events."""
    await looked_after(request, parts, caller, Subject.INCIDENT, number, wanted)
    return await show_incident(parts, caller, number)


def _ended(last: IncidentKept) -> str:
    return by_moment(last.incident.began_at, last.incident.number)
