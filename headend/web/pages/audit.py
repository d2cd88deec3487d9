"""The audit log: who did what, who was refused, and whether the log is whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.audit import Broken, Outcome
from headend.store import access_queries as queries
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (Page("audit", "/audit", Menu.ADMINISTRATION, Permission.AUDIT_READ),)
LINES = 100
P = Permission

router = APIRouter()


@router.get("/audit")
async def audit(visit: Annotated[Visit, Security(visiting, scopes=[P.AUDIT_READ])]) -> Response:
    outcome = visit.among("outcome", Outcome)
    which = queries.AuditFilter(
        actor=visit.asked("actor"), action=visit.asked("action"), subject=visit.asked("subject"),
        outcome=outcome, security=True if visit.asked("security") else None,
    )  # fmt: skip
    cursor = visit.asked("cursor") or ""
    before = int(cursor) if cursor.isdecimal() and len(cursor) < 16 else None
    lines = await visit.parts.read(
        lambda connection: queries.audit(connection, which, before=before, limit=LINES + 1)
    )
    following = str(lines[LINES - 1].number) if len(lines) > LINES else None
    return rendered(
        visit, "audit.html", lines=lines[:LINES], next=visit.onward(following),
        outcomes=list(Outcome), outcome=outcome, verified=None,
    )  # fmt: skip


@router.post("/audit/verify")
async def verify(visit: Annotated[Visit, Security(visiting, scopes=[P.AUDIT_READ])]) -> Response:
    """Walk the whole log."""
    found = await visit.parts.read(queries.verified)
    whole = not isinstance(found, Broken)
    told = f"{found.number}: {found.why}" if isinstance(found, Broken) else str(found)
    lines = await visit.parts.read(lambda connection: queries.audit(connection, limit=LINES))
    return rendered(
        visit, "audit.html", lines=lines, next=None, outcomes=list(Outcome), outcome=None,
        verified=(whole, told),
    )  # fmt: skip
