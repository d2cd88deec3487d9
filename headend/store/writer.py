"""One transaction at a time, many works in one commit.

A commit waits for the disk; on a real one that is most of a transaction's time.  Works that arrive
while one runs are therefore carried out together: one BEGIN, each work in its own SAVEPOINT, one
COMMIT.  A work that raises loses its own writes and no other's; one that met another worker's
transaction half-way (a deadlock) is carried out again.  Nobody hears of success before the
COMMIT returned; when it fails, every work of the group fails.

Under the simulated clock there is one thread and one work at a time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import iscoroutine
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from headend.ports import StoreUnavailable
from headend.store.errors import contended, translated

T = TypeVar("T")

QUEUE_MAX = 4096  # works waiting for the writer; whoever brings more waits for room
TRIES = 4  # of a work that meets another worker's
LET_PASS = "SELECT pg_sleep(0.02)"  # the other wakes up meanwhile, and has what it waited for
GROUP_MAX = 256  # works in one commit: what the first of them waits for, about 0.1 s


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():  # whoever waited has gone
            return
        if isinstance(self.error, Exception) and not isinstance(self.error, StopIteration):
            self.future.set_exception(self.error)
        elif self.error is not None:  # what a future cannot carry, or would stop the loop with
            error = RuntimeError(f"work raised {self.error!r}")
            error.__cause__ = self.error
            self.future.set_exception(error)
        else:
            self.future.set_result(self.result)


@dataclass(slots=True)
class Writer:
    """Carries out works on the one connection that writes.

    `live` uses a thread of its own; otherwise works run at once, where they are brought.  Close it
    before its engine is dropped: `close` lets the works that wait finish.
    """

    engine: Engine
    live: bool
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(QUEUE_MAX))
    _queue: queue.SimpleQueue[_Job | None] = field(default_factory=queue.SimpleQueue)
    _connection: Connection | None = None
    _thread: threading.Thread | None = None
    _alone: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Carry out `work` in a transaction and return its result once that is safe on disk.

        Raises what `work` raised, or `StoreUnavailable` when the database would not begin or
        commit; nothing of `work` is kept then.  A caller that is cancelled while it waits does not
        learn whether its work was kept.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if not self.live:
            return self._run_alone(work)
        async with self._room:
            loop = asyncio.get_running_loop()
            job = _Job(work, loop.create_future(), loop)
            if self._thread is None:
                self._start()
            self._queue.put(job)
            result: T = await job.future
            return result

    def read(self, query: Callable[[Connection], T]) -> T:
        """Carry out a query on the writing connection, between two transactions of its own."""
        with self._alone:
            connection = self._connect()
            with connection.begin() as transaction:
                result = query(connection)
                transaction.rollback()
            return result

    async def close(self) -> None:
        """Let what waits finish, then give the connection back."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
        if self._connection is not None:
            self._connection.close()
        self.engine.dispose()

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    def _run_alone(self, work: Callable[[Connection], T]) -> T:
        with self._alone:
            for left in reversed(range(TRIES)):
                connection = self._connect()
                try:
                    with connection.begin():
                        return _finished(work(connection))
                except BaseException as error:
                    self._abandon(connection)
                    if left and contended(error):
                        continue
                    if (other := translated(error, self.engine.dialect)) is error:
                        raise
                    raise other from error
            raise AssertionError("the last try returns or raises")

    def _abandon(self, connection: Connection) -> None:
        """A COMMIT that failed leaves its transaction open, and SQLAlchemy takes it for ended."""
        try:
            connection.connection.rollback()
        except BaseException:  # the connection itself is gone: the next work gets another
            self._connection = None
            connection.invalidate()
            connection.close()

    # --- the thread ---

    def _start(self) -> None:
        # A daemon: an interpreter that ends without `close` is a crash, and those are harmless.
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while group := self._next_group():
            with self._alone:
                self._commit(group)
            by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
            for job in group:
                by_loop.setdefault(job.loop, []).append(job)
            for loop, jobs in by_loop.items():
                _deliver(loop, jobs)

    def _next_group(self) -> list[_Job]:
        """What waits, at least one; empty at the end."""
        group: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            group.append(job)
            if len(group) == GROUP_MAX:
                return group
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._queue.put(None)
        return group

    def _commit(self, group: list[_Job]) -> None:
        connection: Connection | None = None
        try:
            connection = self._connect()
            with connection.begin():
                for job in group:
                    if not job.future.cancelled():
                        _attempt(connection, job)
        except BaseException as error:  # BEGIN, a SAVEPOINT or COMMIT failed: nothing was kept
            if connection is not None:
                self._abandon(connection)
            for job in group:
                job.result, job.error = None, StoreUnavailable(f"nothing was kept: {error}")
                job.error.__cause__ = error


def _attempt(connection: Connection, job: _Job) -> None:
    connection.exec_driver_sql("SAVEPOINT work")
    for left in reversed(range(TRIES)):
        try:
            job.result = _finished(job.work(connection))
            break
        except BaseException as error:
            # Where the database gave up the whole transaction (disk full), this raises as well, and
            # the group fails as one.
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT work")
            if not (left and contended(error)):
                job.error = translated(error, connection.dialect)
                break
            connection.exec_driver_sql(LET_PASS)
    connection.exec_driver_sql("RELEASE SAVEPOINT work")


def _finished(result: T) -> T:
    if iscoroutine(result):
        result.close()
        raise TypeError("work in a transaction must not await")
    return result


def _deliver(loop: asyncio.AbstractEventLoop, jobs: list[_Job]) -> None:
    def settle() -> None:
        for job in jobs:
            job.settle()

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed; nobody waits any more
        pass
