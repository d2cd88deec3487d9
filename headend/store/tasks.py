"""The words for scheduled tasks and their runs.

A lease lies on the task, so that one run of it is under way at a time, whoever runs it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.task import Run, RunLine, Task
from headend.store import task_schema as tables
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

TASK = Form(Task, tables.tasks)
RUN = Form(Run, tables.task_runs)
LINE = Form(RunLine, tables.task_lines)

_t, _r = TASK.table.c, RUN.table.c
_LEASE = ("lease_owner", "lease_until")
_PUT_NAMES = tuple(name for name in TASK.names if name not in _LEASE)
_NEW_RUN = tuple(name for name in RUN.names if name != "number")
_of_task, _of_run = _t.name == bindparam("of_task"), _r.number == bindparam("of_run")
_of_worker = _t.lease_owner == bindparam("worker")
_standing = (_t.active, ~_t.paused, _t.deleted_at.is_(None))
_give_back = update(TASK.table).values(lease_owner=None, lease_until=None)


def _put(dialect: object) -> Prepared:
    made = dialect.insert(TASK.table)  # type: ignore[attr-defined]
    fresh = {name: made.excluded[name] for name in _PUT_NAMES if name != "name"}
    return Prepared(made.on_conflict_do_update(index_elements=["name"], set_=fresh), _PUT_NAMES)


_PUT = {each.dialect.name: _put(each) for each in (sqlite, postgresql)}
_ADD_RUN = {
    each.dialect.name: Prepared(
        each.insert(RUN.table).on_conflict_do_nothing(index_elements=["key"]).returning(_r.number),
        _NEW_RUN,
    )
    for each in (sqlite, postgresql)
}
_TASK = Locked(TASK.select().where(_of_task))
_DUE = Locked(
    TASK.select().where(*_standing, _t.due_at <= bindparam("now")).order_by(_t.due_at, _t.name),
    skip_locked=True,
)
_OF_KIND = Prepared(
    TASK.select()
    .where(_t.kind == bindparam("of_kind"), _t.active, _t.deleted_at.is_(None))
    .order_by(_t.name)
)
_LAST_RUN = Prepared(
    RUN.select()
    .where(_r.task == bindparam("of_task"))
    .order_by(_r.due_at.desc(), _r.number.desc())
    .limit(1)
)
_RUN = Locked(RUN.select().where(_of_run))
_SAVE_RUN = Prepared(update(RUN.table).where(_of_run), _NEW_RUN)
_OPEN = Prepared(
    RUN.select().where(_r.task == bindparam("of_task"), _r.ended_at.is_(None)).order_by(_r.number)
)
_open_runs = (
    RUN.table.join(TASK.table, _t.name == _r.task),
    (_r.ended_at.is_(None), ~_t.paused, _t.deleted_at.is_(None)),
)
_CLAIM = Locked(
    RUN.select()
    .select_from(_open_runs[0])
    .where(
        *_open_runs[1],
        _r.ready_at <= bindparam("now"),
        or_(_t.lease_until.is_(None), _t.lease_until <= bindparam("now")),
    )
    .order_by(_r.due_at, _r.number)
    .limit(1),
    skip_locked=True,
)
_LEASE_IT = Prepared(update(TASK.table).where(_of_task), _LEASE)
_KEEP = Prepared(
    update(TASK.table).where(_of_task, _of_worker).values(lease_until=bindparam("until"))
)
_GIVE_BACK = Prepared(_give_back.where(_of_task, _of_worker))
_GIVE_ALL_BACK = Prepared(_give_back.where(_of_worker))
_FIRST_DUE = Prepared(select(func.min(_t.due_at)).where(*_standing))
_FIRST_READY = Prepared(
    select(func.min(_r.ready_at)).select_from(_open_runs[0]).where(*_open_runs[1])
)
_LINE = Prepared(insert(LINE.table), ("run", "at", "text"))


class TaskWords(Words):
    """Scheduled tasks and their runs."""

    def task(self, name: str) -> Task | None:
        return self._one(TASK, _TASK, {"of_task": name})

    def put_task(self, task: Task) -> None:
        values = TASK.values(task)
        kept = {name: values[name] for name in _PUT_NAMES}
        self._change(_PUT[self._connection.dialect.name], kept)

    def tasks_due(self, now: datetime) -> list[Task]:
        return self._all(TASK, _DUE, {"now": now})

    def tasks_of_kind(self, kind: str) -> list[Task]:
        return self._all(TASK, _OF_KIND, {"of_kind": kind})

    def last_task_run(self, task: str) -> Run | None:
        return self._one(RUN, _LAST_RUN, {"of_task": task})

    def add_task_run(self, run: Run) -> int | None:
        values = RUN.values(run)
        values.pop("number")
        for (number,) in self._rows(_ADD_RUN[self._connection.dialect.name], values):
            return int(number)
        return None

    def task_run(self, number: int) -> Run | None:
        return self._one(RUN, _RUN, {"of_run": number})

    def save_task_run(self, run: Run) -> None:
        values = RUN.values(run)
        self._change(_SAVE_RUN, {"of_run": values.pop("number"), **values})

    def open_task_runs(self, task: str) -> list[Run]:
        return self._all(RUN, _OPEN, {"of_task": task})

    def claim_task_run(self, worker: str, now: datetime, until: datetime) -> Run | None:
        found = self._one(RUN, _CLAIM, {"now": now})
        if found is not None:
            lease = {"lease_owner": worker, "lease_until": until}
            self._change(_LEASE_IT, {"of_task": found.task, **lease})
        return found

    def keep_task(self, name: str, worker: str, until: datetime) -> bool:
        return self._change(_KEEP, {"of_task": name, "worker": worker, "until": until}) == 1

    def give_task_back(self, name: str, worker: str) -> None:
        self._change(_GIVE_BACK, {"of_task": name, "worker": worker})

    def give_tasks_back(self, worker: str) -> int:
        return self._change(_GIVE_ALL_BACK, {"worker": worker})

    def first_task_due(self) -> datetime | None:
        both = [self._value(each) for each in (_FIRST_DUE, _FIRST_READY)]
        return min((each for each in both if each is not None), default=None)

    def add_task_line(self, line: RunLine) -> None:
        self._change(_LINE, {"run": line.run, "at": line.at, "text": line.text})
