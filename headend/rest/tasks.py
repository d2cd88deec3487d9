"""/tasks: scheduled tasks, their runs, and what these wrote down."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.access.desk import By
from headend.domain.account import Caller, Permission
from headend.domain.task import (
    CatchUp,
    Every,
    Run,
    RunLine,
    RunState,
    Schedule,
    Task,
    Told,
    Weekday,
)
from headend.rest.asking import HeadEnd, known, source_of
from headend.rest.orders import NUMBER_MAX
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import Problem, described, not_found
from headend.rest.values import Instant
from headend.store import task_queries as queries
from headend.store.queries import Connection
from headend.store.task_queries import TaskStanding
from headend.tasks.desk import TaskRefused, TaskWish
from headend.tasks.kinds import parameters_of

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])

Name = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The task's name.")
]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The run's number.")]
Reader = Annotated[Caller, Security(known, scopes=[Permission.TASK_READ])]
Writer = Annotated[Caller, Security(known, scopes=[Permission.TASK_WRITE])]
_CHANGED = described(400, 401, 403, 404, 409, 413, 429, 503)
_STATUS = {"no-such-task": 404, "name-taken": 409, "task-running": 409, "task-paused": 409,
    "run-waits": 409, "never-due": 409, "kind-stays": 409}  # fmt: skip


class ScheduleTold(BaseModel):
    """When a task falls due, by the clocks of the utility's zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: Every
    at: time = Field(time(0), description="The time of day: once, daily, weekly.")
    on: date | None = Field(None, description="The day: once.")
    weekdays: tuple[Weekday, ...] = Field((), max_length=7, description="Weekly.")
    interval_s: int | None = Field(None, ge=60, le=366 * 86_400, description="Of an interval.")
    start: Instant | None = Field(None, description="Nothing falls due before.")
    end: Instant | None = Field(None, description="Nothing falls due after.")

    @staticmethod
    def of(one: Schedule) -> ScheduleTold:
        return ScheduleTold(
            every=one.every,
            at=one.at,
            on=one.on,
            weekdays=one.weekdays,
            interval_s=one.interval_s,
            start=one.start,
            end=one.end,
        )

    @property
    def meant(self) -> Schedule:
        return Schedule(
            every=self.every,
            at=self.at,
            on=self.on,
            weekdays=self.weekdays,
            interval_s=self.interval_s,
            start=self.start,
            end=self.end,
        )


class TaskWanted(BaseModel):
    """A task to be made, or what of one is to be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: ScheduleTold | None = None
    parameters: dict[str, Any] | None = Field(
        None, description="As its kind takes them: GET /api/v1/tasks/kinds."
    )
    catch_up: CatchUp | None = Field(
        None, description="What becomes of runs that fell due while nobody ran them."
    )

    def wish(self, kind: str | None) -> TaskWish:
        schedule = None if self.schedule is None else self.schedule.meant
        return TaskWish(kind, schedule, self.parameters, self.catch_up)


class NewTask(TaskWanted):
    """A task to be made."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    kind: str = Field(max_length=100, description="A plug-in: GET /api/v1/tasks/kinds.")


class RunWanted(BaseModel):
    """A run beside the schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    due_at: Instant | None = Field(
        None, description="As if it were then; a day's run loads follows from it. Left out: now."
    )


class RunTold(BaseModel):
    """One time that a task was run, or is to be."""

    number: int
    task: str
    kind: str
    due_at: datetime
    asked_by: str
    asked_at: datetime
    state: RunState
    missed: int = Field(description="Earlier turns that it stands for.")
    tries: int
    worker: str | None
    ready_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    took_s: float | None
    step: str
    steps_done: int
    steps_all: int
    told: Told | None = Field(description="What came of it.")
    code: str | None = Field(description="What went wrong, the last time.")
    trouble: str | None

    @staticmethod
    def of(run: Run) -> RunTold:
        return RunTold(
            number=run.number, task=run.task, kind=run.kind, due_at=run.due_at,
            asked_by=run.asked_by, asked_at=run.asked_at, state=run.state, missed=run.missed,
            tries=run.tries, worker=run.worker, ready_at=run.ready_at, began_at=run.began_at,
            ended_at=run.ended_at, took_s=run.took_s, step=run.step, steps_done=run.steps_done,
            steps_all=run.steps_all, told=run.told, code=run.code, trouble=run.trouble,
        )  # fmt: skip


class TaskTold(BaseModel):
    """A task as it stands."""

    name: str
    kind: str
    schedule: ScheduleTold
    parameters: dict[str, Any]
    catch_up: CatchUp
    active: bool
    paused: bool
    due_at: datetime | None = Field(description="The next time.")
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str
    last: RunTold | None = Field(None, description="Its newest run that has ended.")
    running: RunTold | None = Field(None, description="The run under way.")

    @staticmethod
    def of(task: Task, last: Run | None = None, running: Run | None = None) -> TaskTold:
        return TaskTold(
            name=task.name, kind=task.kind, schedule=ScheduleTold.of(task.schedule),
            parameters=task.parameters, catch_up=task.catch_up, active=task.active,
            paused=task.paused, due_at=task.due_at, made_at=task.made_at, made_by=task.made_by,
            changed_at=task.changed_at, changed_by=task.changed_by,
            last=None if last is None else RunTold.of(last),
            running=None if running is None else RunTold.of(running),
        )  # fmt: skip

    @staticmethod
    def standing(one: TaskStanding) -> TaskTold:
        return TaskTold.of(one.task, one.last, one.running)


class TasksTold(BaseModel):
    """All tasks, and how many runs are under way."""

    running: int
    items: list[TaskTold]


class ParameterTold(BaseModel):
    """A parameter of a kind."""

    name: str
    type: str
    default: Any


class KindTold(BaseModel):
    """A kind of task: a plug-in."""

    name: str
    about: str
    catch_up: CatchUp
    parameters: list[ParameterTold]


class KindsTold(BaseModel):
    """Plug-ins that there are, and entry points that could not be used, with why."""

    items: list[KindTold]
    broken: dict[str, str]


class LineTold(BaseModel):
    """A line of a run's log."""

    number: int
    at: datetime
    text: str

    @staticmethod
    def of(line: RunLine) -> LineTold:
        return LineTold(number=line.number, at=line.at, text=line.text)


@router.get("", responses=described(400, 401, 403, 429, 503))
async def list_tasks(parts: HeadEnd, caller: Reader) -> TasksTold:
    """All tasks by name, with their next time and their newest run."""

    def found(connection: Connection) -> tuple[int, list[TaskStanding]]:
        return queries.running(connection), queries.tasks(connection)

    running, tasks = await parts.read(found)
    return TasksTold(running=running, items=[TaskTold.standing(each) for each in tasks])


@router.get("/kinds", responses=described(400, 401, 403, 429, 503))
async def list_kinds(parts: HeadEnd, caller: Reader) -> KindsTold:
    """The plug-ins, and the parameters that each takes."""
    kinds = parts.tasks.kinds
    return KindsTold(
        items=[
            KindTold(
                name=each.name,
                about=each.about,
                catch_up=each.catch_up,
                parameters=[
                    ParameterTold(name=name, type=type_, default=default)
                    for name, type_, default in parameters_of(each)
                ],
            )
            for each in kinds.known.values()
        ],
        broken=dict(kinds.broken),
    )


@router.get("/runs", responses=described(400, 401, 403, 429, 503))
async def list_runs(
    parts: HeadEnd,
    caller: Reader,
    task: Annotated[str | None, Query(max_length=64, description="Only of this task.")] = None,
    state: Annotated[list[RunState], Query(description="Only in one of these.")] = [],  # noqa: B006
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[RunTold]:
    """Runs of all tasks, deleted ones too, the latest first."""
    before = after_number(cursor_)

    def found(connection: Connection) -> list[Run]:
        return queries.runs(connection, task, states=state, before=before, limit=limit + 1)

    return page(await parts.read(found), limit, RunTold.of, lambda last: by_number(last.number))


@router.get("/runs/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_run(parts: HeadEnd, caller: Reader, number: Number) -> RunTold:
    """One run, as it stands."""
    found = await parts.read(lambda connection: queries.run(connection, number))
    if found is None:
        raise not_found(f"run {number}", "GET /api/v1/tasks/runs lists those that there are.")
    return RunTold.of(found)


@router.get("/runs/{number}/log", responses=described(400, 401, 403, 404, 429, 503))
async def show_log(
    parts: HeadEnd,
    caller: Reader,
    number: Number,
    limit: Limit = 1000,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[LineTold]:
    """What a run wrote down, in order."""
    await show_run(parts, caller, number)
    after = after_number(cursor_) or 0

    def found(connection: Connection) -> list[RunLine]:
        return queries.log(connection, number, after=after, limit=limit + 1)

    return page(await parts.read(found), limit, LineTold.of, lambda last: by_number(last.number))


@router.post("", status_code=201, responses=described(400, 401, 403, 409, 413, 429, 503))
async def make_task(request: Request, parts: HeadEnd, caller: Writer, wanted: NewTask) -> TaskTold:
    """A new task, active."""
    by = By(caller.account, source_of(request))
    return await _told(parts.tasks.new(wanted.name, wanted.wish(wanted.kind), by))


@router.get("/{name}", responses=described(400, 401, 403, 404, 429, 503))
async def show_task(parts: HeadEnd, caller: Reader, name: Name) -> TaskTold:
    """One task, as it stands."""
    found = await parts.read(lambda connection: queries.task(connection, name))
    if found is None:
        raise not_found(f"task {name}", "GET /api/v1/tasks lists those that there are.")
    return TaskTold.standing(found)


@router.patch("/{name}", responses=_CHANGED)
async def edit_task(
    request: Request, parts: HeadEnd, caller: Writer, name: Name, wanted: TaskWanted
) -> TaskTold:
    """Another schedule, other parameters; what is not named stays."""
    by = By(caller.account, source_of(request))
    return await _told(parts.tasks.edit(name, wanted.wish(None), by))


@router.delete("/{name}", responses=_CHANGED)
async def delete_task(request: Request, parts: HeadEnd, caller: Writer, name: Name) -> TaskTold:
    """It falls due no more; its runs stay."""
    return await _told(parts.tasks.delete(name, By(caller.account, source_of(request))))


@router.post("/{name}/activate", responses=_CHANGED)
async def activate_task(request: Request, parts: HeadEnd, caller: Writer, name: Name) -> TaskTold:
    """It falls due again, from now on."""
    return await _told(parts.tasks.activate(name, By(caller.account, source_of(request))))


@router.post("/{name}/deactivate", responses=_CHANGED)
async def deactivate_task(request: Request, parts: HeadEnd, caller: Writer, name: Name) -> TaskTold:
    """It falls due no more until it is activated."""
    return await _told(parts.tasks.deactivate(name, By(caller.account, source_of(request))))


@router.post("/{name}/pause", responses=_CHANGED)
async def pause_task(request: Request, parts: HeadEnd, caller: Writer, name: Name) -> TaskTold:
    """Nothing of it begins, a run under way stops; what it misses is made up for afterwards."""
    return await _told(parts.tasks.pause(name, By(caller.account, source_of(request))))


@router.post("/{name}/resume", responses=_CHANGED)
async def resume_task(request: Request, parts: HeadEnd, caller: Writer, name: Name) -> TaskTold:
    """It goes on where it was paused."""
    return await _told(parts.tasks.resume(name, By(caller.account, source_of(request))))


@router.post("/{name}/runs", status_code=201, responses=_CHANGED)
async def run_task(
    request: Request,
    parts: HeadEnd,
    caller: Writer,
    name: Name,
    wanted: RunWanted = RunWanted(due_at=None),  # noqa: B008
) -> RunTold:
    """Run it now, beside its schedule."""
    by = By(caller.account, source_of(request))
    try:
        return RunTold.of(await parts.tasks.run_now(name, by, wanted.due_at))
    except TaskRefused as error:
        raise _refused(error) from error


async def _told(acted: Awaitable[Task]) -> TaskTold:
    try:
        return TaskTold.of(await acted)
    except TaskRefused as error:
        raise _refused(error) from error


def _refused(error: TaskRefused) -> Problem:
    status = _STATUS.get(error.code, 400)
    title = {404: "There is no such thing.", 409: "It does not go that way now."}
    return Problem(
        status, error.code, title.get(status, "It is not done."), str(error), error.next_step
    )
