"""Databases for tests: SQLite, and PostgreSQL beside it where a test's folder asks for both.

A folder's conftest says `pytest_generate_tests = databases.on_both`: each of its tests then runs
twice, but for those marked `on_one` or `sqlite_only`.  With AMI_TEST_DATABASE=postgresql (`make
test-postgresql`) every test runs once, on PostgreSQL, but for those marked `sqlite_only`.

The server is the test process's own, in a folder of its own, on a Unix socket there, and gone with
the process, also with one that was killed (`left_behind`).  A place that a test names is a
database; places are told apart as files are.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import Pool

from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA, SqlStore

SQLITE, POSTGRESQL = "sqlite", "postgresql"
EVERYWHERE = os.environ.get("AMI_TEST_DATABASE", SQLITE).lower()
"""The kind of database of the whole run, where a test does not ask for both."""

on_one = pytest.mark.on_one
"""Of a test in a folder that asks for both: what the kind of database makes no difference to, so it
is asked on that of the whole run."""
sqlite_only = pytest.mark.sqlite_only
"""Of a test: what SQLite alone has; why, in the mark: `@sqlite_only("it has pragmas")`."""
postgresql_only = pytest.mark.postgresql_only
"""Of a test in a folder that asks for both: what SQLite does elsewhere."""

# What a power cut would cost does not matter here; what the server's own end would, does.  The zone
# is not UTC, so that who forgets about zones is found out.
SETTINGS = {
    "deadlock_timeout": "20ms",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "America/Santiago",
}
WITH_TABLES = "with_tables"  # the database that new ones are copied from: making tables costs most
GUARDED = "guarded"
ROLLED_BACK = "rolled_back"  # a copy that stays as it is
_now = [EVERYWHERE]
_stores: list[SqlStore] = []
_connections: WeakSet[Any] = WeakSet()


def on_both(metafunc: pytest.Metafunc) -> None:
    """As a folder's `pytest_generate_tests`: its tests run on SQLite, and again on PostgreSQL."""
    one = any(map(metafunc.definition.get_closest_marker, ("on_one", "sqlite_only")))
    if EVERYWHERE == SQLITE and not one:
        kinds: list[Any] = [pytest.param(POSTGRESQL, marks=pytest.mark.requires("postgresql"))]
        if metafunc.definition.get_closest_marker("postgresql_only") is None:
            kinds.insert(0, SQLITE)
        metafunc.parametrize("kind_of_database", kinds, indirect=True)


@contextmanager
def of_kind(kind: str) -> Iterator[None]:
    """Let new databases be of this kind; those made meanwhile on a server are gone afterwards."""
    known = frozenset() if kind == SQLITE else cluster().names
    _now.append(kind)
    try:
        yield
    finally:
        _now.pop()
        while _stores:
            asyncio.run(_stores.pop().close())
        if kind == POSTGRESQL:
            gone = cluster().names - known
            _close(gone)
            cluster().drop(gone)


def postgresql() -> bool:
    """Whether this test is on PostgreSQL."""
    return _now[-1] == POSTGRESQL


@event.listens_for(Pool, "connect")
def _opened(connection: Any, _: object) -> None:
    if hasattr(connection, "pgconn"):
        _connections.add(connection)


def _close(names: Set[str]) -> None:
    """End what is still connected to these databases.  A head-end that crashed in a test leaves its
    connections to whichever test collects the garbage, which is no fault of that one."""
    for connection in list(_connections):
        if not connection.closed and connection.info.dbname in names:
            connection.close()


def memory() -> str:
    """The URL of a new database for one test, which nobody else opens: in memory, for SQLite."""
    return cluster().new(WITH_TABLES) if postgresql() else "sqlite://"


def store() -> SqlStore:
    """A store on such a database, under the simulated clock; closed when the test is over.  One
    that is not would be found open by whichever test collects the garbage."""
    made = SqlStore(memory(), live=False)
    _stores.append(made)
    return made


def rolled_back() -> str:
    """The URL of a database with empty tables, for works that are never committed."""
    return cluster().url(ROLLED_BACK) if postgresql() else "sqlite://"


def at(place: Path) -> str:
    """The URL of the database at a place, the same one each time; new where there was none."""
    return cluster().at(place) if postgresql() else f"sqlite:///{place}"


def programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are; None where PostgreSQL is not installed.  Debian keeps them
    off the path, by version."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    candidates = [*places, *([] if found is None else [Path(found).parent])]
    return next((place for place in candidates if (place / "initdb").exists()), None)


class Cluster:
    """A PostgreSQL of this process's own.  It refuses to run as root, so as root it does not."""

    def __init__(self, folder: Path, where: Path) -> None:
        self._folder, self._bin = folder, where
        self._owner = "postgres" if os.getuid() == 0 else None
        self._numbers = itertools.count(1)
        self.names: frozenset[str] = frozenset()
        self._places: dict[Path, str] = {}
        if self._owner is not None:
            entry = pwd.getpwnam(self._owner)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        self._run("initdb", "-U", "ami", "--auth=trust", "-E", "UTF8", "--locale=C", "-N")
        self._ask_for_passwords()
        self._options = f"{options} -k {folder}"
        self._watched = self._watch()
        atexit.register(self.end)
        self.start()
        self.ask(f"CREATE DATABASE {WITH_TABLES}")
        engine = open_writer(self.url(WITH_TABLES))
        upgrade(engine, SCHEMA)
        engine.dispose()
        self.ask(f"CREATE DATABASE {ROLLED_BACK} TEMPLATE {WITH_TABLES}")

    def _ask_for_passwords(self) -> None:
        """Of one database."""
        rules = self._folder / "data" / "pg_hba.conf"
        rules.write_text(f"local {GUARDED} all scram-sha-256\n" + rules.read_text())

    def _watch(self) -> subprocess.Popen[bytes]:
        """Who ends the server when this process ends."""
        program, *user = Path(__file__).with_name("left_behind.py"), *filter(None, [self._owner])
        command = [sys.executable, program, self._folder, self._bin / "pg_ctl", *user]
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-l", "log", "-o", self._options)

    def stop(self) -> None:
        """As when the power fails."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://ami@/{name}?host={quote(str(self._folder), safe='')}"

    def new(self, template: str) -> str:
        name = f"t{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.names |= {name}
        return self.url(name)

    def drop(self, names: frozenset[str]) -> None:
        for name in names:
            self.ask(f"DROP DATABASE {name} WITH (FORCE)")
        self.names -= names

    def at(self, place: Path) -> str:
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = self.new("template1")
        return known

    def ask(self, sql: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(sql))
        engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments, "-D", str(self._folder / "data")]
        subprocess.run(
            command, user=self._owner, cwd=self._folder, check=True, stdout=subprocess.DEVNULL
        )

    def end(self) -> None:
        atexit.unregister(self.end)
        self._watched.communicate()


def new_cluster() -> Cluster:
    """One more server, for who wants to stop it."""
    where = programs()
    if where is None:
        raise pytest.UsageError("PostgreSQL is not installed")
    return Cluster(Path(tempfile.mkdtemp(prefix="ami-postgresql-")), where)


@cache
def cluster() -> Cluster:
    """This process's server, started on first use."""
    return new_cluster()
