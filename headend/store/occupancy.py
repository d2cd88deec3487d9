"""One process for each worker's name: two under one name would take each other's leases for dead.

For SQLite the lock is a file beside the database, held by the kernel for the process; for
PostgreSQL an advisory lock, held by the server for a connection.  Either is given back however the
process ends.  Workers that share a database have different names (`Config.worker`).
"""

from __future__ import annotations

import fcntl
import glob
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from headend.config import without_password
from headend.ports import StoreUnavailable
from headend.store.engine import in_memory, is_sqlite, open_writer, opened

WORKERS = 0x616D_69
"""The class of PostgreSQL's advisory locks on workers' names."""


DUTY = 0x616D_6C
"""The class of the one advisory lock on what only one worker does."""


class Held:
    """A lock that one process at a time holds on a database, until it gives it back or is gone.

    A server's ends with the connection that took it, unnoticed by who holds it: therefore `hold`
    is asked again and again.  Not for the loop's thread.
    """

    def __init__(self, url: str, suffix: str, key: tuple[int, int]) -> None:
        self._url, self._key = url, {"one": key[0], "two": key[1]}
        database = make_url(url).database
        beside = is_sqlite(url) and not in_memory(url) and database is not None
        self._path = Path(f"{database}.{suffix}.lock") if beside else None
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._file: IO[str] | None = None

    def hold(self) -> bool:
        """Take the lock if nobody has it; whether it is ours.  Raises `StoreUnavailable`, also once
        when the connection is gone that had it: somebody else may have had it since."""
        if not is_sqlite(self._url):
            return self._hold_at_server()
        if self._path is None or self._file is not None:  # in memory, a database is nobody else's
            return True
        try:
            file = self._path.open("w")
        except OSError as error:
            raise StoreUnavailable(f"{self._path}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def give_back(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()
        self._file, self._connection, self._engine = None, None, None

    def _hold_at_server(self) -> bool:
        try:
            if self._connection is None:
                self._engine = self._engine or opened(open_writer, self._url)
                self._connection = self._engine.connect()
                ours = text("SELECT pg_try_advisory_lock(:one, :two)")
                if not self._connection.execute(ours, self._key).scalar_one():
                    self._connection.close()
                    self._connection = None
                    return False
            else:
                self._connection.exec_driver_sql("SELECT 1")
            self._connection.commit()
            return True
        except DBAPIError as error:
            if self._connection is not None:
                self._connection.invalidate()
                self._connection.close()
                self._connection = None
            raise StoreUnavailable(f"{error.orig}") from error


class Duty(Held):
    """What only one of the workers on a database does."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "duty", (DUTY, 0))


class Name(Held):
    """A worker's name, under which it leases orders."""

    def __init__(self, url: str, worker: str) -> None:
        super().__init__(url, worker, (WORKERS, zlib.crc32(worker.encode()) - 2**31))


class Occupied(RuntimeError):
    """Another process works on this database under the same name."""


def served(url: str) -> bool:
    """Whether any process works on a database under whatever name.  Raises `StoreUnavailable`."""
    try:
        database = make_url(url).database
    except ArgumentError as error:
        raise StoreUnavailable(f"{without_password(url)!r} is no database URL") from error
    if not is_sqlite(url):
        return _served_by_server(url)
    if in_memory(url) or database is None:
        return False
    path = Path(database)
    return any(_held(lock) for lock in path.parent.glob(f"{glob.escape(path.name)}.*.lock"))


def _held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _served_by_server(url: str) -> bool:
    engine = opened(open_writer, url)
    held = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE datname = current_database() AND locktype = 'advisory' AND classid = :one"
    )
    try:
        with engine.connect() as connection:
            return bool(connection.execute(held, {"one": WORKERS}).scalar_one())
    except DBAPIError as error:
        raise StoreUnavailable(f"{error.orig}") from error
    finally:
        engine.dispose()


@contextmanager
def occupied(url: str, worker: str) -> Iterator[Name]:
    """Hold a worker's name on a database.  Raises `Occupied`, or `StoreUnavailable` where no file
    can lie beside the database, and for what is no URL."""
    try:
        name = Name(url, worker)
    except ArgumentError as error:
        raise StoreUnavailable(f"{without_password(url)!r} is no database URL") from error
    try:
        if not name.hold():
            raise Occupied(
                f"another process serves {make_url(url).database} as {worker!r}; stop it, or give"
                " this one a name of its own (worker = ... in the configuration)"
            )
        yield name
    finally:
        name.give_back()
