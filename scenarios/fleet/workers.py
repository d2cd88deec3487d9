"""Work spread over processes, its results taken in order.

So many tasks are under way that nobody idles and nothing piles up: memory does not grow with the
fleet.  Each result brings how large its process has become.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 3
"""Tasks per process that are under way or done and waiting to be taken."""

LOOKS = 20_000, 10, 10
"""When Python looks for rings of objects that nobody has any more: after so many new ones at the
youngest, and at all of them after a hundred times as many."""

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Tell NumPy's linear algebra not to use other processes' cores."""


def rss_mb() -> float:
    """The most that this process has had in memory, in 10**6 octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def cpu_s() -> float:
    """What this process and those that it started and that have ended worked."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


@dataclass(frozen=True, slots=True)
class Measured(Generic[R]):
    """A result, and the process that it came from."""

    result: R
    process: str
    rss_mb: float


def measured(work: Callable[[T], R], task: T) -> Measured[R]:
    """Carry out a task, wherever this runs."""
    _settled()
    return Measured(work(task), f"{os.uname().nodename}/{os.getpid()}", rss_mb())


@cache
def _settled() -> None:
    """Once in each process: what it has imported by its first task stays, and the collector would
    look at it again and again, for a tenth of the processor's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LOOKS)


@dataclass(slots=True)
class Workers:
    """Processes for as long as they are asked; with one job this process works itself."""

    jobs: int
    _sizes: dict[str, float] = field(default_factory=dict)

    def map(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """What `work` makes of each task, in the order of the tasks."""
        if self.jobs == 1:
            yield from map(work, tasks)
            return
        # A forked child would inherit threads and database handles.
        context = multiprocessing.get_context("spawn")
        with (
            _environment(dict.fromkeys(ONE_THREAD, "1")),
            ProcessPoolExecutor(self.jobs, mp_context=context) as pool,
        ):
            try:
                yield from self._in_order(pool, work, tasks)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _in_order(
        self, pool: ProcessPoolExecutor, work: Callable[[T], R], tasks: Iterable[T]
    ) -> Iterator[R]:
        waiting: deque[Future[Measured[R]]] = deque()
        for task in tasks:
            waiting.append(pool.submit(measured, work, task))
            if len(waiting) >= AHEAD * self.jobs:
                yield self._taken(waiting.popleft())
        while waiting:
            yield self._taken(waiting.popleft())

    def _taken(self, future: Future[Measured[R]]) -> R:
        done = future.result()
        self._sizes[done.process] = done.rss_mb
        return done.result

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the others had: the sum of each one's own peak."""
        return rss_mb() + sum(self._sizes.values())


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """What processes that start now inherit."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
