"""/reports and /party/reports by POST: have a report made now, and look how far it is.

A report follows from what is in the data store and adds nothing to it that its reader may not read
already, so that asking for one takes the permission to read it.  The same question gets the same
report; an Idempotency-Key would tell nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.access import lines
from headend.config import BadConfig
from headend.domain.account import Caller, Permission
from headend.rest.asking import HeadEnd, Parts, known, source_of
from headend.rest.problems import Problem, described, not_found, wrong_question
from headend.rest.reports import ReportId, ReportTold, installed, scope_of, told_of, work

router = APIRouter(prefix="/api/v1", tags=["reports"])

Staff = Annotated[Caller, Security(known, scopes=[Permission.REPORT_READ])]
Outside = Annotated[Caller, Security(known, scopes=[Permission.PARTY_READ])]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
DAYS_MAX = 366
LOOK_AGAIN_S = "2"


class PartysWish(BaseModel):
    """Which report, and of which days: `every` names the last period that is over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    report: Name = Field(description="Like completeness, or regulator for all in one.")
    every: Literal["day", "week", "month"] | None = None
    first_day: date | None = Field(None, description="Or from this day on …")
    last_day: date | None = Field(None, description="… up to and with this one.")
    language: Literal["es", "en"] = "es"


class ReportWish(PartysWish):
    """As the utility asks."""

    party: Name | None = Field(None, description="For this party: its rows alone.")


class ReportAsked(BaseModel):
    """A report that is being made; its own address tells when it is there."""

    id: str
    report: str
    first_day: date
    last_day: date
    language: str
    party: str | None
    asked_at: datetime
    failed: str | None = Field(description="Why it does not come; ask for it again.")


_MADE: dict[int | str, dict[str, Any]] = {200: {"model": ReportTold, "description": "It is made."}}
_LATER: dict[int | str, dict[str, Any]] = {202: {"model": ReportAsked, "description": "Not yet."}}
_ASKED = _MADE | described(400, 401, 403, 404, 413, 429, 503)
_SHOWN = _LATER | described(400, 401, 403, 404, 429, 503)


@router.post("/reports", status_code=202, response_model=ReportAsked, responses=_ASKED)
async def ask_report(
    request: Request, parts: HeadEnd, caller: Staff, wanted: ReportWish
) -> Response:
    """Have a report made from what is in the data store now."""
    scope = None if wanted.party is None else _named(parts, wanted.party)
    return await _ask(request, parts, caller, wanted, scope, "reports")


@router.get("/reports/{id}", response_model=ReportTold, responses=_SHOWN)
async def show_report(parts: HeadEnd, caller: Staff, id: ReportId) -> Response:
    """A report; 202 while it is being made."""
    return await _show(parts, id, lambda party: True)


@router.post("/party/reports", status_code=202, response_model=ReportAsked, responses=_ASKED)
async def ask_party_report(
    request: Request, parts: HeadEnd, caller: Outside, wanted: PartysWish
) -> Response:
    """Have a report made from the rows that this party sees."""
    return await _ask(request, parts, caller, wanted, scope_of(parts, caller), "party/reports")


@router.get("/party/reports/{id}", response_model=ReportTold, responses=_SHOWN)
async def show_party_report(parts: HeadEnd, caller: Outside, id: ReportId) -> Response:
    """A report of this party's; 202 while it is being made."""
    own = scope_of(parts, caller).party
    return await _show(parts, id, lambda party: party == own)


async def _ask(
    request: Request, parts: Parts, caller: Caller, wanted: PartysWish, scope: Any, under: str
) -> Response:
    installed()
    from headend.warehouse import manifest as manifests
    from headend.warehouse import reports, requests

    now, zone = parts.clock.now(), parts.config.orders.zone
    period = _period(wanted, now.astimezone(ZoneInfo(zone)).date())

    def asked(place: Any) -> Any:
        return requests.ask(
            place, manifests.read(place), wanted.report, period, language=wanted.language,
            scope=scope, zone=zone, now=now,
        )  # fmt: skip

    try:
        found = await work(parts, asked)
    except reports.OutOfScope as error:
        raise Problem(
            403, "outside-the-scope", "That is not permitted.", str(error), "Ask for another."
        ) from error
    except reports.NoReport as error:
        raise not_found(f"report {wanted.report}", str(error)) from error
    except requests.TooMany as error:
        raise Problem(
            503, "overloaded", "The report is not made.", "too many reports wait",
            "Ask again in a minute.", {"Retry-After": "60"},
        ) from error  # fmt: skip
    permission = Permission.REPORT_READ if under == "reports" else Permission.PARTY_READ
    told = f"{wanted.report} of {period.first} to {period.last}"
    line = lines.done(
        now, caller.account, permission, f"report {found.id}", told, source=source_of(request)
    )
    await parts.guard.note(line)
    headers = {"Location": f"/api/v1/{under}/{found.id}"}
    if not isinstance(found, requests.Request):
        return _json(told_of(found), 200, headers)
    parts.making.begin(found.id, lambda: _make(parts, found, scope, zone))
    return _json(_waits(found), 202, headers | {"Retry-After": LOOK_AGAIN_S})


async def _make(parts: Parts, request: Any, scope: Any, zone: str) -> None:
    from headend.warehouse import manifest as manifests
    from headend.warehouse import requests

    now = parts.clock.now()

    def make(place: Any) -> None:
        try:
            requests.make(place, manifests.read(place), request, scope, zone, now)
        except Exception:
            requests.fail(place, request, "it could not be made; the head-end's log says why")
            raise

    await work(parts, make)


async def _show(parts: Parts, id: str, may: Callable[[str | None], bool]) -> Response:
    def found(place: Any) -> Any:
        from headend.warehouse import kept, requests

        return kept.made(place, id), requests.waiting(place, id)

    made, waits = await work(parts, found)
    if made is not None and may(made.party):
        return _json(told_of(made), 200, {})
    if waits is not None and may(waits.party):
        return _json(_waits(waits), 202, {"Retry-After": LOOK_AGAIN_S})
    raise not_found(f"report {id}", "Ask for one by POST; a newer state gives another report.")


def _period(wanted: PartysWish, today: date) -> Any:
    from headend.warehouse.content import Period
    from headend.warehouse.reports import period_before

    first, last = wanted.first_day, wanted.last_day
    if (first is None) != (last is None) or (first is None) == (wanted.every is None):
        raise wrong_question("body.every", "name a period, or the first and the last day")
    if first is None or last is None:
        return period_before(wanted.every or "month", today)
    if not 0 <= (last - first).days < DAYS_MAX:
        raise wrong_question("body.last_day", f"1 to {DAYS_MAX} days from the first")
    return Period(first, last)


def _named(parts: Parts, name: str) -> Any:
    installed()
    from headend.warehouse.scope import named

    try:
        return named(parts.config.warehouse, name)
    except BadConfig as error:
        raise not_found(f"party {name}", "[[warehouse.party]] names them.") from error


def _waits(request: Any) -> ReportAsked:
    return ReportAsked(
        id=request.id, report=request.report, first_day=request.first, last_day=request.last,
        language=request.language, party=request.party, asked_at=request.asked_at,
        failed=request.failed,
    )  # fmt: skip


def _json(told: BaseModel, status: int, headers: dict[str, str]) -> Response:
    return Response(told.model_dump_json(), status, headers, "application/json")
