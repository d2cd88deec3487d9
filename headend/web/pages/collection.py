"""How complete the collection is: day by day, by concentrator, and what is missing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.rest import collection as rest
from headend.rest.collection import By, CompletenessTold
from headend.rest.paging import Page as Part
from headend.web import standing
from headend.web.chart import Chart
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (Page("collection", "/collection", Menu.OPERATION, Permission.READING_READ),)
DAYS = (7, 14, 31)
P = Permission

router = APIRouter()


@router.get("/collection")
async def collection(
    visit: Annotated[Visit, Security(visiting, scopes=[P.READING_READ])],
) -> Response:
    today = visit.parts.clock.now().astimezone(visit.words.zone).date()
    days = next((each for each in DAYS if str(each) == visit.asked("days")), DAYS[0])
    since = today - timedelta(days=days - 1)

    async def told(by: By, cursor: str | None = None) -> Part[CompletenessTold]:
        return await rest.completeness(
            visit.parts, visit.caller, since, today, by, rest.LOAD_PROFILE,
            visit.asked("concentrator"), None, 100, cursor,
        )  # fmt: skip

    by_day = await told(By.DAY)
    by_concentrator = await told(By.CONCENTRATOR, visit.asked("cursor"))
    gaps = await rest.gaps(
        visit.parts, visit.caller, since, today, rest.LOAD_PROFILE, visit.asked("concentrator"),
        None, 50, None,
    )  # fmt: skip
    return rendered(
        visit, "collection.html", chart=_curve(visit, by_day.items), found=by_concentrator,
        next=visit.onward(by_concentrator.next), gaps=gaps, days=days, choices=DAYS,
        standing=standing, whole=_whole(by_day.items),
    )  # fmt: skip


def _whole(days: list[CompletenessTold]) -> float | None:
    due = sum(each.due for each in days)
    return sum(each.received for each in days) / due if due else None


def _curve(visit: Visit, days: list[CompletenessTold]) -> Chart:
    words = visit.words
    shares = [None if each.due == 0 else each.received / each.due for each in days]
    return Chart(
        "curve",
        words.text("collection.curve"),
        words.text("collection.curve_about"),
        [
            {
                "type": "scatter", "mode": "lines+markers", "ami": 0,
                "x": [words.short_day(date.fromisoformat(each.name)) for each in days],
                "y": [None if share is None else 100 * share for share in shares],
            }
        ],
        [words.text(f"collection.{key}") for key in ("day", "due", "received", "share", "late")],
        [
            [words.day(date.fromisoformat(each.name)), words.number(each.due),
             words.number(each.received), words.share(share), words.number(each.late)]
            for each, share in zip(days, shares, strict=True)
        ],
        {"yaxis": {"ticksuffix": " %", "rangemode": "tozero", "range": [0, 103]},
         "xaxis": {"type": "category", "nticks": 10}},
    )  # fmt: skip
