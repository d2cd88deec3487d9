"""Bring a database up to date, or back: its tables as the installed program's revisions make them.

The revisions are packaged with the code, and run without a configuration file.  A database in
memory is new each time and never kept, so it gets the present tables at once; a test holds the two
ways together.  Back it goes for an older program, which refuses tables that it does not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.exc import DBAPIError

from headend.ports import StoreUnavailable
from headend.store.engine import in_memory, is_sqlite

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory


MIGRATING = 0x616D_6900
"""The key of PostgreSQL's advisory lock on the tables; a worker's name has one of its own."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one database; `revisions` is the "package:folder" of Alembic's revisions."""

    metadata: MetaData
    revisions: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows that go with their table, or what stands in one column of them."""

    table: str
    column: str | None
    rows: int

    def __str__(self) -> str:
        if self.column is None:
            return f"{self.rows:,} rows of {self.table}"
        return f"{self.rows:,} values of {self.table}.{self.column}"


class NoRevision(ValueError):
    """No revision of this program's that a database can be brought to from where it stands."""


class WouldLose(Exception):
    """Going back would lose what stands in tables and columns of later revisions."""

    def __init__(self, losses: list[Loss]) -> None:
        super().__init__(", ".join(map(str, losses)))
        self.losses = losses


def upgrade(engine: Engine, schema: Schema, revision: str = "head") -> None:
    """Make the tables, or bring older ones up to date; nothing happens when they are.

    Raises `StoreUnavailable` when the database cannot be opened, or is of a later program.
    """
    try:
        with engine.begin() as connection:
            if in_memory(engine.url):
                schema.metadata.create_all(connection)
                return
            _wait_for_others(connection)
            migrated(connection, schema, revision)
    except DBAPIError as error:
        raise StoreUnavailable(f"{engine.url}: {error.orig}") from error


def downgrade(engine: Engine, schema: Schema, revision: str, *, discard: bool) -> list[Loss]:
    """Take back what came after a revision, newest first, and tell what went with it.

    All or nothing, in one transaction.  Raises `NoRevision`, `WouldLose` unless told to discard it,
    and `StoreUnavailable`.
    """
    try:
        with engine.begin() as connection:
            _wait_for_others(connection)
            losses = would_lose(connection, schema, revision)
            if losses and not discard:
                raise WouldLose(losses)
            taken_back(connection, schema, revision)
            return losses
    except DBAPIError as error:
        raise StoreUnavailable(f"{engine.url}: {error.orig}") from error


def migrated(connection: Connection, schema: Schema, revision: str) -> None:
    """Bring tables to a revision, within a transaction of the caller's.

    Raises `StoreUnavailable` for tables of a later program.
    """
    from alembic.util import CommandError

    try:
        _walk(connection, lambda at: _directory(schema)._upgrade_revs(revision, at))
    except CommandError as error:
        there, last = standing(connection), newest(schema)
        raise StoreUnavailable(
            f"{connection.engine.url} is at revision {there} of a later program, this one's last is"
            f" {last}: start the later one, or take the database back with it (ami database"
            f" downgrade --to {last})"
        ) from error


def taken_back(connection: Connection, schema: Schema, revision: str) -> None:
    """Bring tables back to an earlier revision, or to "base", where there are none; within a
    transaction of the caller's, and whatever is lost."""
    _walk(connection, lambda at: _directory(schema)._downgrade_revs(revision, at))


def _walk(connection: Connection, steps: Callable[[Any], list[Any]]) -> None:
    """Run the revisions' own functions on a connection."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    context = MigrationContext.configure(connection, opts={"fn": lambda at, _: steps(at)})
    with Operations.context(context), context.begin_transaction():
        context.run_migrations()


def would_lose(connection: Connection, schema: Schema, revision: str) -> list[Loss]:
    """What going back to a revision would lose, newest first.  Raises `NoRevision`."""
    there, known = standing(connection), revisions(schema)
    if there not in known:
        raise NoRevision(f"{connection.engine.url} is at {there}, which this program does not know")
    if revision not in known[: known.index(there) + 1]:
        raise NoRevision(f"from revision {there} there is no way back to {revision!r}")
    later = known[known.index(revision) + 1 : known.index(there) + 1]
    lost = [script.module.steps for script in scripts(schema) if script.revision in later]
    return _total(loss for steps in lost for loss in steps.losses(connection))


def _total(losses: Iterable[Loss]) -> list[Loss]:
    """Of each table and column what is lost at all."""
    rows: Counter[tuple[str, str | None]] = Counter()
    for loss in losses:
        rows[loss.table, loss.column] += loss.rows
    return [Loss(table, column, count) for (table, column), count in rows.items() if count > 0]


def standing(connection: Connection) -> str | None:
    """The revision that a database stands at; None where there are no tables of ours."""
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def newest(schema: Schema) -> str:
    """The revision of tables that are up to date."""
    return revisions(schema)[-1]


def revisions(schema: Schema) -> list[str]:
    """Those that the installed program knows, oldest first."""
    return [script.revision for script in reversed(scripts(schema))]


def scripts(schema: Schema) -> list[Script]:
    """The revisions themselves, newest first; the module of each has its `steps`."""
    return list(_directory(schema).walk_revisions())


@cache
def _directory(schema: Schema) -> ScriptDirectory:
    # Imported where it is used: it takes longer than everything else that a short command does.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "headend.store:migrations")
    config.set_main_option("version_locations", schema.revisions)
    config.set_main_option("path_separator", "newline")
    return ScriptDirectory.from_config(config)


def _wait_for_others(connection: Connection) -> None:
    """Two processes that start at once must not both create the tables.  SQLite's BEGIN IMMEDIATE
    has come before the first look at the version; PostgreSQL is asked for a lock."""
    if not is_sqlite(connection.engine.url):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
