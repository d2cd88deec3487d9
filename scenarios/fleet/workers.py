"""Processes of this machine, for as long as they are asked.

An interrupt is this process's alone to answer: the others do not hear of Ctrl-C, which a terminal
tells all of them, and are ended.  They keep nothing that anybody would miss.  Each has a line of
its own, which ends with whoever is at the other end of it: one queue for all, as the library's pool
has, would be waited for for ever where a process dies while it writes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from typing import Any, TypeVar

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
        with _pool(self.jobs) as pool:
            yield from in_order(
                tasks,
                AHEAD * self.jobs,
                lambda task: pool.begin(work, task),
                lambda future: self._sizes.result(future.result()),
            )

    @property
    def peak_rss_mb(self) -> float:
        """The most that this process and the others had: the sum of each one's own peak."""
        return self._sizes.peak_rss_mb


@dataclass(slots=True)
class _Pool:
    """As many processes as there is work for, and a thread for each that speaks with it."""

    jobs: int
    threads: ThreadPoolExecutor
    processes: list[SpawnProcess] = field(default_factory=list)
    lines: list[Connection] = field(default_factory=list)
    idle: SimpleQueue[Connection] = field(default_factory=SimpleQueue)

    def begin(self, work: Callable[[T], R], task: T) -> Future[Measured[R]]:
        with interrupts_held():  # processes and threads that start now inherit it
            if len(self.processes) < self.jobs:
                self._start()
            return self.threads.submit(self._carried_out, work, task)

    def _start(self) -> None:
        # A forked child would inherit threads and database handles.
        context = multiprocessing.get_context("spawn")
        line, far_end = context.Pipe()
        process = context.Process(target=_serve, args=(far_end,), daemon=True)
        self.lines.append(line)
        with environment(dict.fromkeys(ONE_THREAD, "1")):
            process.start()
        self.processes.append(process)
        far_end.close()  # the process has it alone: when it dies the line ends
        self.idle.put(line)

    def _carried_out(self, work: Callable[[T], R], task: T) -> Measured[R]:
        line = self.idle.get()
        try:
            line.send((work, task))
            done: Measured[R] | Exception = line.recv()
        except (EOFError, OSError) as error:
            text = "a process that worked has died: killed, or out of memory"
            raise WorkersLost(text) from error
        finally:
            self.idle.put(line)
        if isinstance(done, Exception):
            raise done
        return done

    def end(self, *, at_once: bool) -> None:
        for process in self.processes if at_once else ():
            process.terminate()
        self.threads.shutdown(cancel_futures=True)
        for line in self.lines:
            line.close()
        for process in self.processes:
            process.join()


@contextmanager
def _pool(jobs: int) -> Iterator[_Pool]:
    """Processes that are gone when it is over, at once where it does not end well."""
    resource_tracker.ensure_running()  # which lets interrupts through again where it is started
    pool = _Pool(jobs, ThreadPoolExecutor(jobs))
    well = False
    try:
        yield pool
        well = True
    finally:
        pool.end(at_once=not well)


def _serve(line: Connection) -> None:
    """Work until nobody wants it any more."""
    _end_with_the_parent()
    while True:
        try:
            work, task = line.recv()
        except EOFError:
            return
        line.send(_done(work, task))


def _done(work: Callable[[Any], R], task: Any) -> Measured[R] | Exception:
    try:
        return measured(work, task)
    except Exception as error:
        error.add_note(traceback.format_exc())  # its stack stays here
        return error


def _end_with_the_parent() -> None:
    """Whoever kills the parent leaves nobody behind that goes on working."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch over the parent").start()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let SIGINT wait; it arrives when this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def environment(wanted: dict[str, str]) -> Iterator[None]:
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
