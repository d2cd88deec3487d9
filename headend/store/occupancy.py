"""One process for each worker's name: two under one name would take each other's leases for dead.

For SQLite the lock is a file beside the database, held by the kernel for the process; for
PostgreSQL an advisory lock, held by the server for a connection.  Either is given back however the
process ends.  Workers that share a database have different names (`Config.worker`).
"""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from headend.ports import StoreUnavailable
from headend.store.engine import in_memory, is_sqlite, open_writer

WORKERS = 0x616D_69
"""The class of PostgreSQL's advisory locks on workers' names."""


class Occupied(RuntimeError):
    """Another process works on this database under the same name."""


@contextmanager
def occupied(url: str, worker: str) -> Iterator[None]:
    """Hold a worker's name on a database.  Raises `Occupied`, or `StoreUnavailable` where no file
    can lie beside the database, and for what is no URL."""
    try:
        database = make_url(url).database
    except ArgumentError as error:
        raise StoreUnavailable(f"{url!r} is no database URL") from error
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
    try:
        engine = open_writer(url)
    except (ArgumentError, ImportError) as error:  # no such kind of database, or no driver for it
        raise StoreUnavailable(f"{error}") from error
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
