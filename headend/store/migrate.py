"""Bring a database up to date: its tables as the migrations of the installed program make them.

The revisions are packaged with the code, and run without a configuration file.  A database in
memory is new each time and never kept, so it gets the present tables at once; a test holds the two
ways together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.exc import DBAPIError

from headend.ports import StoreUnavailable
from headend.store.engine import in_memory, is_sqlite

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATING = 0x616D_6900
"""The key of PostgreSQL's advisory lock on the tables; a worker's name has one of its own."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one database; `revisions` is the "package:folder" of Alembic's revisions."""

    metadata: MetaData
    revisions: str


def upgrade(engine: Engine, schema: Schema) -> None:
    """Make the tables, or bring older ones up to date; nothing happens when they are.

    Raises `StoreUnavailable` when the database cannot be opened, or is of a later program.
    """
    try:
        if in_memory(engine.url):
            with engine.begin() as connection:
                schema.metadata.create_all(connection)
        else:
            _migrate(engine, schema)
    except DBAPIError as error:
        raise StoreUnavailable(f"{engine.url}: {error.orig}") from error


def _migrate(engine: Engine, schema: Schema) -> None:
    with engine.begin() as connection:
        _wait_for_others(connection)
        migrated(connection, schema, "head")


def migrated(connection: Connection, schema: Schema, revision: str) -> None:
    """Bring tables to a revision, within a transaction of the caller's.

    Raises `StoreUnavailable` for tables of a later program.
    """
    # Imported here: it takes longer than everything else that a short command does.
    from alembic import command
    from alembic.util import CommandError

    config = _alembic(schema)
    config.attributes["connection"] = connection
    config.attributes["metadata"] = schema.metadata
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        why = f"{connection.engine.url} was brought up to date by a later program: {error}"
        raise StoreUnavailable(why) from error


def newest(schema: Schema) -> str:
    """The revision of tables that are up to date."""
    from alembic.script import ScriptDirectory

    revision = ScriptDirectory.from_config(_alembic(schema)).get_current_head()
    assert revision is not None
    return revision


def revision_known(schema: Schema, revision: str) -> bool:
    """Whether tables of this revision can be brought up to date by the installed program."""
    from alembic.script import ScriptDirectory

    known = ScriptDirectory.from_config(_alembic(schema)).walk_revisions()
    return any(each.revision == revision for each in known)


def _alembic(schema: Schema) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "headend.store:migrations")
    config.set_main_option("version_locations", schema.revisions)
    config.set_main_option("path_separator", "newline")
    return config


def _wait_for_others(connection: Connection) -> None:
    """Two processes that start at once must not both create the tables.  SQLite's BEGIN IMMEDIATE
    has come before the first look at the version; PostgreSQL is asked for a lock."""
    if not is_sqlite(connection.engine.url):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
