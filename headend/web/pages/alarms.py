"""Alarms: incidents of many meters as one, and the events of devices; who looks after them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.event import Severity
from headend.rest import events, incidents
from headend.rest.acknowledging import Note
from headend.web import standing
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Numbered, Visit, local, visiting

PAGES = (Page("alarms", "/alarms", Menu.OPERATION, Permission.EVENT_READ),)
NOTE_MAX = 400
DIGITS_MAX = 16
P = Permission

router = APIRouter()


@router.get("/alarms")
async def alarms(visit: Annotated[Visit, Security(visiting, scopes=[P.EVENT_READ])]) -> Response:
    """Incidents that go on or that nobody has seen, then events, the latest first."""
    parts, caller = visit.parts, visit.caller
    severity = visit.among("severity", Severity)
    seen = {"yes": True, "no": False}.get(visit.asked("seen") or "")
    open_ = await incidents.list_incidents(
        parts, caller, kind=None, at=None, open=True, since=None, acknowledged=None, limit=50,
        cursor_=None,
    )  # fmt: skip
    unseen = await incidents.list_incidents(
        parts, caller, kind=None, at=None, open=False, since=None, acknowledged=False, limit=20,
        cursor_=None,
    )  # fmt: skip
    asked = visit.asked("incident") or ""
    incident = int(asked) if asked.isdecimal() and len(asked) < DIGITS_MAX else None
    found = await events.list_events(
        parts, caller, device=visit.asked("device"), name=visit.asked("name"),
        severity=severity, incident=incident, since=None,
        until=None, acknowledged=seen, limit=50, cursor_=visit.asked("cursor"),
    )  # fmt: skip
    return rendered(
        visit, "alarms.html", incidents=[*open_.items, *unseen.items], found=found,
        next=visit.onward(found.next), severities=list(Severity), severity=severity,
        standing=standing,
    )  # fmt: skip


@router.post("/alarms/events/{number}")
async def acknowledge_event(
    visit: Annotated[Visit, Security(visiting, scopes=[P.EVENT_ACKNOWLEDGE])], number: Numbered
) -> Response:
    await events.acknowledge_event(visit.request, visit.parts, visit.caller, number, _note(visit))
    return visit.to(local(visit.field("next", "/alarms")), "alarms.done.seen")


@router.post("/alarms/incidents/{number}")
async def acknowledge_incident(
    visit: Annotated[Visit, Security(visiting, scopes=[P.EVENT_ACKNOWLEDGE])], number: Numbered
) -> Response:
    await incidents.acknowledge_incident(
        visit.request, visit.parts, visit.caller, number, _note(visit)
    )
    return visit.to(local(visit.field("next", "/alarms")), "alarms.done.seen")


def _note(visit: Visit) -> Note:
    return Note(note=visit.field("note")[:NOTE_MAX])
