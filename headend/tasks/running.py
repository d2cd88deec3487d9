"""Has tasks run when they fall due: each turn once, by one worker at a time.

A turn is kept as a run of its own before anything is done, under a key that the store takes once.
Who does it leases its task, and says again and again that it is there; a worker that is killed
leaves a lease that ends, and another does the run anew.  Works can be repeated, so that this is
safe (`kinds.Kind`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.config.analysis import AnalysisPolicy
from headend.config.tasks import TaskPolicy
from headend.domain.task import CatchUp, Run, RunLine, RunState, Told, key_of
from headend.ports import Clock, Store, StoreUnavailable, Transaction
from headend.ports.adapters import AdapterFailed, Adapters
from headend.tasks.following import ask_again
from headend.tasks.kinds import BadParameters, Kind, Kinds
from headend.tasks.schedule import next_after, turns
from headend.tasks.work import Failed, Work

LATE = timedelta(minutes=15)
"""A turn that is later than this was missed."""
SCHEDULE = "schedule"
TEXT_MAX = 1000  # characters of one line

_log = structlog.get_logger("tasks")


class _Lost(Exception):
    """The run is no longer this worker's, or its task is paused."""


@dataclass(slots=True)
class TaskRunner:
    """See the module.  `prepare`, where there is one, is carried out before the first look: it
    makes the tasks that there are by themselves."""

    store: Store
    clock: Clock
    zone: ZoneInfo
    policy: TaskPolicy
    kinds: Kinds
    adapters: Adapters
    worker: str
    analysis: AnalysisPolicy = AnalysisPolicy()
    prepare: Callable[[Transaction], None] | None = None
    errors: list[Exception] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def wake(self) -> None:
        """Look now: something was asked."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._begin()
            while True:
                self._news.clear()
                try:
                    await self.look()
                    rest_s = await self._until_due()
                except Exception as error:
                    trouble.note(self.errors, _log, "no look for tasks", error)
                    rest_s = self.policy.look_s
                await self._rest(rest_s)
        finally:
            for each in self._under_way:
                each.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _begin(self) -> None:
        def work(tx: Transaction) -> int:
            if self.prepare is not None:
                self.prepare(tx)
            return tx.give_tasks_back(self.worker)

        while True:
            try:
                if taken := await self.store.run(work):
                    _log.info("tasks of this worker begin anew", tasks=taken)
                return
            except Exception as error:
                trouble.note(self.errors, _log, "tasks do not begin", error)
                await asyncio.sleep(self.policy.look_s)

    async def _until_due(self) -> float:
        """Seconds until something is to be done, or another process may have asked for it."""
        due, now = await self.store.run(lambda tx: tx.first_task_due()), self.clock.now()
        # What is due already waits for a lease to end, or for room here.
        if due is None or due <= now:
            return self.policy.look_s
        return min((due - now).total_seconds(), self.policy.look_s)

    async def _rest(self, rest_s: float) -> None:
        try:
            async with asyncio.timeout(rest_s):
                await self._news.wait()
        except TimeoutError:
            pass

    async def look(self) -> int:
        """Keep the turns that have come, and begin what is ready; how many runs were begun."""
        now = self.clock.now()
        await self.store.run(lambda tx: self._plan(tx, now))
        begun = 0
        while len(self._under_way) < self.policy.at_once:
            run = await self._claim()
            if run is None:
                break
            if not run.open:
                continue
            begun += 1
            doing = asyncio.create_task(self._do(run), name=f"task {run.task}")
            self._under_way.add(doing)
            doing.add_done_callback(self._ended)
        return begun

    async def idle(self) -> None:
        """Wait until nothing is under way here."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, doing: asyncio.Task[None]) -> None:
        self._under_way.discard(doing)
        self._news.set()

    # --- turns -----------------------------------------------------------------------------------

    def _plan(self, tx: Transaction, now: datetime) -> None:
        for task in tx.tasks_due(now):
            assert task.due_at is not None
            come = turns(task.schedule, task.due_at, now, self.zone, self.policy.catch_up_max)
            wanted, passed = come.newest, come.count - len(come.newest)
            if task.catch_up is not CatchUp.EACH:
                wanted, passed = come.newest[-1:], come.count - 1
                if task.catch_up is CatchUp.NONE and now - wanted[0] > LATE:
                    wanted = ()
            for place, at in enumerate(wanted):
                key, missed = key_of(task.name, at), passed if place == 0 else 0
                tx.add_task_run(
                    Run(0, task.name, task.kind, at, SCHEDULE, now, now, key, missed=missed)
                )
            tx.put_task(replace(task, due_at=next_after(task.schedule, now, self.zone)))

    async def _claim(self) -> Run | None:
        now = self.clock.now()
        until = now + timedelta(seconds=self.policy.lease_s)

        def work(tx: Transaction) -> Run | None:
            run = tx.claim_task_run(self.worker, now, until)
            if run is None:
                return None
            if run.tries >= self.policy.tries_max:
                return self._given_up(tx, run, now)
            fresh = replace(
                run, state=RunState.RUNNING, tries=run.tries + 1, worker=self.worker, began_at=now,
                step="", steps_done=0, steps_all=0,
            )  # fmt: skip
            if run.state is RunState.RUNNING:
                gone = f"{run.worker} that ran it is gone; {self.worker} begins it anew"
                tx.add_task_line(RunLine(run.number, now, gone))
            tx.save_task_run(fresh)
            return fresh

        return await self.store.run(work)

    def _given_up(self, tx: Transaction, run: Run, now: datetime) -> Run:
        """Whoever runs it goes: it is not begun once more."""
        text = f"begun {run.tries} times, and each time its runner went"
        failed = replace(run, state=RunState.FAILED, ended_at=now, code="runner-gone", trouble=text)
        tx.save_task_run(failed)
        tx.add_task_line(RunLine(run.number, now, text))
        tx.give_task_back(run.task, self.worker)
        return failed

    # --- one run ---------------------------------------------------------------------------------

    async def _do(self, run: Run) -> None:
        try:
            ended = await self._worked(run)
        except _Lost as lost:
            await self._let_go(run, str(lost))
            return
        except asyncio.CancelledError:
            raise
        except Exception as error:
            trouble.note(self.errors, _log, "a run broke off", error, run=run.number)
            ended = Failed("broke", trouble.in_a_line(error), retry=True)
        try:
            await self._settle(run, ended)
        except Exception as error:
            trouble.note(self.errors, _log, "a run was not settled", error, run=run.number)

    async def _worked(self, run: Run) -> Told | Failed:
        kind = self.kinds.get(run.kind)
        if kind is None:
            return Failed("no-such-kind", f"no plug-in is called {run.kind}")
        task = await self.store.run(lambda tx: tx.task(run.task))
        try:
            assert task is not None
            parameters = kind.read(task.parameters)
        except BadParameters as error:
            return Failed("bad-parameters", str(error))
        work = Work(
            run.due_at, self.zone, self.clock, self.store, self.adapters,
            self.analysis, lambda text: self._line(run, text),
            lambda what, done, all_: self._step(run, what, done, all_),
        )  # fmt: skip
        try:
            async with asyncio.timeout(self.policy.run_max_s), asyncio.TaskGroup() as group:
                staying = group.create_task(self._stay(run))
                working = group.create_task(self._carried_out(run, kind, work, parameters))
                working.add_done_callback(lambda _: staying.cancel())
            return working.result()
        except* _Lost as losses:
            raise losses.exceptions[0] from None
        except* TimeoutError:
            pass
        return Failed("too-long", f"it takes more than {self.policy.run_max_s:g} s")

    async def _carried_out(
        self, run: Run, kind: Kind[Any], work: Work, parameters: Any
    ) -> Told | Failed:
        """What a kind's own code comes to.  Raises `_Lost`."""
        try:
            return await kind.work(work, parameters)
        except AdapterFailed as error:
            return Failed(error.code, str(error), error.retry)
        except (_Lost, StoreUnavailable):
            raise
        except Exception as error:  # a plug-in's: whatever it raises, the others go on
            trouble.note(self.errors, _log, "a task broke", error, task=run.task, run=run.number)
            return Failed("broke", trouble.in_a_line(error), retry=True)

    async def _stay(self, run: Run) -> None:
        """Keep the lease for as long as the work goes on.  Raises `_Lost`."""
        while True:
            await asyncio.sleep(self.policy.lease_s / 3)
            try:
                await self.store.run(lambda tx: self._still_ours(tx, run))
            except StoreUnavailable as error:
                trouble.note(self.errors, _log, "a lease was not kept", error, run=run.number)

    def _still_ours(self, tx: Transaction, run: Run) -> None:
        """Raises `_Lost`."""
        until = self.clock.now() + timedelta(seconds=self.policy.lease_s)
        if not tx.keep_task(run.task, self.worker, until):
            raise _Lost("another worker has it")
        task = tx.task(run.task)
        if task is not None and task.paused:
            raise _Lost("its task is paused")

    async def _line(self, run: Run, text: str) -> None:
        line = RunLine(run.number, self.clock.now(), text[:TEXT_MAX])
        await self.store.run(lambda tx: tx.add_task_line(line))

    async def _step(self, run: Run, what: str, done: int, all_: int) -> None:
        """Raises `_Lost`."""

        def work(tx: Transaction) -> None:
            self._still_ours(tx, run)
            known = tx.task_run(run.number)
            if known is not None:
                tx.save_task_run(replace(known, step=what, steps_done=done, steps_all=all_))

        await self.store.run(work)

    async def _settle(self, run: Run, ended: Told | Failed) -> None:
        """Write down how it ended, and give the task back; nothing where it is another's by now."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            known, task = tx.task_run(run.number), tx.task(run.task)
            if known is None or task is None or task.lease_owner != self.worker:
                return
            if not isinstance(ended, Failed):
                fresh = replace(
                    known, state=RunState.DONE, ended_at=now, told=ended, code=None, trouble=None
                )
                for again in ask_again(tx, self.kinds, known, now):
                    text = f"{again.task} ran before: it is run again"
                    tx.add_task_line(RunLine(run.number, now, text))
            elif ended.retry and known.tries < self.policy.tries_max:
                later = now + timedelta(seconds=self.policy.retry_s)
                fresh = replace(
                    known, state=RunState.WAITING, ready_at=later, code=ended.code,
                    trouble=ended.text,
                )  # fmt: skip
                text = f"{ended.text}; once more at {later:%H:%M:%S}Z"
                tx.add_task_line(RunLine(run.number, now, text[:TEXT_MAX]))
            else:
                fresh = replace(
                    known, state=RunState.FAILED, ended_at=now, code=ended.code,
                    trouble=ended.text,
                )  # fmt: skip
                tx.add_task_line(RunLine(run.number, now, ended.text[:TEXT_MAX]))
            tx.save_task_run(fresh)
            tx.give_task_back(run.task, self.worker)

        await self.store.run(work)

    async def _let_go(self, run: Run, why: str) -> None:
        """It waits for whoever does it next."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            known, task = tx.task_run(run.number), tx.task(run.task)
            if known is None or task is None or task.lease_owner != self.worker:
                return
            tx.save_task_run(replace(known, state=RunState.WAITING, ready_at=now))
            tx.add_task_line(RunLine(run.number, now, f"it stops: {why}"))
            tx.give_task_back(run.task, self.worker)

        try:
            await self.store.run(work)
        except Exception as error:
            trouble.note(self.errors, _log, "a run was not let go", error, run=run.number)
