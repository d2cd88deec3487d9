"""The task tables of concentrators: what is wanted, and sending it until each has it.

What is wanted follows from the configuration, and where its tasks name groups of meters from the
registry, which is looked at again and again for those that are on line.  A table has a version that
only grows; a concentrator says which one it has whenever it comes on line, so one that was away,
restarted or replaced gets the table again, and one that has it already does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import structlog

from headend import trouble
from headend.collection.groups import tasks_for
from headend.collection.tasks import group_of, tasks_of
from headend.config import CollectionPolicy
from headend.domain.collecting import TaskTable
from headend.models import Shelf
from headend.ports import Chance, Clock, Store, Transaction
from protocols.concentrator.collecting import Kind, SetTasks, Task
from protocols.concentrator.messages import Downward, Online

LOOK_S = 900.0
"""So often the registry is looked at for who is in a group."""

_log = structlog.get_logger("collection")


class Courier(Protocol):
    """The way to a concentrator."""

    async def deliver(self, concentrator: str, message: Downward) -> bool:
        """Send until the concentrator says that it has stored the message; False where it did not
        within its patience."""
        ...


@dataclass(slots=True)
class TaskTables:
    """Keeps concentrators' tables as the configuration wants them.  `present` tells who is on
    line."""

    store: Store
    clock: Clock
    chance: Chance
    shelf: Shelf
    courier: Courier
    policy: CollectionPolicy
    zone: str = ""  # the utility's, as the IANA names it
    present: Callable[[], Iterable[str]] = tuple
    errors: list[Exception] = field(default_factory=list)
    _due: dict[str, int] = field(default_factory=dict)  # concentrator: version it said it has
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wanted(self) -> tuple[Task, ...]:
        """The tasks of the configuration.  Raises `BadTask`."""
        return tasks_of(self.policy.task, self.zone, self.shelf)

    def reaches(self) -> dict[str, timedelta]:
        """How far back the first reading of each profile reaches, by logical name; the farthest,
        where several tasks read it.  Raises `BadTask`."""
        found: dict[str, timedelta] = {}
        for task in self.wanted():
            if task.kind is not Kind.REGISTERS:
                name, back = task.objects[0].name, timedelta(seconds=task.back_s)
                found[name] = max(back, found.get(name, back))
        return found

    async def online(self, concentrator: str, word: Online) -> bool:
        """A concentrator says which table it has."""
        self._due[concentrator] = word.tasks
        self._news.set()
        return True

    async def renew(self, concentrator: str) -> None:
        """What is wanted of a concentrator that is on line has changed."""
        known = await self.store.run(lambda tx: tx.task_table(concentrator))
        self._due[concentrator] = 0 if known is None else known.stored_version
        self._news.set()

    def _with_wave(
        self, tx: Transaction, concentrator: str, ordinary: tuple[Task, ...]
    ) -> tuple[Task, ...]:
        """The configuration's tasks, a wave's of back-fill, and those that are wanted once."""
        now = self.clock.now()
        ordinary = tasks_for(tx, concentrator, self.policy.task, ordinary)
        once = tuple(
            each.own_task
            for each in tx.open_activities(concentrator)
            if each.task is not None and each.deadline > now
        )
        if not ordinary or not self.policy.backfill.enabled:
            return (*ordinary, *once)
        wave = tx.wave_of(concentrator)
        return (*ordinary, *once) if wave is None else (*ordinary, *once, *wave.tasks)

    async def run(self) -> None:
        """Until cancelled."""
        tasks = self.wanted()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(tasks), name="task tables")
            if not all(group_of(task).by_concentrator for task in self.policy.task):
                group.create_task(self._follow(), name="groups of tasks")

    async def _follow(self) -> None:
        """Have the tables of those on line made anew, in case that the registry has changed."""
        while True:
            await asyncio.sleep(LOOK_S)
            for concentrator in self.present():
                try:
                    await self.renew(concentrator)
                except Exception as error:
                    trouble.note(self.errors, _log, "no look", error, concentrator=concentrator)

    async def _keep(self, tasks: tuple[Task, ...]) -> None:
        while True:
            self._news.clear()
            waiting = list(self._due.items())
            await asyncio.gather(*(self._settle(name, has, tasks) for name, has in waiting))
            if self._due:
                try:
                    async with asyncio.timeout(self.policy.retry_s):
                        await self._news.wait()
                except TimeoutError:
                    pass
            else:
                await self._news.wait()

    async def _settle(self, concentrator: str, has: int, tasks: tuple[Task, ...]) -> None:
        try:
            settled = await self._reconcile(concentrator, has, tasks)
        except Exception as error:
            trouble.note(self.errors, _log, "no task table", error, concentrator=concentrator)
            return
        if settled and self._due.get(concentrator) == has:
            del self._due[concentrator]

    async def _reconcile(self, concentrator: str, has: int, ordinary: tuple[Task, ...]) -> bool:
        """Whether the concentrator has the table that is wanted."""
        now = self.clock.now()

        def wanted(tx: Transaction) -> TaskTable | None:
            if tx.concentrator(concentrator) is None:
                return None
            known, tasks = tx.task_table(concentrator), self._with_wave(tx, concentrator, ordinary)
            if known is None and not tasks and not has:
                return None
            if known is None:
                known = TaskTable(concentrator, has + 1, tasks, now)
            elif known.tasks != tasks or has > known.version:
                # Its version may be above ours where our memory is younger than its own.
                known = TaskTable(concentrator, max(known.version, has) + 1, tasks, now)
            known = replace(known, stored_version=has, stored_at=now)
            tx.put_task_table(known)
            return known

        table = await self.store.run(wanted)
        if table is None or table.settled:
            return True
        message = SetTasks(id=self.chance.uuid(), version=table.version, tasks=table.tasks)
        if not await self.courier.deliver(concentrator, message):
            return False
        settled = replace(table, stored_version=table.version, stored_at=self.clock.now())
        await self.store.run(lambda tx: tx.put_task_table(settled))
        _log.info("task table stored", concentrator=concentrator, version=table.version)
        return True
