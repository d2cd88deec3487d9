"""Wires the tasks' desk for commands, beside a head-end that may run meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from headend.app.access import By, by_command
from headend.clock import WallClock
from headend.config import Config
from headend.store.store import SqlStore
from headend.tasks.desk import TaskDesk, TaskRefused, TaskWish
from headend.tasks.kinds import Kinds, kinds
from headend.tasks.mapping_desk import MappingDesk
from headend.tasks.ours import OURS

__all__ = [
    "By",
    "MappingDesk",
    "TaskDesk",
    "TaskRefused",
    "TaskWish",
    "by_command",
    "known_kinds",
    "mapping_desk",
    "task_desk",
]


def known_kinds() -> Kinds:
    """The kinds of task on this machine."""
    return kinds(OURS)


@asynccontextmanager
async def task_desk(config: Config) -> AsyncIterator[TaskDesk]:
    """A desk on a head-end's database.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        yield TaskDesk(store, WallClock(), ZoneInfo(config.orders.zone), known_kinds())
    finally:
        await store.close()


@asynccontextmanager
async def mapping_desk(config: Config) -> AsyncIterator[MappingDesk]:
    """Where feeders are mapped, on a head-end's database.  Raises `StoreUnavailable`."""
    store = SqlStore(config.database, live=True)
    try:
        yield MappingDesk(store, WallClock())
    finally:
        await store.close()
