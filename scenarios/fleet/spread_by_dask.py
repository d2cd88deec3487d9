"""A fleet's tasks spread by Dask over whatever machines its scheduler has.

Each worker needs this program installed, and the envelope's key where the configuration says: its
file, or AMI_ENVELOPE_KEY.  What comes back is the same as from processes here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from distributed import Client

from scenarios.fleet.workers import AHEAD, Measured, measured, rss_mb

T = TypeVar("T")
R = TypeVar("R")

CONNECT_TIMEOUT_S = 5.0


@dataclass(slots=True)
class DaskWorkers:
    """The workers of a scheduler, such as tcp://127.0.0.1:8786."""

    address: str
    _sizes: dict[str, float] = field(default_factory=dict)

    def map(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """What `work` makes of each task, in the order of the tasks.  Raises OSError where there
        is no scheduler."""
        with Client(self.address, timeout=CONNECT_TIMEOUT_S, set_as_default=False) as client:
            ahead = AHEAD * max(1, sum(client.nthreads().values()))
            waiting: deque[Any] = deque()
            for task in tasks:
                waiting.append(client.submit(measured, work, task, pure=False))
                if len(waiting) >= ahead:
                    yield self._taken(waiting.popleft())
            while waiting:
                yield self._taken(waiting.popleft())

    def _taken(self, future: Any) -> Any:
        done: Measured[Any] = future.result()
        self._sizes[done.process] = done.rss_mb
        return done.result

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the workers had: the sum of each one's own peak."""
        return rss_mb() + sum(self._sizes.values())
