"""One process for each worker's name: two under one name would take each other's leases for dead.

For SQLite the lock is a file beside the database, held by the kernel for the process: it is given
back however the process ends.  Workers that share a database have different names
(`Config.worker`).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from headend.ports import StoreUnavailable
from headend.store.engine import in_memory, is_sqlite


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
    if not is_sqlite(url) or in_memory(url) or database is None:
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
            raise Occupied(
                f"another process serves {database} as {worker!r}; stop it, or give this one a name"
                " of its own (worker = ... in the configuration)"
            ) from error
        yield
