"""Work spread over processes, its results taken in order.

So many tasks are under way that nobody idles and nothing piles up: memory does not grow with the
fleet.  Each result brings how large its process has become.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 3
"""Tasks per process that are under way or done and waiting to be taken."""


def rss_mb() -> float:
    """The most that this process has had in memory, in 10**6 octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def cpu_s() -> float:
    """What this process and those that it started and that have ended worked."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


@dataclass(frozen=True, slots=True)
class _Done(Generic[R]):
    result: R
    process: int
    rss_mb: float


def _measured(work: Callable[[T], R], task: T) -> _Done[R]:
    return _Done(work(task), os.getpid(), rss_mb())


@dataclass(slots=True)
class Workers:
    """Processes for as long as they are asked; `jobs` 1 works in this one."""

    jobs: int
    prepare: Callable[..., None] | None = None
    """Runs first in each process, with `given`."""
    given: tuple[Any, ...] = ()
    _sizes: dict[int, float] = field(default_factory=dict)

    def map(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """What `work` makes of each task, in the order of the tasks."""
        if self.jobs == 1:
            if self.prepare is not None:
                self.prepare(*self.given)
            yield from map(work, tasks)
            return
        # A forked child would inherit threads and database handles.
        context = multiprocessing.get_context("spawn")
        processes = min(self.jobs, len(tasks))
        with ProcessPoolExecutor(
            processes, mp_context=context, initializer=self.prepare, initargs=self.given
        ) as pool:
            try:
                yield from self._in_order(pool, work, tasks)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _in_order(
        self, pool: ProcessPoolExecutor, work: Callable[[T], R], tasks: Sequence[T]
    ) -> Iterator[R]:
        waiting: deque[Future[_Done[R]]] = deque()
        for task in tasks:
            waiting.append(pool.submit(_measured, work, task))
            if len(waiting) >= AHEAD * self.jobs:
                yield self._taken(waiting.popleft())
        while waiting:
            yield self._taken(waiting.popleft())

    def _taken(self, future: Future[_Done[R]]) -> R:
        done = future.result()
        self._sizes[done.process] = done.rss_mb
        return done.result

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the others had: the sum of each one's own peak."""
        return rss_mb() + sum(self._sizes.values())
