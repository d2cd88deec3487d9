"""One transaction at a time, many works in one commit; what a failure takes with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from headend.ports import StoreUnavailable
from headend.store import writer as writing
from headend.store.engine import open_writer
from headend.store.writer import Writer
from tests import databases


class Interrupted(Exception):
    """A work's own failure."""


@asynccontextmanager
async def opened(path: Path | None, *, live: bool) -> AsyncIterator[Writer]:
    engine = open_writer(databases.memory() if path is None else databases.at(path / "x.db"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x TEXT UNIQUE)")
    writer = Writer(engine, live)
    try:
        yield writer
    finally:
        await writer.close()


def put(x: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": x})
        return f"put {x}"

    return work


def put_and_fail(x: str, error: BaseException) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        put(x)(connection)
        raise error

    return work


def kept(connection: Connection) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql("SELECT x FROM t ORDER BY x")]


def count_commits(writer: Writer) -> list[None]:
    commits: list[None] = []
    event.listen(writer.engine, "commit", lambda _: commits.append(None))
    return commits


class Gate:
    """A work that occupies the writer until it is opened, so that others queue up behind it."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self._entered.set()
        assert self._open.wait(30)

    async def close_behind(self, writer: Writer) -> asyncio.Task[None]:
        task = asyncio.create_task(writer.run(self))
        await asyncio.to_thread(self._entered.wait, 30)
        return task

    def open(self) -> None:
        self._open.set()


async def queue_up(writer: Writer, *works: Callable[[Connection], Any]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(writer.run(work)) for work in works]
    await asyncio.sleep(0)  # lets each hand its work over
    return tasks


# --- in the caller's thread ----------------------------------------------------------------------


async def test_in_place_a_work_is_kept_whole_or_not_at_all() -> None:
    async with opened(None, live=False) as writer:
        assert await writer.run(put("a")) == "put a"
        with pytest.raises(Interrupted):
            await writer.run(put_and_fail("b", Interrupted()))
        assert await writer.run(kept) == ["a"]


async def test_in_place_no_thread_is_started() -> None:
    before = threading.active_count()
    async with opened(None, live=False) as writer:
        thread = await writer.run(lambda _: threading.current_thread())
        assert thread is threading.current_thread()
        assert threading.active_count() == before


async def test_a_work_must_not_await() -> None:
    async def late(connection: Connection) -> None: ...

    async with opened(None, live=False) as writer:
        with pytest.raises(TypeError, match="await"):
            await writer.run(late)


async def test_a_closed_writer_takes_no_work() -> None:
    async with opened(None, live=False) as writer:
        await writer.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await writer.run(put("a"))


async def test_in_place_a_failed_commit_is_told_and_keeps_nothing() -> None:
    async with opened(None, live=False) as writer:
        fail_commit(writer, 1)
        with pytest.raises(StoreUnavailable, match="disk"):
            await writer.run(put("a"))
        assert await writer.run(kept) == []


def fail_commit(writer: Writer, number: int) -> None:
    """The disk is full when the commit of this number, counted from here, is tried."""
    countdown = iter(range(1, number + 1))

    def fail(connection: Connection) -> None:
        if next(countdown, None) == number:
            driver: Any = connection.dialect.dbapi
            raise OperationalError("COMMIT", {}, driver.OperationalError("disk is full"))

    event.listen(writer.engine, "commit", fail)


# --- in a thread of its own ----------------------------------------------------------------------


@pytest.mark.live
async def test_live_one_thread_does_all_works(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        works = [writer.run(lambda _: threading.current_thread()) for _ in range(20)]
        threads = set(await asyncio.gather(*works))
        assert len(threads) == 1 and threading.current_thread() not in threads
    (thread,) = threads
    assert not thread.is_alive()


@pytest.mark.live
async def test_works_that_queue_up_share_one_commit(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        commits = count_commits(writer)
        names = [f"{number:02}" for number in range(50)]
        tasks = await queue_up(writer, *(put(name) for name in names))
        gate.open()
        await first
        assert await asyncio.gather(*tasks) == [f"put {name}" for name in names]
        assert len(commits) == 2  # the gate's own, and one for the fifty
        assert await writer.run(kept) == names


@pytest.mark.live
async def test_a_group_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "GROUP_MAX", 20)
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        commits = count_commits(writer)
        tasks = await queue_up(writer, *(put(str(number)) for number in range(50)))
        gate.open()
        await asyncio.gather(first, *tasks)
        assert len(commits) == 1 + 3


@pytest.mark.live
async def test_a_work_that_raises_loses_only_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        commits = count_commits(writer)
        tasks = await queue_up(
            writer,
            put("a"),
            put_and_fail("b", Interrupted("b")),
            put("c"),
            put("a"),  # refused: it is there already
            put_and_fail("d", StopIteration()),
            put_and_fail("e", SystemExit(1)),
            put("f"),
        )
        gate.open()
        await first
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        kinds = [type(outcome).__name__ for outcome in ended]
        assert kinds == [
            "str",
            "Interrupted",
            "str",
            "AlreadyStored",
            "RuntimeError",
            "RuntimeError",
            "str",
        ]
        assert len(commits) == 2
        assert await writer.run(kept) == ["a", "c", "f"]


@pytest.mark.live
async def test_nobody_hears_of_success_before_the_commit(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        committing, go_on = threading.Event(), threading.Event()

        def hold(connection: Connection) -> None:
            committing.set()
            assert go_on.wait(30)

        event.listen(writer.engine, "commit", hold)
        task = asyncio.create_task(writer.run(put("a")))
        await asyncio.to_thread(committing.wait, 30)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        assert await task == "put a"


@pytest.mark.live
async def test_a_failed_commit_fails_its_whole_group_and_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        tasks = await queue_up(writer, put("a"), put_and_fail("b", Interrupted()), put("c"))
        fail_commit(writer, 2)  # the first is the gate's
        gate.open()
        await first
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in ended] == [StoreUnavailable] * 3
        assert await writer.run(put("d")) == "put d"
        assert await writer.run(kept) == ["d"]


@pytest.mark.live
async def test_a_database_that_gives_up_the_transaction_fails_the_group(tmp_path: Path) -> None:
    """SQLite rolls everything back by itself when the disk is full; no work may then be kept by
    halves, or written outside of any transaction."""

    def given_up(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise Interrupted

    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        tasks = await queue_up(writer, put("a"), given_up, put("b"))
        gate.open()
        await first
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in ended] == [StoreUnavailable] * 3
        assert await writer.run(kept) == []


@pytest.mark.live
async def test_a_work_whose_caller_has_gone_is_not_begun(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        (gone, stays) = await queue_up(writer, put("gone"), put("stays"))
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        gate.open()
        await asyncio.gather(first, stays)
        assert await writer.run(kept) == ["stays"]


@pytest.mark.live
async def test_whoever_brings_too_much_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "QUEUE_MAX", 3)
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        tasks = await queue_up(writer, *(put(str(number)) for number in range(8)))
        assert writer._queue.qsize() == 2  # and the gate, which is under way
        gate.open()
        await asyncio.gather(first, *tasks)
        assert len(await writer.run(kept)) == 8


@pytest.mark.live
async def test_closing_lets_what_waits_finish(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as writer:
        gate = Gate()
        first = await gate.close_behind(writer)
        tasks = await queue_up(writer, *(put(str(number)) for number in range(5)))
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="closed"):
            await writer.run(put("too late"))
        gate.open()
        await asyncio.gather(first, *tasks, closing)
    async with opened(tmp_path, live=False) as again:
        assert len(await again.run(kept)) == 5


@pytest.mark.live
async def test_writers_of_two_connections_take_turns(tmp_path: Path) -> None:
    async with opened(tmp_path, live=True) as one, opened(tmp_path, live=True) as two:
        works = [
            writer.run(put(f"{i}{n}")) for n in range(50) for i, writer in (("a", one), ("b", two))
        ]
        await asyncio.gather(*works)
        assert len(await one.run(kept)) == 100
