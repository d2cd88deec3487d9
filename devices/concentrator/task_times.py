"""When a task falls due: so often from midnight UTC on, by the concentrator's own clock."""

from __future__ import annotations

import math

from protocols.concentrator.collecting import Task


def last_due(task: Task, now: float) -> float:
    """The newest due time that is not after `now`; both are POSIX seconds."""
    # POSIX time began at a midnight, so days and parts of a day need no calendar.
    return math.floor((now - task.after_s) / task.every_s) * task.every_s + task.after_s


def next_due(task: Task, now: float) -> float:
    """The first due time after `now`."""
    return last_due(task, now) + task.every_s


def open_until(task: Task, due: float) -> float:
    """Until when meters that did not answer are tried again."""
    return due + (min(task.window_s, task.every_s) if task.window_s else task.every_s)
