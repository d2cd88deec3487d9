"""Carries out the task table: one meter after the other, whenever no order wants the meter.

What is due follows from the table, the own clock and the progress in flash alone; so after a reboot
the work goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import simpy

from devices.concentrator.client import Client, close
from devices.concentrator.conversing import Conversing, Record
from devices.concentrator.flash import Collected, Counters, Flash, Progress
from devices.concentrator.memory import Memory
from devices.concentrator.own_clock import OwnClock
from devices.concentrator.power_line import PowerLine
from devices.concentrator.reading_task import ReadingTask
from devices.concentrator.rekeying import Rekeying
from devices.concentrator.table import EnginePolicy, Entry
from devices.concentrator.task_times import last_due, next_due, open_until
from devices.concentrator.turns import BULK, Turns
from protocols.concentrator.collecting import SetTasks, Task
from protocols.concentrator.messages import Status
from protocols.dlms.key_change import Begin
from protocols.dlms.procedures import Outcome

REST_FIRST_S = 120.0  # of a meter that did not answer; doubles with each failure
REST_MAX_S = 3600.0
MADE_WAY_S = 5.0  # of a meter that an order wants
RESENDS_MAX = 2  # of a message that was not acknowledged; reading may be repeated
LOOK_S = 60.0  # the longest without a look at clock and table

Waits = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class _Job:
    """One task at one meter that is due.  Sorts as it is to be done."""

    priority: int
    due: float
    failed: int
    place: int  # of the meter in the table
    task: Task
    meter: str

    @property
    def rank(self) -> tuple[int, float, int, int]:
        return self.priority, self.due, self.failed, self.place


class Collecting:
    """See the module.  `stored` hears of each block that went into memory."""

    def __init__(
        self,
        line: PowerLine,
        flash: Flash,
        clock: OwnClock,
        table: dict[str, Entry],
        client: Client,
        turns: Turns,
        memory: Memory,
        *,
        keys: Rekeying,
        engines: EnginePolicy,
        challenges: Random,
        stored: Callable[[], None],
    ) -> None:
        self._line = line
        self._env = line.env
        self._flash = flash
        self._clock = clock
        self._table = table
        self._client = client
        self._turns = turns
        self._memory = memory
        self._keys = keys
        self._engines = engines
        self._challenges = challenges
        self._stored = stored
        self._resting: dict[tuple[str, str], float] = {}  # until when, world's time
        self._changed = self._env.event()
        self._process: simpy.Process | None = None

    @property
    def _collected(self) -> Collected:
        return self._flash.collected

    def start(self) -> None:
        """Begin, or go on."""
        if self._process is None and self._collected.tasks:
            self._process = self._env.process(self._run())

    def halt(self) -> None:
        """The power is gone."""
        if self._process is not None and self._process.is_alive:
            self._process.interrupt("no power")
        self._process = None

    def set_tasks(self, message: SetTasks) -> bool:
        """Take a table over, if it is newer.  What a changed task has read stays; where it has
        come, too."""
        if message.version <= self._collected.version:
            return False
        before = {task.name: (task.kind, task.objects) for task in self._collected.tasks}
        self._collected.version, self._collected.tasks = message.version, message.tasks
        for task in message.tasks:
            if before.get(task.name, (task.kind, task.objects)) != (task.kind, task.objects):
                for key, progress in self._collected.progress.items():
                    if key[0] == task.name:  # another thing under an old name; its numbers go on
                        self._collected.progress[key] = Progress(blocks=progress.blocks)
        self._resting.clear()
        self._changed.succeed()
        self._changed = self._env.event()
        self.start()
        return True

    # --- the round -------------------------------------------------------------------------------

    def _run(self) -> Waits:
        try:
            while True:
                job = self._next()
                if job is not None:
                    yield from self._do(job)
                else:
                    yield self._env.timeout(self._pause_s()) | self._changed
        except simpy.Interrupt:
            return

    def _now(self) -> float:
        return self._clock.read(self._env.now).timestamp()

    def _next(self) -> _Job | None:
        """The first that is due, whose meter is free and does not rest."""
        ready = (job for job in self._due() if not self._turns.taken(job.meter))
        return min(ready, key=lambda job: job.rank, default=None)

    def _due(self) -> Generator[_Job, None, None]:
        now, world_now = self._now(), self._env.now
        resting, done = self._resting, self._collected.progress
        for task in self._collected.tasks:
            due = last_due(task, now)
            if now >= open_until(task, due) or (task.spans and self._memory.half_full):
                continue  # rows of the past wait for room, those of the present do not
            name = task.name
            for place, meter in enumerate(task.meters or self._table):
                key = name, meter
                progress = done.get(key)
                if progress is not None and progress.done_for is not None:
                    if progress.done_for >= due:
                        continue
                if resting.get(key, 0.0) > world_now or meter not in self._table:
                    continue
                failed = 0 if progress is None else progress.failed
                yield _Job(task.priority, due, failed, place, task, meter)

    def _pause_s(self) -> float:
        """Until something may be due."""
        now = self._now()
        until = [next_due(task, now) - now for task in self._collected.tasks]
        until += [rest - self._env.now for rest in self._resting.values() if rest > self._env.now]
        return max(0.001, min([LOOK_S, *until]))

    # --- one meter -------------------------------------------------------------------------------

    def _do(self, job: _Job) -> Waits:
        key = (job.task.name, job.meter)
        progress = self._collected.progress.setdefault(key, Progress())
        with self._turns.of(job.meter).request(priority=BULK) as turn:
            yield turn
            reading = ReadingTask(job.task, job.meter, progress, self._now(), self._memory.keep)
            status, detail = yield from self._session(job, reading)
        if self._turns.wanted(job.meter):
            self._resting[key] = self._env.now + MADE_WAY_S
        if status is Status.DONE:
            progress.read_at, progress.failed, progress.trouble = reading.now, 0, ""
            if reading.complete:
                progress.done_for = job.due
        elif not self._turns.wanted(job.meter):
            progress.failed += 1
            progress.trouble = f"{status}: {detail}" if detail else str(status)
            rest_s = min(REST_FIRST_S * 2 ** min(progress.failed - 1, 10), REST_MAX_S)
            self._resting[key] = self._env.now + rest_s
        self._stored()

    def _session(
        self, job: _Job, reading: ReadingTask
    ) -> Generator[simpy.Event, Any, tuple[Status, str]]:
        entry = self._table.get(job.meter)
        if entry is None:
            return Status.NOT_IN_TABLE, ""
        converse = partial(self._converse, job.meter, reading.progress.blocks)
        yield from self._keys.settle(entry, converse)
        counters = self._flash.counters.setdefault(job.meter, Counters())
        outcome = yield from converse(entry, counters, reading.procedure)
        return outcome.status, outcome.detail

    def _converse(
        self, meter: str, turn: int, entry: Entry, counters: Counters, begin: Begin
    ) -> Generator[simpy.Event, Any, Outcome]:
        """One session."""
        session = self._client.open(
            entry,
            counters,
            begin(),
            engine=self._engines(meter, turn),
            challenge=lambda: self._challenges.randbytes(16),
            may_act=lambda now: False,
        )
        conversing = Conversing(
            self._line,
            entry.leg,
            Record(),
            RESENDS_MAX,
            priority=BULK,
            make_way=lambda: self._turns.wanted(meter),
        )
        yield from conversing.hold(session)
        close(session, counters)
        return session.result
