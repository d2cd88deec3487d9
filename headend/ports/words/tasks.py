"""Scheduled tasks and their runs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headend.domain.task import Run, RunLine, Task


class TaskWords(Protocol):
    """Scheduled tasks and their runs."""

    def task(self, name: str) -> Task | None:
        """One, also of those that were deleted."""
        ...

    def put_task(self, task: Task) -> None:
        """Keep it, over one of its name; a lease on that stays as it is."""
        ...

    def tasks_due(self, now: datetime) -> list[Task]:
        """Those that are active, not paused, and due."""
        ...

    def tasks_of_kind(self, kind: str) -> list[Task]:
        """Those that are active and were not deleted, by name."""
        ...

    def last_task_run(self, task: str) -> Run | None:
        """The one for the latest time; of several the newest."""
        ...

    def add_task_run(self, run: Run) -> int | None:
        """Keep it under a new number; None where one of its key is there already."""
        ...

    def task_run(self, number: int) -> Run | None: ...
    def save_task_run(self, run: Run) -> None: ...
    def open_task_runs(self, task: str) -> list[Run]:
        """Those of a task that have not ended, by number."""
        ...

    def claim_task_run(self, worker: str, now: datetime, until: datetime) -> Run | None:
        """Lease the task whose open run is the earliest ready one; that run.  No other worker runs
        the task until the lease ends or is given back."""
        ...

    def keep_task(self, name: str, worker: str, until: datetime) -> bool:
        """Lease it on; False where the lease is no longer this worker's."""
        ...

    def give_task_back(self, name: str, worker: str) -> None:
        """End a lease of this worker's."""
        ...

    def give_tasks_back(self, worker: str) -> int:
        """End all of them: it has been killed, and starts again; how many there were."""
        ...

    def first_task_due(self) -> datetime | None:
        """When the next task falls due or an open run is ready; None where none does."""
        ...

    def add_task_line(self, line: RunLine) -> None: ...
