"""Processes of this machine, for as long as they are asked.

An interrupt is this process's alone to answer: the others do not hear of Ctrl-C, which a terminal
tells all of them, and are ended.  They keep nothing that anybody would miss.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from scenarios.fleet.spread import AHEAD, Measured, Sizes, WorkersLost, in_order, measured

T = TypeVar("T")
R = TypeVar("R")

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Tell NumPy's linear algebra not to use other processes' cores."""


@dataclass(slots=True)
class Workers:
    """So many processes; with one job this process works itself."""

    jobs: int
    _sizes: Sizes = field(default_factory=Sizes)

    def map(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """What `work` makes of each task, in the order of the tasks.  Raises `WorkersLost`."""
        if self.jobs == 1:
            yield from map(work, tasks)
            return

        def begin(task: T) -> Future[Measured[R]]:
            with _interrupts_held():  # a process that starts now inherits it
                return pool.submit(measured, work, task)

        with _pool(self.jobs) as pool:
            yield from in_order(
                tasks, AHEAD * self.jobs, begin, lambda future: self._sizes.result(future.result())
            )

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the others had: the sum of each one's own peak."""
        return self._sizes.peak_rss_mb


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are gone when it is over, at once where it does not end well."""
    # A forked child would inherit threads and database handles.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with (
        _environment(dict.fromkeys(ONE_THREAD, "1")),
        ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_the_parent) as pool,
    ):
        try:
            yield pool
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                text = "a process that worked has died: killed, or out of memory"
                raise WorkersLost(text) from error
            raise


def _end_with_the_parent() -> None:
    """Whoever kills the parent leaves nobody behind: a pool's process would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch over the parent").start()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let SIGINT wait; it arrives when this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
