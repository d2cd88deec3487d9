"""/collection/schedules: what is collected of whom, how often, and when next."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Security
from pydantic import BaseModel, Field

from headend.collection.schedules_told import told
from headend.collection.tasks import BadTask, group_of, tasks_of
from headend.domain.account import Caller, Permission
from headend.rest.asking import HeadEnd, known
from headend.rest.problems import Problem, described
from headend.store.group_queries import collected_by
from headend.store.queries import Connection

router = APIRouter(prefix="/api/v1/collection", tags=["readings"])


class TurnTold(BaseModel):
    """A concentrator's part of a task, and when its turn in the spread comes."""

    name: str
    meters: int
    next: datetime


class ScheduleTold(BaseModel):
    """A task of the configuration, [[collection.task]]."""

    name: str
    kind: str
    objects: list[str]
    every: str
    rows: str | None
    priority: int
    group: dict[str, Any] = Field(description="The meters that it is for.")
    members: int | None
    direct: int | None = Field(description="Of these, those that the head-end reads by itself.")
    concentrators: list[TurnTold]
    spread_s: float | None
    last: datetime
    next: datetime
    until: datetime = Field(description="Until then meters that do not answer are tried.")


class Schedules(BaseModel):
    """All of them; `zone` is the utility's, whose days and months they follow."""

    zone: str
    items: list[ScheduleTold]


@router.get("/schedules", responses=described(401, 403, 429, 503))
async def schedules(
    parts: HeadEnd, caller: Annotated[Caller, Security(known, scopes=[Permission.READING_READ])]
) -> Schedules:
    """What is collected by itself."""
    name, tasks, now = parts.config.orders.zone, parts.config.collection.task, parts.clock.now()
    zone = ZoneInfo(name)
    try:
        wanted = tasks_of(tasks, name, parts.placing.reads.shelf)
    except BadTask as error:
        raise Problem(
            503, "bad-task", "The schedules cannot be told.", str(error), "Correct the task."
        ) from error

    def found(connection: Connection) -> list[ScheduleTold]:
        return [
            ScheduleTold(**told(task, each, collected_by(connection, group_of(task)), now, zone))
            for task, each in zip(tasks, wanted, strict=True)
        ]

    return Schedules(zone=name, items=await parts.read(found))
