"""A new task of some kind, and another schedule or other parameters for one that there is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.task import CatchUp, Every, Task, Weekday
from headend.rest import tasks as rest
from headend.rest.problems import Problem
from headend.store import task_queries as queries
from headend.tasks.desk import TaskRefused, TaskWish
from headend.tasks.kinds import Kind
from headend.web import task_form
from headend.web.render import rendered
from headend.web.task_form import Given, Parameter
from headend.web.visit import Named, Visit, visiting

Writer = Annotated[Visit, Security(visiting, scopes=[Permission.TASK_WRITE])]
EMPTY = {"every": Every.DAILY, "at": "00:00", "on": "", "weekdays": "", "minutes": "", "start": "",
    "end": ""}  # fmt: skip

router = APIRouter()


@router.get("/tasks/new")
async def new(visit: Writer) -> Response:
    """The kinds that there are, or the form for one."""
    name = visit.asked("kind")
    if name is None:
        kinds = await rest.list_kinds(visit.parts, visit.caller)
        return rendered(visit, "task_kinds.html", kinds=kinds)
    kind = _kind(visit, name)
    given = {"name": "", **EMPTY, "catch_up": kind.catch_up}
    return _form(visit, kind, given, task_form.parameters(kind))


@router.post("/tasks/new")
async def make(visit: Writer) -> Response:
    kind = _kind(visit, visit.field("kind"))
    those = task_form.parameters(kind)
    given = {"name": visit.field("name"), **task_form.filled(visit, those)}
    try:
        schedule = task_form.schedule_of(given, visit.words.zone)
        wish = TaskWish(
            kind.name, schedule, task_form.parameters_meant(those, given),
            CatchUp(given["catch_up"]),
        )  # fmt: skip
        made = await visit.parts.tasks.new(given["name"], wish, visit.by)
    except (ValueError, OverflowError) as error:
        return _form(visit, kind, given, those, wrong=error)
    return visit.to(f"/tasks/named/{made.name}", "tasks.done.new")


@router.get("/tasks/named/{name}/edit")
async def edit(visit: Writer, name: Named) -> Response:
    task = await _task(visit, name)
    kind = _kind(visit, task.kind)
    those = task_form.parameters(kind, task.parameters)
    return _form(visit, kind, task_form.shown(task, visit.words.zone), those, task)


@router.post("/tasks/named/{name}/edit")
async def change(visit: Writer, name: Named) -> Response:
    """What still stands as it was shown is not touched."""
    task = await _task(visit, name)
    kind = _kind(visit, task.kind)
    those = task_form.parameters(kind, task.parameters)
    given = task_form.filled(visit, those)
    try:
        schedule = task_form.schedule_of(given, visit.words.zone, task.schedule)
        catch_up = CatchUp(given["catch_up"])
        wish = TaskWish(
            None, None if schedule == task.schedule else schedule,
            task_form.parameters_meant(those, given) or None,
            None if catch_up is task.catch_up else catch_up,
        )  # fmt: skip
        await visit.parts.tasks.edit(name, wish, visit.by)
    except (ValueError, OverflowError) as error:
        return _form(visit, kind, given, those, task, wrong=error)
    return visit.to(f"/tasks/named/{name}", "tasks.done.edit")


def _kind(visit: Visit, name: str) -> Kind[Any]:
    """Raises `Problem`."""
    kind = visit.parts.tasks.kinds.get(name)
    if kind is None:
        raise Problem(404, "no-such-kind", "There is no such kind.", name)
    return kind


async def _task(visit: Visit, name: str) -> Task:
    """Raises `Problem`."""
    found = await visit.parts.read(lambda connection: queries.task(connection, name))
    if found is None:
        raise Problem(404, "no-such-task", "There is no such task.", name)
    return found.task


def _form(
    visit: Visit,
    kind: Kind[Any],
    given: Given,
    those: list[Parameter],
    task: Task | None = None,
    *,
    wrong: Exception | None = None,
) -> Response:
    code = wrong.code if isinstance(wrong, TaskRefused) else "wrong-question"
    return rendered(
        visit, "task_form.html", 200 if wrong is None else 400, kind=kind, given=given,
        parameters=those, task=task, wrong=wrong, code=code, everies=list(Every),
        weekdays=list(Weekday), catch_ups=list(CatchUp),
    )  # fmt: skip
