"""/events: what devices noticed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.event import Severity, Source, Subject
from headend.domain.event_table import of_name
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
from headend.rest.values import DeviceName, Instant
from headend.store import event_queries as queries
from headend.store.event_queries import EventKept

router = APIRouter(prefix="/api/v1", tags=["events"])


class EventTold(BaseModel):
    """Something that a device noticed."""

    number: int
    device: str
    name: str = Field(description="A word that never changes: power-down.")
    text: str
    texto: str = Field(description="The same in Spanish.")
    code: int | None = Field(description="In the meter's log; null where only a status word told.")
    cim: str = Field(description="EndDeviceEventType of IEC 61968-9; empty where none is known.")
    severity: Severity
    at: datetime = Field(description="By the device.")
    received_at: datetime = Field(description="When it was first heard of.")
    sources: list[Source]
    place: str | None = Field(description="The transformer, or else the concentrator.")
    incident: int | None
    acknowledged: AcknowledgementTold | None

    @staticmethod
    def of(kept: EventKept) -> EventTold:
        event = kept.event
        kind = of_name(event.name)
        return EventTold(
            number=event.number,
            device=event.device,
            name=event.name,
            text=kind.text(),
            texto=kind.text("es"),
            code=event.code,
            cim=kind.cim,
            severity=event.severity,
            at=event.at,
            received_at=event.received_at,
            sources=list(event.sources),
            place=event.place,
            incident=event.incident,
            acknowledged=AcknowledgementTold.of(kept.acknowledged),
        )


@router.get("/events", responses=described(400, 401, 403, 429, 503))
async def list_events(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    device: Annotated[DeviceName | None, Query(description="Only of this one.")] = None,
    name: Annotated[DeviceName | None, Query(description="Only these: power-down.")] = None,
    severity: Annotated[Severity | None, Query(description="Only these, and worse.")] = None,
    incident: Annotated[int | None, Query(ge=1, le=2**53, description="Only of it.")] = None,
    since: Since = None,
    until: Annotated[Instant | None, Query(description="Older than this.")] = None,
    acknowledged: Seen = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[EventTold]:
    """Events, the latest first."""
    which = queries.EventFilter(
        device, name, severity, incident, since, until, acknowledged, caller.place
    )
    after = after_moment(cursor_)
    found = await parts.read(
        lambda connection: queries.events(connection, which, after=after, limit=limit + 1)
    )
    return page(found, limit, EventTold.of, _ended)


@router.get("/events/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_event(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    number: Number,
) -> EventTold:
    """One event."""
    found = await parts.read(lambda connection: queries.event(connection, number))
    if found is None:
        raise none_such(Subject.EVENT, number)
    return EventTold.of(found)


@router.post(
    "/events/{number}/acknowledgement", responses=described(400, 401, 403, 404, 413, 429, 503)
)
async def acknowledge_event(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_ACKNOWLEDGE])],
    number: Number,
    wanted: Note,
) -> EventTold:
    """Say that you look after it.  The first acknowledgement stands; a second changes nothing."""
    await looked_after(request, parts, caller, Subject.EVENT, number, wanted)
    return await show_event(parts, caller, number)


def _ended(last: EventKept) -> str:
    return by_moment(last.event.at, last.event.number)
