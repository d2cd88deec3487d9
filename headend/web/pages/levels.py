"""Service levels: what was promised, and what was kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.service_level import By
from headend.rest import service_levels as rest
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (Page("levels", "/levels", Menu.OPERATION, Permission.REPORT_READ),)
DAYS = (7, 31, 92, 366)
P = Permission

router = APIRouter()


@router.get("/levels")
async def levels(visit: Annotated[Visit, Security(visiting, scopes=[P.REPORT_READ])]) -> Response:
    today = visit.parts.clock.now().astimezone(visit.words.zone).date()
    days = next((each for each in DAYS if str(each) == visit.asked("days")), DAYS[1])
    by = visit.among("by", By) or By.ALL
    told = await rest.service_levels(
        visit.parts, visit.caller, today - timedelta(days=days - 1), today, by
    )
    return rendered(
        visit, "levels.html", told=told, days=days, choices=DAYS, by=by, groups=list(By)
    )
