"""Work spread over processes, here or elsewhere: what all ways of doing so have in common.

So many tasks are under way that nobody idles and nothing piles up: memory does not grow with the
fleet.  Each result brings how large its process has become.
"""

from __future__ import annotations

import gc
import os
import resource
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
F = TypeVar("F")

AHEAD = 3
"""Tasks per process that are under way or done and waiting to be taken."""

LOOKS = 20_000, 10, 10
"""When Python looks for rings of objects that nobody has any more: after so many new ones at the
youngest, and at all of them after a hundred times as many."""


class NoScheduler(RuntimeError):
    """Nobody answers where processes were to be had."""


class WorkersLost(RuntimeError):
    """Processes that worked are gone, or cannot be reached any more.  What was stored stays."""


class Spread(Protocol):
    """Processes to work in: see `workers` and `spread_by_dask`."""

    def map(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """What `work` makes of each task, in the order of the tasks.  Raises `NoScheduler`,
        `WorkersLost`."""
        ...

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the others had: the sum of each one's own peak."""
        ...


@dataclass(frozen=True, slots=True)
class Measured(Generic[R]):
    """A result, and the process that it came from."""

    result: R
    process: str
    rss_mb: float


def measured(work: Callable[[T], R], task: T) -> Measured[R]:
    """Carry out a task, wherever this runs."""
    settle()
    return Measured(work(task), f"{os.uname().nodename}/{os.getpid()}", rss_mb())


@cache
def settle() -> None:
    """Once in each process: what it has imported by its first task stays, and the collector would
    look at it again and again, for a tenth of the processor's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LOOKS)


@dataclass(slots=True)
class Sizes:
    """Of the processes that have worked, by name."""

    _sizes: dict[str, float] = field(default_factory=dict)

    def result(self, done: Measured[R]) -> R:
        """What came, its process noted."""
        self._sizes[done.process] = done.rss_mb
        return done.result

    @property
    def peak_rss_mb(self) -> float:
        return rss_mb() + sum(self._sizes.values())


def in_order(
    tasks: Iterable[T], ahead: int, begin: Callable[[T], F], end: Callable[[F], R]
) -> Iterator[R]:
    """What comes of each task, in their order: begun when so many others are `ahead` at most, and
    waited for by `end`."""
    waiting: deque[F] = deque()
    for task in tasks:
        waiting.append(begin(task))
        if len(waiting) >= ahead:
            yield end(waiting.popleft())
    while waiting:
        yield end(waiting.popleft())


def rss_mb() -> float:
    """The most that this process has had in memory, in 10**6 octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def cpu_s() -> float:
    """What this process and those that it started and that have ended worked."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)
