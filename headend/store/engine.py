"""Connections: one that writes, and some that only read.

SQLite as an order needs it: WAL, so that readers never wait for the writer; synchronous=FULL, so
that a commit that returned survives a power cut; BEGIN IMMEDIATE, so that two writers meet at the
beginning of a transaction, where waiting is possible, and not in its middle, where it is not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    QueuePool,
    StaticPool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError

from headend.ports import StoreUnavailable

BUSY_TIMEOUT_MS = (
    5_000  # another process's transaction ends within milliseconds, or something hangs
)
CACHE_KIB = 64 * 1024
LOG_TRIES = 10
READERS_MAX = 4


# A server that is gone is noticed: by one that connects at once, in a conversation within a minute.
SERVER: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "ami",
}


def opened(how: Callable[[str], Engine], url: str) -> Engine:
    """An engine, nothing connected yet.  Raises `StoreUnavailable` for what is no URL of a database
    that is known here, or has no driver."""
    try:
        return how(url)
    except ImportError as error:
        kind = make_url(url).get_backend_name()
        advice = "; pip install 'ami-headend[postgresql]'" if kind == "postgresql" else ""
        raise StoreUnavailable(f"no driver for {kind} is installed{advice}") from error
    except (ArgumentError, ValueError) as error:
        raise StoreUnavailable(f"{error}") from error


def is_sqlite(url: str | URL) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def in_memory(url: str | URL) -> bool:
    """Whether a URL names a SQLite database that lives and dies with its connection."""
    return is_sqlite(url) and make_url(url).database in (None, "", ":memory:")


def open_writer(url: str | URL) -> Engine:
    """An engine whose connection may write.  For SQLite there is exactly one."""
    if not is_sqlite(url):
        return create_engine(url, connect_args=SERVER)
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _set_up_writing)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def open_reader(url: str | URL) -> Engine:
    """An engine that cannot write.  Raises `FileNotFoundError` where there is no database file."""
    if not is_sqlite(url):
        # One view for all the statements of a query, as SQLite's readers have it.
        return create_engine(
            url,
            connect_args=SERVER,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
        )
    name = make_url(url).database
    if in_memory(url) or name is None:
        raise ValueError("a database in memory can be read only through its own store")
    path = Path(name).absolute()
    if not path.exists():
        raise FileNotFoundError(f"there is no database {path}")

    def connect() -> sqlite3.Connection:
        # Not mode=ro: the first reader of a WAL database that nobody has open must make its -shm.
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, check_same_thread=False
        )

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS_MAX, max_overflow=0
    )
    event.listen(engine, "connect", _set_up_reading)
    event.listen(engine, "begin", _begin_reading)
    return engine


def _set_up_writing(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _keep_a_log(connection)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        f"cache_size = -{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _keep_a_log(connection: Any) -> None:
    """WAL.  Of two that change a new database to it at once one is refused without any waiting, so
    it waits in the way that SQLite can, for a transaction, and looks again."""
    for left in reversed(range(LOG_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if not left:
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")


def _set_up_reading(connection: Any, record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
