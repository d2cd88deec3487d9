"""Questions about events and incidents, for pages and commands.  The latest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from headend.domain.event import (
    Acknowledgement,
    Event,
    Incident,
    IncidentKind,
    Severity,
    Subject,
)
from headend.store.events import ACKNOWLEDGEMENT, EVENT, INCIDENT
from headend.store.places import hanging_in

_e, _i, _a = EVENT.table.c, INCIDENT.table.c, ACKNOWLEDGEMENT.table.c
After = tuple[datetime, int]
"""Where a page ended: time and number of its last line."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; what is None does not restrict."""

    device: str | None = None
    name: str | None = None
    severity: Severity | None = None  # and worse
    incident: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    acknowledged: bool | None = None
    within: str | None = None  # of meters that hang in this place


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents; what is None does not restrict."""

    kind: IncidentKind | None = None
    place: str | None = None
    open: bool | None = None
    since: datetime | None = None
    acknowledged: bool | None = None
    within: str | None = None  # with a meter that hangs in this place


@dataclass(frozen=True, slots=True)
class EventKept:
    """An event, and who has seen it."""

    event: Event
    acknowledged: Acknowledgement | None


@dataclass(frozen=True, slots=True)
class IncidentKept:
    """An incident, and who has seen it."""

    incident: Incident
    acknowledged: Acknowledgement | None


def events(
    connection: Connection, which: EventFilter, *, after: After | None = None, limit: int = 50
) -> list[EventKept]:
    """By the devices' time."""
    wanted: list[ColumnElement[bool]] = []
    if which.device is not None:
        wanted.append(_e.device == which.device)
    if which.name is not None:
        wanted.append(_e.name == which.name)
    if which.severity is not None:
        wanted.append(_e.severity.in_(which.severity.and_above))
    if which.incident is not None:
        wanted.append(_e.incident == which.incident)
    if which.since is not None:
        wanted.append(_e.at >= which.since)
    if which.until is not None:
        wanted.append(_e.at < which.until)
    if which.within is not None:
        wanted.append(_e.device.in_(hanging_in(which.within)))
    query = _with_acknowledgement(EVENT.columns, Subject.EVENT, _e.number, which.acknowledged)
    query = query.where(*wanted, *_behind(_e.at, _e.number, after))
    rows = connection.execute(query.order_by(_e.at.desc(), _e.number.desc()).limit(limit))
    width = len(EVENT.columns)
    return [EventKept(EVENT.read(row[:width]), _acknowledged(row[width:])) for row in rows]


def incidents(
    connection: Connection, which: IncidentFilter, *, after: After | None = None, limit: int = 50
) -> list[IncidentKept]:
    """By their beginning; without those that turned out to be parts of others."""
    wanted: list[ColumnElement[bool]] = [_i.merged_into.is_(None), _i.members > 0]
    if which.kind is not None:
        wanted.append(_i.kind == which.kind)
    if which.place is not None:
        wanted.append(_i.place == which.place)
    if which.open is not None:
        wanted.append(_i.ended_at.is_(None) if which.open else _i.ended_at.is_not(None))
    if which.since is not None:
        wanted.append(_i.began_at >= which.since)
    if which.within is not None:
        members = select(_e.incident).where(
            _e.incident == _i.number, _e.device.in_(hanging_in(which.within))
        )
        wanted.append(members.exists())
    query = _with_acknowledgement(INCIDENT.columns, Subject.INCIDENT, _i.number, which.acknowledged)
    query = query.where(*wanted, *_behind(_i.began_at, _i.number, after))
    rows = connection.execute(query.order_by(_i.began_at.desc(), _i.number.desc()).limit(limit))
    return [_incident(row) for row in rows]


def event(connection: Connection, number: int) -> EventKept | None:
    """One event."""
    query = _with_acknowledgement(EVENT.columns, Subject.EVENT, _e.number, None)
    width = len(EVENT.columns)
    row = connection.execute(query.where(_e.number == number)).first()
    return None if row is None else EventKept(EVENT.read(row[:width]), _acknowledged(row[width:]))


def incident(connection: Connection, number: int) -> IncidentKept | None:
    """One incident, also one that turned out to be a part of another."""
    query = _with_acknowledgement(INCIDENT.columns, Subject.INCIDENT, _i.number, None)
    row = connection.execute(query.where(_i.number == number)).first()
    return None if row is None else _incident(row)


def _incident(row: tuple[object, ...]) -> IncidentKept:
    width = len(INCIDENT.columns)
    return IncidentKept(INCIDENT.read(row[:width]), _acknowledged(row[width:]))


def _with_acknowledgement(
    columns: tuple[ColumnElement[Any], ...],
    subject: Subject,
    number: ColumnElement[int],
    acknowledged: bool | None,
) -> Select[*tuple[Any, ...]]:
    of_it = and_(_a.subject == subject, _a.number == number)
    query = _both(columns).outerjoin(ACKNOWLEDGEMENT.table, of_it)
    if acknowledged is None:
        return query
    return query.where(_a.number.is_not(None) if acknowledged else _a.number.is_(None))


def _behind(
    at: ColumnElement[datetime], number: ColumnElement[int], after: After | None
) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    return [or_(at < after[0], and_(at == after[0], number < after[1]))]


def _acknowledged(row: tuple[object, ...]) -> Acknowledgement | None:
    return None if row[0] is None else ACKNOWLEDGEMENT.read(row)


def _both(columns: tuple[ColumnElement[Any], ...]) -> Select[*tuple[Any, ...]]:
    return select(*columns, *ACKNOWLEDGEMENT.columns)
