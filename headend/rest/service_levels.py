"""/service-levels: what was promised, and how it stands, as the head-end has measured it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.service_level import By, LevelReport, Measure, Standing, reported
from headend.rest.asking import HeadEnd, known
from headend.rest.problems import described, wrong_question
from headend.service_levels.page import WORDS
from headend.store.service_level_queries import measured_days

router = APIRouter(prefix="/api/v1", tags=["service levels"])

DAYS_MAX = 400

Since = Annotated[date, Query(description="From this day of the utility's calendar on.")]
Until = Annotated[date, Query(description="Up to and with this day.")]


class StandingTold(BaseModel):
    """How a level stands, of all together or of a group."""

    name: str = Field(description="Of the group; empty for all, and for what has no group.")
    result: Literal["met", "missed", "open"] = Field(
        description="open: nothing has had its time yet."
    )
    measured: float | None = Field(description="The share that was in time, of those judged.")
    items: int
    judged: int = Field(description="Of the items, those that had their time.")
    met: int
    apart: int = Field(description="Of silent meters, which are in none of the others.")
    silent: int = Field(description="How many meters these are.")

    @staticmethod
    def of(one: Standing) -> StandingTold:
        count = one.count
        return StandingTold(
            name=one.name,
            result=WORDS[one.met],
            measured=one.share,
            items=count.items,
            judged=count.judged,
            met=count.met,
            apart=count.apart,
            silent=count.silent,
        )


class LevelTold(BaseModel):
    """One level of a goal."""

    goal: str
    measures: Measure
    about: str
    within_s: int
    wanted: float = Field(description="The share that is to take no longer.")
    whole: StandingTold
    groups: list[StandingTold] = Field(description="The worst first.")

    @staticmethod
    def of(each: LevelReport) -> LevelTold:
        return LevelTold(
            goal=each.whole.goal.name,
            measures=each.whole.goal.measures,
            about=each.whole.goal.about,
            within_s=each.whole.level.within_s,
            wanted=float(each.whole.level.share),
            whole=StandingTold.of(each.whole),
            groups=[StandingTold.of(one) for one in each.groups],
        )


class ServiceLevelsTold(BaseModel):
    """All levels, in the order of the definition."""

    days: int = Field(description="Of those asked for, the ones that were measured.")
    measured_at: datetime | None = Field(description="When the oldest of them was.")
    levels: list[LevelTold]


@router.get("/service-levels", responses=described(400, 401, 403, 429, 503))
async def service_levels(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.REPORT_READ])],
    since: Since,
    until: Until,
    by: Annotated[By, Query(description="The groups of each level.")] = By.ALL,
) -> ServiceLevelsTold:
    """How service levels stand over some days, as the head-end measures them hour by hour."""
    if not 0 <= (until - since).days < DAYS_MAX:
        raise wrong_question("query.until", f"a span of 1 to {DAYS_MAX} days")
    rows = await parts.read(lambda connection: measured_days(connection, since, until, by))
    return ServiceLevelsTold(
        days=len({row.day for row in rows}),
        measured_at=min((row.at for row in rows), default=None),
        levels=[LevelTold.of(each) for each in reported(parts.levels, rows, by)],
    )
