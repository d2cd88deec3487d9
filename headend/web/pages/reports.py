"""Reports: have one made, see those that were, take them along."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security
from pydantic import ValidationError

from headend.domain.account import Permission
from headend.rest import reports as rest
from headend.rest import reports_asked as rest_asked
from headend.rest.problems import Problem
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (
    Page("reports", "/reports", Menu.REPORTS, Permission.REPORT_READ),
    Page("party", "/party", Menu.REPORTS, Permission.PARTY_READ),
)
NAMES = ("completeness", "interruptions", "orders", "meters", "communications", "regulator")
EVERY = ("day", "week", "month")
P = Permission
Staff = Annotated[Visit, Security(visiting, scopes=[P.REPORT_READ])]
Outside = Annotated[Visit, Security(visiting, scopes=[P.PARTY_READ])]

router = APIRouter()


@router.get("/reports")
async def reports(visit: Staff) -> Response:
    return await _list(visit, outside=False)


@router.post("/reports")
async def ask(visit: Staff) -> Response:
    return await _ask(visit, outside=False)


@router.get("/reports/{id}/file")
async def file(visit: Staff, id: rest.ReportId, name: rest.FileName) -> Response:
    return await rest.report_file(visit.parts, visit.caller, id, name)


@router.get("/party")
async def party(visit: Outside) -> Response:
    return await _list(visit, outside=True)


@router.post("/party")
async def ask_party(visit: Outside) -> Response:
    return await _ask(visit, outside=True)


@router.get("/party/{id}/file")
async def party_file(visit: Outside, id: rest.ReportId, name: rest.FileName) -> Response:
    return await rest.party_report_file(visit.parts, visit.caller, id, name)


async def _ask(visit: Visit, *, outside: bool) -> Response:
    under = "/party" if outside else "/reports"
    fields = {
        "report": visit.field("report"), "every": visit.field("every"),
        "language": visit.field("language", visit.words.language),
    }  # fmt: skip
    try:
        if outside:
            mine = rest_asked.PartysWish.model_validate(fields)
            await rest_asked.ask_party_report(visit.request, visit.parts, visit.caller, mine)
        else:
            wanted = rest_asked.ReportWish.model_validate(fields)
            await rest_asked.ask_report(visit.request, visit.parts, visit.caller, wanted)
    except ValidationError as error:
        raise Problem(400, "wrong-question", "", str(error.errors()[0]["msg"])) from error
    return visit.to(under, "reports.done.asked")


async def _list(visit: Visit, *, outside: bool) -> Response:
    ask = rest.party_reports if outside else rest.reports
    found, why = None, None
    try:
        found = await ask(visit.parts, visit.caller, 50, visit.asked("cursor"))
    except Problem as problem:  # no data store is named, or it holds nothing yet
        if problem.status == 403:
            raise
        text = "no_store" if visit.parts.config.warehouse.place is None else "no_state"
        why = visit.words.text(f"reports.{text}") if problem.status == 404 else problem.detail
    return rendered(
        visit, "reports.html", found=found, why=why, names=NAMES, every=EVERY,
        next=None if found is None else visit.onward(found.next),
        under="/party" if outside else "/reports", page="party" if outside else "reports",
    )  # fmt: skip
