"""Whom a task of collection is for: its group, as the registry has it now, and when each
concentrator's turn is.

A concentrator is told the members that are linked to it, so a meter that moves or is hung elsewhere
changes tables.  Where a task has a `spread_s`, each concentrator has its due times later by a part
of it, always by the same one, so that their lines and the head-end do not get all uploads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from headend.collection.rounds import offset_of
from headend.collection.tasks import group_of, profile_of
from headend.config import CollectionTask
from headend.domain.group import Group
from headend.models import Shelf
from headend.ports import Transaction
from protocols.concentrator.collecting import Task


def groups_by_profile(tasks: Iterable[CollectionTask], shelf: Shelf) -> dict[str, list[Group]]:
    """Of which groups each profile is collected, by logical name.  Raises `BadTask`."""
    found: dict[str, list[Group]] = {}
    for task in tasks:
        if task.kind == "profile":
            found.setdefault(profile_of(task, shelf), []).append(group_of(task))
    return found


def tasks_for(
    tx: Transaction, concentrator: str, tasks: Sequence[CollectionTask], told: Sequence[Task]
) -> tuple[Task, ...]:
    """The tasks of one concentrator: `told` are the same ones as any is told them.  One with no
    meter of a task's group has no such task."""
    found: list[Task] = []
    for task, each in zip(tasks, told, strict=True):
        group = group_of(task)
        if group.concentrators and concentrator not in group.concentrators:
            continue
        own = shifted(each, task.spread_s or 0.0, concentrator)
        if not group.by_concentrator:
            members = tx.group_members(group, concentrator=concentrator)
            if not members:
                continue
            own = msgspec.structs.replace(own, meters=tuple(meter.name for meter in members))
        found.append(own)
    return tuple(found)


def shifted(task: Task, spread_s: float, concentrator: str) -> Task:
    """A task at a concentrator's turn in the spread, which is half of the time that the task has at
    most.  Where it has a window, that ends when it would have without."""
    open_s = min(task.window_s, task.every_s) if task.window_s else task.every_s
    spread = timedelta(seconds=min(spread_s, open_s / 2))
    later_s = int(offset_of(task.name, concentrator, spread).total_seconds())
    if not later_s:
        return task
    window_s = open_s - later_s if task.window_s else 0
    return msgspec.structs.replace(task, after_s=task.after_s + later_s, window_s=window_s)
