"""Questions about scheduled tasks, for pages and commands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from headend.domain.task import Run, RunLine, RunState, Task
from headend.store.tasks import LINE, RUN, TASK

_t, _r, _l = TASK.table.c, RUN.table.c, LINE.table.c


@dataclass(frozen=True, slots=True)
class TaskStanding:
    """A task, its newest run, and the one that is under way."""

    task: Task
    last: Run | None  # that has ended
    running: Run | None


def tasks(connection: Connection, *, deleted: bool = False) -> list[TaskStanding]:
    """All there are, by name."""
    query = TASK.select().order_by(_t.name)
    if not deleted:
        query = query.where(_t.deleted_at.is_(None))
    return _standing(connection, [TASK.read(row) for row in connection.execute(query)])


def task(connection: Connection, name: str) -> TaskStanding | None:
    """One that was not deleted."""
    row = connection.execute(TASK.select().where(_t.name == name, _t.deleted_at.is_(None))).first()
    return None if row is None else _standing(connection, [TASK.read(row)])[0]


def runs(
    connection: Connection,
    task: str | None = None,
    *,
    states: Collection[RunState] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[Run]:
    """The latest first, of one task or of all; `before` continues behind the last number of the
    page before."""
    query = RUN.select().order_by(_r.number.desc()).limit(limit)
    if task is not None:
        query = query.where(_r.task == task)
    if states:
        query = query.where(_r.state.in_(states))
    if before is not None:
        query = query.where(_r.number < before)
    return [RUN.read(row) for row in connection.execute(query)]


def run(connection: Connection, number: int) -> Run | None:
    """One, by its number."""
    row = connection.execute(RUN.select().where(_r.number == number)).first()
    return None if row is None else RUN.read(row)


def log(connection: Connection, run: int, *, after: int = 0, limit: int = 1000) -> list[RunLine]:
    """The lines of a run in their order, behind the one with this number."""
    query = LINE.select().where(_l.run == run, _l.number > after).order_by(_l.number).limit(limit)
    return [LINE.read(row) for row in connection.execute(query)]


def running(connection: Connection) -> int:
    """How many runs are under way."""
    query = select(func.count()).where(_r.state == RunState.RUNNING, _r.ended_at.is_(None))
    return int(connection.execute(query).scalar_one())


def _standing(connection: Connection, found: list[Task]) -> list[TaskStanding]:
    names = [each.name for each in found]
    newest = (
        select(func.max(_r.number))
        .where(_r.task.in_(names), _r.ended_at.is_not(None))
        .group_by(_r.task)
    )
    last = {it.task: it for it in map(RUN.read, connection.execute(
        RUN.select().where(_r.number.in_(newest))))}  # fmt: skip
    under_way = {it.task: it for it in map(RUN.read, connection.execute(
        RUN.select().where(_r.state == RunState.RUNNING, _r.task.in_(names))))}  # fmt: skip
    return [TaskStanding(each, last.get(each.name), under_way.get(each.name)) for each in found]
