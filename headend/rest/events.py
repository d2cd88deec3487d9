"""/events and /incidents: what devices noticed, what it amounts to, and who looks after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller, Permission
from headend.domain.event import Acknowledgement, IncidentKind, Severity, Source, Subject
from headend.domain.event_table import of_name
from headend.events.acknowledge import NOTE_MAX, NoSuchSubject, acknowledge
from headend.rest.asking import HeadEnd, known, source_of
from headend.rest.paging import Cursor, Limit, Line, Page, cursor, place
from headend.rest.problems import described, not_found
from headend.rest.values import DeviceName, Instant
from headend.store import event_queries as queries
from headend.store.event_queries import EventKept, IncidentKept

router = APIRouter(prefix="/api/v1", tags=["events"])

Number = Annotated[int, Path(ge=1, le=2**53, description="Its number.")]
Since = Annotated[Instant | None, Query(description="Not older than this, by the devices' time.")]
Seen = Annotated[
    bool | None, Query(description="Only those that somebody has acknowledged, or not.")
]
Micros = Annotated[int, msgspec.Meta(ge=0, le=2**58)]


class AcknowledgementTold(BaseModel):
    """Who has seen it first."""

    at: datetime
    who: str
    note: str

    @staticmethod
    def of(one: Acknowledgement | None) -> AcknowledgementTold | None:
        return None if one is None else AcknowledgementTold(at=one.at, who=one.who, note=one.note)


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


class Note(BaseModel):
    """What to write beside an acknowledgement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Annotated[str, Field(max_length=NOTE_MAX)] = ""


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
    )  # fmt: skip
    after = _after(cursor_)
    found = await parts.read(
        lambda connection: queries.events(connection, which, after=after, limit=limit + 1)
    )
    items = [EventTold.of(each) for each in found[:limit]]
    last = items[-1] if len(found) > limit else None
    return Page(items=items, next=None if last is None else _cursor(last.at, last.number))


@router.get("/events/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_event(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    number: Number,
) -> EventTold:
    """One event."""
    found = await parts.read(lambda connection: queries.event(connection, number))
    if found is None:
        raise _none(Subject.EVENT, number)
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
    await _acknowledge(request, parts, caller, Subject.EVENT, number, wanted)
    return await show_event(parts, caller, number)


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
    after = _after(cursor_)
    found = await parts.read(
        lambda connection: queries.incidents(connection, which, after=after, limit=limit + 1)
    )
    items = [IncidentTold.of(each) for each in found[:limit]]
    last = items[-1] if len(found) > limit else None
    return Page(items=items, next=None if last is None else _cursor(last.began_at, last.number))


@router.get("/incidents/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_incident(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    number: Number,
) -> IncidentTold:
    """One incident.  Its events: GET /events?incident=NUMBER."""
    found = await parts.read(lambda connection: queries.incident(connection, number))
    if found is None:
        raise _none(Subject.INCIDENT, number)
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
    await _acknowledge(request, parts, caller, Subject.INCIDENT, number, wanted)
    return await show_incident(parts, caller, number)


async def _acknowledge(
    request: Request, parts: HeadEnd, caller: Caller, subject: Subject, number: int, wanted: Note
) -> None:
    now, who, source = parts.clock.now(), caller.account, source_of(request)
    try:
        await parts.placing.store.run(
            lambda tx: acknowledge(
                tx, subject, number, at=now, who=who, note=wanted.note, source=source
            )
        )
    except NoSuchSubject as error:
        raise _none(subject, number) from error


def _cursor(at: datetime, number: int) -> str:
    return cursor(_micros(at), number)


def _after(text: str | None) -> queries.After | None:
    if text is None:
        return None
    micros, number = place(text, tuple[Micros, Line])
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest), number


def _micros(at: datetime) -> int:
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond


def _none(subject: Subject, number: int) -> Exception:
    return not_found(f"{subject} {number}", f"GET /api/v1/{subject}s lists those that there are.")
