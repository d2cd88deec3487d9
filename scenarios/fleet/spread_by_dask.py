"""A fleet's tasks spread by Dask over whatever machines its scheduler has.

Each worker needs this program installed, and the envelope's key where the configuration says: its
file, or AMI_ENVELOPE_KEY.  What comes back is the same as from processes here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from distributed import Client, KilledWorker
from distributed.comm.core import CommClosedError

from scenarios.fleet.spread import AHEAD, NoScheduler, Sizes, WorkersLost, in_order, measured

T = TypeVar("T")
R = TypeVar("R")

CONNECT_TIMEOUT_S = 10.0
LOOK_S = 5.0
ALONE_MAX_S = 30.0
"""Without any worker, after which none is expected to come any more."""


@dataclass(slots=True)
class DaskWorkers:
    """The workers of a scheduler, such as tcp://127.0.0.1:8786."""

    address: str
    alone_max_s: float = ALONE_MAX_S
    _sizes: Sizes = field(default_factory=Sizes)

    def map(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """What `work` makes of each task, in the order of the tasks.  Raises `NoScheduler`,
        `WorkersLost`."""
        with _quiet(), self._client() as client:
            ahead = AHEAD * max(1, sum(client.nthreads().values()))
            yield from in_order(
                tasks,
                ahead,
                lambda task: client.submit(measured, work, task, pure=False),
                lambda future: self._sizes.result(self._result(client, future)),
            )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            client = Client(self.address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
        except OSError as error:
            raise NoScheduler(f"no scheduler at {self.address}: {error}") from error
        with client:
            yield client

    def _result(self, client: Any, future: Any) -> Any:
        """Wait for it, and look now and then whether there is anybody to wait for."""
        alone_s = 0.0
        while True:
            try:
                return future.result(timeout=min(LOOK_S, self.alone_max_s))
            except TimeoutError:
                if future.done():  # it is the task's own, or the result came just now
                    return future.result()
            except (CancelledError, CommClosedError) as error:
                raise WorkersLost(f"the scheduler at {self.address} is gone") from error
            except KilledWorker as error:
                text = f"workers of {self.address} died one after the other of one task"
                raise WorkersLost(text) from error
            alone_s = 0.0 if client.nthreads() else alone_s + min(LOOK_S, self.alone_max_s)
            if alone_s >= self.alone_max_s:
                raise WorkersLost(f"the scheduler at {self.address} has no workers")

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the workers had: the sum of each one's own peak."""
        return self._sizes.peak_rss_mb


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask's client not tell by itself, with its stack, what is told by an error."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
