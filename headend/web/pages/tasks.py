"""Scheduled tasks: when each falls due, how it went; run, pause, switch off; each run's log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.rest import tasks as rest
from headend.rest.problems import Problem
from headend.store import task_queries as queries
from headend.web import standing
from headend.web.live import followed, marked
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.task_form import parameters
from headend.web.visit import Named, Numbered, Visit, visiting
from headend.web.wall_time import moment_of

PAGES = (Page("tasks", "/tasks", Menu.OPERATION, Permission.TASK_READ),)
Reader = Annotated[Visit, Security(visiting, scopes=[Permission.TASK_READ])]
Writer = Annotated[Visit, Security(visiting, scopes=[Permission.TASK_WRITE])]
STEPS = {
    "activate": rest.activate_task, "deactivate": rest.deactivate_task,
    "pause": rest.pause_task, "resume": rest.resume_task,
}  # fmt: skip
LINES = 1000

router = APIRouter()


@router.get("/tasks")
async def tasks(visit: Reader) -> Response:
    seen = await _seen(visit)
    found = await rest.list_tasks(visit.parts, visit.caller)
    kinds = await rest.list_kinds(visit.parts, visit.caller)
    return rendered(
        visit, "tasks.html", found=found, broken=kinds.broken, seen=seen, standing=standing
    )


@router.get("/tasks/live")
async def follow(visit: Reader) -> Response:
    """Says `changed` with each step of a run."""

    async def look() -> object:
        return await _seen(visit)

    return followed(visit, look, known=visit.asked("seen"))


async def _seen(visit: Visit) -> str:
    """A mark of how the newest runs stand."""
    newest = await visit.parts.read(lambda connection: queries.runs(connection, limit=20))
    said = [(it.number, it.state, it.tries, it.step, it.steps_done) for it in newest]
    return marked(said)


@router.get("/tasks/runs/{number}")
async def run(visit: Reader, number: Numbered) -> Response:
    seen = await _seen(visit)
    found = await rest.show_run(visit.parts, visit.caller, number)
    log = await rest.show_log(visit.parts, visit.caller, number, LINES, visit.asked("cursor"))
    return rendered(
        visit, "task_run.html", run=found, log=log, next=visit.onward(log.next), seen=seen,
        standing=standing,
    )  # fmt: skip


@router.get("/tasks/named/{name}")
async def task(visit: Reader, name: Named) -> Response:
    seen = await _seen(visit)
    found = await rest.show_task(visit.parts, visit.caller, name)
    history = await rest.list_runs(visit.parts, visit.caller, name, [], 20, visit.asked("cursor"))
    kind = visit.parts.tasks.kinds.get(found.kind)
    return rendered(
        visit, "task.html", task=found, history=history, next=visit.onward(history.next),
        seen=seen,
        about=None if kind is None else kind.about, standing=standing,
        parameters=None if kind is None else parameters(kind, found.parameters),
    )  # fmt: skip


@router.post("/tasks/named/{name}/run")
async def run_now(visit: Writer, name: Named) -> Response:
    try:
        as_of = moment_of(visit.field("as_of"), visit.words.zone)
    except (ValueError, OverflowError) as error:
        raise Problem(400, "wrong-question", "", f"as_of: {error}") from error
    wanted = rest.RunWanted(due_at=as_of)
    asked = await rest.run_task(visit.request, visit.parts, visit.caller, name, wanted)
    return visit.to(f"/tasks/runs/{asked.number}", "tasks.done.run")


@router.post("/tasks/named/{name}/delete")
async def delete(visit: Writer, name: Named) -> Response:
    await rest.delete_task(visit.request, visit.parts, visit.caller, name)
    return visit.to("/tasks", "tasks.done.delete")


@router.post("/tasks/named/{name}/{step}")
async def change(visit: Writer, name: Named, step: Named) -> Response:
    if step not in STEPS:
        raise Problem(404, "no-such-page", "", step)
    await STEPS[step](visit.request, visit.parts, visit.caller, name)
    return visit.to(f"/tasks/named/{name}", f"tasks.done.{step}")
