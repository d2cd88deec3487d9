"""What is collected of whom, how often, and when next: the configuration's tasks, read aloud."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from headend.collection.groups import shifted
from headend.collection.rounds import round_of
from headend.collection.tasks import group_of
from headend.config import CollectionTask
from protocols.concentrator.collecting import Task

Members = tuple[dict[str, int], int]
"""How many meters of each concentrator, and how many that the head-end reads by itself."""


def told(
    task: CollectionTask, wanted: Task, members: Members | None, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """A task, as `wanted` is told to concentrators, and when it comes round.  `next` is when it
    falls due, `until` when meters that do not answer are tried no more; a concentrator's own `next`
    is its turn in the spread."""
    this = round_of(task, now, zone)
    following = round_of(task, this.following, zone)
    behind, direct = members or ({}, 0)
    return {
        "name": task.name,
        "kind": task.kind,
        "objects": [each.name for each in wanted.objects],
        "every": task.every,
        "rows": task.rows,
        "priority": task.priority,
        "group": asdict(group_of(task)),
        "members": None if members is None else sum(behind.values()) + direct,
        "direct": None if members is None else direct,
        "concentrators": [
            {"name": name, "meters": count, "next": _turn(task, wanted, name, now, zone)}
            for name, count in behind.items()
        ],
        "spread_s": task.spread_s,
        "last": this.begun,
        "next": following.begun,
        "until": following.until,
    }


def _turn(
    task: CollectionTask, wanted: Task, concentrator: str, now: datetime, zone: ZoneInfo
) -> datetime:
    """A concentrator's next."""
    own = shifted(wanted, task.spread_s or 0.0, concentrator)
    later = timedelta(seconds=own.after_s - wanted.after_s)
    this = round_of(task, now, zone)
    return next(at for at in (this.begun + later, this.following + later) if at > now)
