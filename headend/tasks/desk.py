"""Where tasks are made, changed and started by hand; each act stands in the audit log with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from headend.access import lines
from headend.access.desk import By
from headend.config.tasks import Associations
from headend.domain.account import Permission
from headend.domain.task import CatchUp, Every, Run, RunState, Schedule, Task
from headend.ports import Clock, Store, Transaction
from headend.tasks.kinds import BadParameters, Kind, Kinds
from headend.tasks.schedule import next_after, wrong_with

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HEAD_END = "head-end"
_SEE = "See which there are: ami task list"


class TaskRefused(ValueError):
    """It cannot be done so: a code for programs, a sentence, and what to do next."""

    def __init__(self, code: str, text: str, next_step: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class TaskWish:
    """What a task is to be.  What is None stays as it is, or as its kind has it."""

    kind: str | None = None
    schedule: Schedule | None = None
    parameters: Mapping[str, Any] | None = None
    catch_up: CatchUp | None = None


@dataclass(frozen=True, slots=True)
class TaskDesk:
    """Every act returns once it is safe on disk; `wake` then tells who runs tasks here.  All raise
    `TaskRefused`."""

    store: Store
    clock: Clock
    zone: ZoneInfo
    kinds: Kinds
    wake: Callable[[], None] = lambda: None

    async def new(self, name: str, wish: TaskWish, by: By) -> Task:
        """A new task, active.  Where one of its name was deleted its runs stay this one's."""
        if NAME.fullmatch(name) is None:
            raise TaskRefused(
                "bad-name", f"{name!r} is no name of a task",
                "Take letters, digits and . _ -, at most 64.",
            )  # fmt: skip
        kind, now = self._kind(wish.kind or ""), self.clock.now()
        if wish.schedule is None:
            raise TaskRefused("no-schedule", "it is not said when", "Say when: --every daily --at")
        schedule = self._schedule(wish.schedule, now)
        task = Task(
            name, kind.name, _parameters(kind, wish.parameters or {}), schedule,
            wish.catch_up or kind.catch_up, now, by.actor, now, by.actor,
            due_at=self._next(schedule, now),
        )  # fmt: skip

        def work(tx: Transaction) -> Task:
            known = tx.task(name)
            if known is not None and known.deleted_at is None:
                raise TaskRefused("name-taken", f"there is a task {name} already", _SEE)
            tx.put_task(task)
            self._note(tx, by, now, name, f"new: {kind.name}, {schedule.every}")
            return task

        return await self._done(work)

    async def edit(self, name: str, wish: TaskWish, by: By) -> Task:
        """Another schedule, other parameters; a run under way goes on as it was begun."""
        now = self.clock.now()

        def work(tx: Transaction) -> Task:
            task = _known(tx, name)
            kind = self._kind(wish.kind or task.kind)
            if kind.name != task.kind:
                raise TaskRefused(
                    "kind-stays", f"{name} is of the kind {task.kind}, and stays so",
                    "Delete it and make another: ami task new",
                )  # fmt: skip
            schedule = task.schedule
            if wish.schedule is not None:
                schedule = self._schedule(wish.schedule, now)
            given = {**task.parameters, **(wish.parameters or {})}
            fresh = replace(
                task, schedule=schedule, parameters=_parameters(kind, given),
                catch_up=wish.catch_up or task.catch_up, changed_at=now, changed_by=by.actor,
            )  # fmt: skip
            if wish.schedule is not None and task.active:
                fresh = replace(fresh, due_at=self._next(schedule, now))
            tx.put_task(fresh)
            what = [name for name in ("schedule", "parameters", "catch_up") if _said(wish, name)]
            self._note(tx, by, now, name, f"edited: {', '.join(what) or 'nothing'}")
            return fresh

        return await self._done(work)

    async def delete(self, name: str, by: By) -> Task:
        """It falls due no more; its history stays.  Refused while it is run."""
        now = self.clock.now()

        def work(tx: Transaction) -> Task:
            task = _known(tx, name)
            for run in tx.open_task_runs(name):
                if run.state is RunState.RUNNING and _leased(task, now):
                    raise TaskRefused(
                        "task-running", f"run {run.number} of {name} is under way",
                        f"Let it end, or stop it first: ami task pause {name}",
                    )  # fmt: skip
                tx.save_task_run(
                    replace(
                        run, state=RunState.FAILED, ended_at=now, code="task-deleted",
                        trouble="its task was deleted",
                    )
                )  # fmt: skip
            gone = replace(
                task, deleted_at=now, due_at=None, active=False, changed_at=now, changed_by=by.actor
            )
            tx.put_task(gone)
            self._note(tx, by, now, name, "deleted")
            return gone

        return await self._done(work)

    async def activate(self, name: str, by: By) -> Task:
        """It falls due again, from now on: what it missed meanwhile is not made up for."""
        now = self.clock.now()

        def changed(task: Task) -> Task:
            due = task.due_at if task.active else self._next(task.schedule, now)
            return replace(task, active=True, due_at=due)

        return await self._change(name, by, now, "activated", changed)

    async def deactivate(self, name: str, by: By) -> Task:
        """It falls due no more until it is activated; a run under way goes on."""
        return await self._change(
            name, by, self.clock.now(), "deactivated",
            lambda task: replace(task, active=False, due_at=None),
        )  # fmt: skip

    async def pause(self, name: str, by: By) -> Task:
        """Nothing of it begins, and a run under way stops; what it misses is made up for later."""
        return await self._change(
            name, by, self.clock.now(), "paused", lambda task: replace(task, paused=True)
        )

    async def resume(self, name: str, by: By) -> Task:
        """It goes on where it was paused."""
        return await self._change(
            name, by, self.clock.now(), "resumed", lambda task: replace(task, paused=False)
        )

    async def run_now(self, name: str, by: By, due_at: datetime | None = None) -> Run:
        """Run it beside its schedule, also one that is not active; as if it were `due_at`, which is
        now where nobody says.  Refused where such a run waits already, and while it is paused."""
        now = self.clock.now()
        if due_at is not None and due_at > now:
            raise TaskRefused("to-come", "a run for a time to come", "Name a time that has come.")

        def work(tx: Transaction) -> Run:
            task = _known(tx, name)
            if task.paused:
                raise TaskRefused("task-paused", f"{name} is paused", f"ami task resume {name}")
            for other in tx.open_task_runs(name):
                if other.state is RunState.WAITING and other.key is None and other.tries == 0:
                    raise TaskRefused(
                        "run-waits", f"run {other.number} of {name} waits already",
                        f"See how it goes: ami task history {name}",
                    )  # fmt: skip
            run = Run(0, name, task.kind, due_at or now, by.actor, now, now)
            number = tx.add_task_run(run)
            assert number is not None, "only turns of a schedule have a key"
            self._note(tx, by, now, name, f"run {number} asked for, as of {run.due_at:%F %T}Z")
            return replace(run, number=number)

        found = await self.store.run(work)
        self.wake()
        return found

    # --- inside ---

    async def _change(
        self, name: str, by: By, now: datetime, what: str, changed: Callable[[Task], Task]
    ) -> Task:
        def work(tx: Transaction) -> Task:
            fresh = replace(changed(_known(tx, name)), changed_at=now, changed_by=by.actor)
            tx.put_task(fresh)
            self._note(tx, by, now, name, what)
            return fresh

        return await self._done(work)

    async def _done(self, work: Callable[[Transaction], Task]) -> Task:
        found = await self.store.run(work)
        self.wake()
        return found

    def _note(self, tx: Transaction, by: By, now: datetime, name: str, what: str) -> None:
        tx.add_audit(
            lines.done(now, by.actor, Permission.TASK_WRITE, f"task {name}", what, source=by.source)
        )

    def _kind(self, name: str) -> Kind[Any]:
        kind = self.kinds.get(name)
        if kind is None:
            raise TaskRefused(
                "no-such-kind", f"no plug-in is called {name or '(none named)'}",
                f"There are {', '.join(self.kinds.known)}: ami task kinds",
            )  # fmt: skip
        return kind

    def _schedule(self, wanted: Schedule, now: datetime) -> Schedule:
        if wanted.every is Every.INTERVAL and wanted.start is None:
            wanted = _with_start(wanted, now.replace(microsecond=0) + timedelta(seconds=1))
        if why := wrong_with(wanted):
            raise TaskRefused("bad-schedule", why, "ami task new --help shows examples.")
        return wanted

    def _next(self, schedule: Schedule, now: datetime) -> datetime:
        """Raises `TaskRefused` for a schedule that is over."""
        due = next_after(schedule, now, self.zone)
        if due is None:
            raise TaskRefused(
                "never-due", "it would never fall due: its time is past",
                "Name a time to come, or run it now: ami task run",
            )  # fmt: skip
        return due


def standard_tasks(
    kinds: Kinds, settings: Associations, zone: ZoneInfo, now: datetime
) -> list[Task]:
    """The tasks that a head-end makes by itself: a daily one of each kind that says when."""
    found: list[Task] = []
    for kind in kinds.known.values():
        if kind.standard is not None:
            schedule = Schedule(every=Every.DAILY, at=kind.standard(settings))
            due = next_after(schedule, now, zone)
            given = _parameters(kind, {})
            task = Task(
                kind.name, kind.name, given, schedule, kind.catch_up, now, HEAD_END, now, HEAD_END,
                due_at=due,
            )  # fmt: skip
            found.append(task)
    return found


def make_standard(tx: Transaction, tasks: list[Task]) -> None:
    """Make those that never were: one that somebody deleted does not come back."""
    for task in tasks:
        if tx.task(task.name) is None:
            tx.put_task(task)
            told = f"new: {task.kind}, daily at {task.schedule.at}"
            tx.add_audit(
                lines.done(
                    task.made_at, task.made_by, Permission.TASK_WRITE, f"task {task.name}", told,
                    source=HEAD_END,
                )
            )  # fmt: skip


def _known(tx: Transaction, name: str) -> Task:
    task = tx.task(name)
    if task is None or task.deleted_at is not None:
        raise TaskRefused("no-such-task", f"no task is called {lines.clean(name)}", _SEE)
    return task


def _parameters(kind: Kind[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return kind.written(kind.read(given))
    except BadParameters as error:
        raise TaskRefused(
            "bad-parameters", str(error), f"See what it takes: ami task kinds {kind.name}"
        ) from error


def _leased(task: Task, now: datetime) -> bool:
    return task.lease_until is not None and task.lease_until > now


def _said(wish: TaskWish, name: str) -> bool:
    return getattr(wish, name) is not None


def _with_start(schedule: Schedule, start: datetime) -> Schedule:
    return msgspec.structs.replace(schedule, start=start)
