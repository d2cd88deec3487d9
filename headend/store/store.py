"""The head-end's memory: `ports.Store` over a database URL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from headend.ports import StoreUnavailable, Transaction
from headend.store import schema
from headend.store.change_schema import OWING
from headend.store.engine import in_memory, is_sqlite, open_reader, open_writer, opened
from headend.store.errors import translated
from headend.store.migrate import Schema, upgrade
from headend.store.partitions import make_month, missing_months
from headend.store.transaction import SqlTransaction
from headend.store.writer import Writer

T = TypeVar("T")

PAGES_MAX = 0xFFFFFFFE
"""As many pages as SQLite lets a database have."""

SCHEMA = Schema(schema.metadata, "headend.store:migrations/versions")


def open_database(url: str, schema: Schema, *, live: bool) -> Writer:
    """A writer on a database whose tables are up to date.  Raises `StoreUnavailable`."""
    engine = opened(open_writer, url)
    try:
        upgrade(engine, schema)
    except BaseException:
        engine.dispose()
        raise
    return Writer(engine, live)


class SqlStore:
    """Opens, and where necessary makes, the database; `close` ends its use.

    `live`: works run in a thread of the store's own, several in one commit.  Otherwise, under the
    simulated clock, each runs at once and in the caller's thread.  `telling`: what changes is
    written down for who asks for it as it comes; `told` is called when something was.  `owing`,
    which the database itself remembers: likewise for the legacy database, and `owed`.
    """

    def __init__(self, url: str, *, live: bool, telling: bool = False) -> None:
        self.telling = telling
        self.told: Callable[[], None] = _nobody
        self._url = url
        self.owed: Callable[[], None] = _nobody
        self._writer = open_database(url, SCHEMA, live=live)
        self.owing = bool(
            self._writer.read(lambda connection: SqlTransaction(connection).change_mark(OWING))
        )
        self._reader: Engine | None = None

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """See `ports.Store`.  Raises what `work` raises, or `StoreUnavailable`."""
        told = owed = False

        def whole(connection: Connection) -> T:
            nonlocal told, owed
            transaction = SqlTransaction(connection)
            transaction.telling, transaction.owing = self.telling, self.owing
            result = work(transaction)
            transaction.flush_changes()
            transaction.flush_owed()
            told, owed = transaction.told, transaction.owed_something
            return result

        result = await self._writer.run(whole)
        if told:
            self.told()
        if owed:
            self.owed()
        return result

    def read(self, query: Callable[[Connection], T]) -> T:
        """Answer one of `queries` from what is committed, without waiting for the writer (except
        in memory, where there is one connection for both).  Any thread may ask.

        Raises what `query` raises, or `StoreUnavailable`.
        """
        if in_memory(self._url):
            return self._writer.read(query)
        if self._reader is None:
            self._reader = open_reader(self._url)
        try:
            with self._reader.begin() as connection:
                return query(connection)
        except Exception as error:
            other = translated(error, self._reader.dialect)
            if isinstance(other, StoreUnavailable):
                raise other from error
            raise

    async def make_months(self, first: date, months: int) -> int:
        """Let there be partitions for this month and those after it; how many were made.  Raises
        `StoreUnavailable`, also where those who write leave no room for it just now."""
        find = partial(missing_months, first=first, months=months)
        missing = await self._writer.run(find)
        for part in missing:
            await self._writer.run(partial(make_month, part=part))
        return len(missing)

    async def change(self, work: Callable[[Connection], T]) -> T:
        """A work that names tables, among all others.  Raises `StoreUnavailable`."""
        return await self._writer.run(work)

    async def apart(self, work: Callable[[Connection], T]) -> T:
        """A work that takes long on a server: on a connection of its own, so that nobody here waits
        behind it.  Elsewhere like any other.  Raises `StoreUnavailable`."""
        if is_sqlite(self._url):
            return await self._writer.run(work)
        engine = opened(open_writer, self._url)
        other = Writer(engine, self._writer.live)
        try:
            return await other.run(work)
        finally:
            await other.close()

    def wait_for_others(self, timeout_ms: int) -> None:
        """How long a work waits for another process's transaction (SQLite)."""
        pragma = f"PRAGMA busy_timeout = {timeout_ms}"
        self._writer.read(lambda connection: connection.exec_driver_sql(pragma).close())

    def limit(self, *, full: bool) -> None:
        """Let the database grow no more, as on a disk that is full, or again as it likes (SQLite).
        What has room in its free pages is still written."""

        def work(connection: Connection) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            most = pages if full else PAGES_MAX
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

        self._writer.read(work)

    async def close(self) -> None:
        """Let the works that wait finish, then give all connections back."""
        await self._writer.close()
        if self._reader is not None:
            self._reader.dispose()


def _nobody() -> None:
    """Nobody waits for changes."""


class Reader:
    """Another process's view of a database that a head-end may be writing to.

    Raises `FileNotFoundError` where there is no file, `StoreUnavailable` for one that is no
    database, or not a head-end's.
    """

    def __init__(self, url: str) -> None:
        self._engine = opened(open_reader, url)

    def read(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return query(connection)
        except DBAPIError as error:
            raise StoreUnavailable(f"{error.orig}") from error
        except self._driver_errors as error:  # of a prepared statement
            raise StoreUnavailable(f"{error}") from error

    @property
    def _driver_errors(self) -> type[Exception]:
        driver = self._engine.dialect.dbapi
        assert driver is not None
        errors: type[Exception] = driver.Error
        return errors

    def close(self) -> None:
        self._engine.dispose()
