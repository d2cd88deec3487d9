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


class Duty:
    """What only one of the workers on a database does: whoever has its lock, until it gives it back
    or is gone.  Not for the loop's thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._file: IO[str] | None = None

    def hold(self) -> bool:
        """Take the duty if nobody has it; whether it is ours.  A lock on a server ends with the
        connection, so this is asked again and again.  Raises `StoreUnavailable`."""
        if not is_sqlite(self._url):
            return self._hold_at_server()
        if self._file is None:
            file = Path(f"{make_url(self._url).database}.duty.lock").open("w")
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
                self._engine = self._engine or open_writer(self._url)
                self._connection = self._engine.connect()
                ours = text("SELECT pg_try_advisory_lock(:one, 0)")
                if not self._connection.execute(ours, {"one": DUTY}).scalar_one():
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
                self._connection = None
            raise StoreUnavailable(f"{error.orig}") from error


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
def occupied(url: str, worker: str) -> Iterator[None]:
    """Hold a worker's name on a database.  Raises `Occupied`, or `StoreUnavailable` where no file
    can lie beside the database, and for what is no URL."""
    try:
        database = make_url(url).database
    except ArgumentError as error:
        raise StoreUnavailable(f"{without_password(url)!r} is no database URL") from error
    if not is_sqlite(url):
        with _locked_by_server(url, worker):
            yield
        return
    if in_memory(url) or database is None:
        yield
        return
    path = Path(f"{database}.{worker}.lock")
    try:
        file = path.open("w")
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _occupied(database, worker) from error
        yield


@contextmanager
def _locked_by_server(url: str, worker: str) -> Iterator[None]:
    engine = opened(open_writer, url)
    try:
        with engine.connect() as connection:
            key = {"one": WORKERS, "two": zlib.crc32(worker.encode()) - 2**31}
            ours = text("SELECT pg_try_advisory_lock(:one, :two)")
            if not connection.execute(ours, key).scalar_one():
                raise _occupied(make_url(url).database or url, worker)
            connection.commit()
            yield
    except DBAPIError as error:
        raise StoreUnavailable(f"{error.orig}") from error
    finally:
        engine.dispose()


def _occupied(database: str, worker: str) -> Occupied:
    return Occupied(
        f"another process serves {database} as {worker!r}; stop it, or give this one a name"
        " of its own (worker = ... in the configuration)"
    )
