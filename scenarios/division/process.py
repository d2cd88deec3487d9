"""A process of the division's: up until whoever started it wants no more of it, or is gone.

    async with running("the field", field.run, asked) as field:
        address = await field.word()

It has one line with its parent.  What it says comes by that; and when the line ends it ends, so
that nothing is left behind a parent that was killed.  Ctrl-C, which a terminal tells all
processes, is the parent's alone to answer.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Final, TypeVar

import structlog

from scenarios.fleet.workers import ONE_THREAD, environment, interrupts_held

A = TypeVar("A")

ENDS_WITHIN_S: Final = 20.0
"""Of itself; then it is ended."""

Say = Callable[[object], None]
Work = Callable[[A, Say, asyncio.Event], Awaitable[None]]
"""What a process does: until the event is set; it says what it has to say, plain values."""


class ProcessLost(Exception):
    """One of the processes has ended by itself; it said why on stderr."""


@dataclass(slots=True)
class Running:
    """A process, from outside."""

    name: str
    _process: SpawnProcess
    _line: Connection

    async def word(self) -> Any:
        """The next that it says.  Raises `ProcessLost` where there is none to come."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._line.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._line.fileno())
        try:
            return self._line.recv()
        except (EOFError, OSError) as error:
            raise ProcessLost(f"{self.name} has ended") from error

    async def end(self) -> None:
        """Have it end, and wait until it is gone."""
        self._line.close()
        await asyncio.to_thread(self._gone)

    def _gone(self) -> None:
        self._process.join(ENDS_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


@asynccontextmanager
async def running(
    name: str, work: Work[A], asked: A, *, verbose: bool = False
) -> AsyncIterator[Running]:
    """A process that does this work, which a module names, until the context ends."""
    context = multiprocessing.get_context("spawn")  # a forked one would have our threads' locks
    line, far_end = context.Pipe()
    process = context.Process(target=_begin, args=(far_end, work, asked, verbose), daemon=True)
    resource_tracker.ensure_running()  # which lets interrupts through again where it is started
    with interrupts_held(), environment(dict.fromkeys(ONE_THREAD, "1")):
        process.start()
    far_end.close()  # the process has it alone: when it dies the line ends
    found = Running(name, process, line)
    try:
        yield found
    finally:
        await asyncio.shield(found.end())


def _begin(line: Connection, work: Work[Any], asked: Any, verbose: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    for library in ("mqtt", "asyncua"):  # they log each session that ends
        logging.getLogger(library).setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if verbose else logging.WARNING
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(_work(line, work, asked))


async def _work(line: Connection, work: Work[Any], asked: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(line.fileno(), stop.set)  # nobody says anything: it can only have ended
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def say(word: object) -> None:
        try:
            line.send(word)
        except OSError:
            stop.set()

    await work(asked, say, stop)
