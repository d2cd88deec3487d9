"""What works on another task's results is run again where these came after it.

The morning's roll-up may have been done before a load was: a system was away until then, or days
that were missed are made up for beside it.  It would be a day before its next turn finds them.
"""

from __future__ import annotations

from datetime import datetime

from headend.domain.task import Run
from headend.ports import Transaction
from headend.tasks.kinds import Kinds


def ask_again(tx: Transaction, kinds: Kinds, ended: Run, now: datetime) -> list[Run]:
    """Ask for a run of each task whose kind comes after this run's, and whose own turn for this
    time, or for a later one, has begun already; as of that turn.  Nothing where it is still to
    come."""
    asked: list[Run] = []
    for kind in kinds.known.values():
        if ended.kind not in kind.after:
            continue
        for task in tx.tasks_of_kind(kind.name):
            last = tx.last_task_run(task.name)
            if last is None or last.due_at < ended.due_at or last.waits:
                continue
            run = Run(0, task.name, task.kind, last.due_at, f"task {ended.task}", now, now)
            tx.add_task_run(run)
            asked.append(run)
    return asked
