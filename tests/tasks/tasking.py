"""A runner and a desk on one store, under the simulated clock, with kinds made for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from headend.access.desk import By
from headend.clock import LoopClock
from headend.config.tasks import TaskPolicy
from headend.domain.task import CatchUp, Run, RunLine, Told
from headend.ports.adapters import AdapterFailed, Asked, Heard
from headend.store import task_queries as queries
from headend.store.store import SqlStore
from headend.tasks.desk import TaskDesk
from headend.tasks.kinds import Kind, kinds
from headend.tasks.running import TaskRunner
from headend.tasks.work import Failed, Work
from protocols.cim.profile.instance import Instance
from tests import databases
from tests.conftest import SIMULATED_START

ZONE = ZoneInfo("America/Santiago")
BY = By("eva", "test")
POLICY = TaskPolicy(look_s=6 * 3600.0, lease_s=60, retry_s=600, tries_max=3)
WATCHFUL = TaskPolicy(look_s=20, lease_s=60, retry_s=600, tries_max=3)


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters."""

    count: int = 1
    name: str = "x"
    days: tuple[int, ...] = ()


class Nobody:
    """No system is configured."""

    async def get(
        self, system: str, asked: Asked, heard: Heard | None = None
    ) -> AsyncIterator[Instance]:
        raise AdapterFailed("no-adapter-configured", f"nobody says where {system} is", retry=False)
        yield


@dataclass
class Site:
    """`done` notes each turn that a kind of the test's did."""

    store: SqlStore = field(default_factory=databases.store)
    policy: TaskPolicy = POLICY
    done: list[tuple[str, datetime]] = field(default_factory=list)
    work: Callable[[Work, Given], Awaitable[Told | Failed]] | None = None

    def __post_init__(self) -> None:
        self.clock = LoopClock(SIMULATED_START)
        self.kinds = kinds(
            [
                Kind("each", "Notes its turn.", Given, self._noted, CatchUp.EACH),
                Kind("last", "Notes its turn.", Given, self._noted, CatchUp.LAST),
                Kind("none", "Notes its turn.", Given, self._noted, CatchUp.NONE),
            ],
            (),
        )
        self.runners: list[TaskRunner] = []
        self.desk = TaskDesk(self.store, self.clock, ZONE, self.kinds, self._wake)

    def runner(self, worker: str = "w-1") -> TaskRunner:
        made = TaskRunner(self.store, self.clock, ZONE, self.policy, self.kinds, Nobody(), worker)
        self.runners.append(made)
        return made

    def _wake(self) -> None:
        for each in self.runners:
            each.wake()

    async def _noted(self, work: Work, given: Given) -> Told | Failed:
        self.done.append((given.name, work.due_at))
        if self.work is not None:
            return await self.work(work, given)
        return {"count": given.count}

    def runs(self, task: str | None = None) -> list[Run]:
        """The first one first."""
        return self.store.read(lambda connection: queries.runs(connection, task))[::-1]

    def log(self, number: int) -> list[str]:
        lines: list[RunLine] = self.store.read(lambda c: queries.log(c, number))
        return [each.text for each in lines]

    async def until(self, at: datetime) -> None:
        """Let the clock come to a time."""
        await asyncio.sleep(max(0.0, (at - self.clock.now()).total_seconds()))
