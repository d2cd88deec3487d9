"""The migrated database is the one the code describes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Index, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable, SchemaItem

from headend.domain.order import Order
from headend.integration.legacy import database as legacy
from headend.ports import StoreUnavailable
from headend.store import store
from headend.store.engine import open_writer
from headend.store.migrate import Schema, upgrade
from headend.store.rows import ORDER
from tests import databases

SCHEMAS = {"head-end": store.SCHEMA, "legacy": legacy.SCHEMA}
each_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def described(engine: Engine) -> dict[str, str]:
    """Every table and index with the statement that made it."""
    if databases.postgresql():
        return {
            name: str(inspect(engine).get_columns(name))
            for name in inspect(engine).get_table_names()
        }
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master"
            " WHERE sql IS NOT NULL AND name <> 'alembic_version'"
        ).all()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in rows}


@databases.sqlite_only("statements as SQLite keeps them")
@each_schema
def test_migrating_makes_what_the_code_describes(schema: Schema, tmp_path: Path) -> None:
    migrated = open_writer(databases.at(tmp_path / "x.db"))
    upgrade(migrated, schema)
    at_once = open_writer(databases.memory())
    upgrade(at_once, schema)
    assert described(migrated) == described(at_once)
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        counted = [
            connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1").all()
            for table in schema.metadata.tables
        ]
    with at_once.connect() as connection:
        assert counted == [
            connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1").all()
            for table in schema.metadata.tables
        ]
    migrated.dispose()
    at_once.dispose()


@each_schema
def test_migrating_makes_the_tables_that_queries_name(schema: Schema, tmp_path: Path) -> None:
    migrated = open_writer(databases.at(tmp_path / "x.db"))
    upgrade(migrated, schema)
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": of_both})
        assert compare_metadata(context, schema.metadata) == []
    migrated.dispose()


def of_both(found: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
    """Not what PostgreSQL alone has: partitions, and indexes that go by the place of rows."""
    of_table = found.table.name if isinstance(found, Index) else name
    return not re.search(r"_(others|y\d{4}m\d\d)$|_brin$", f"{of_table}") and not (
        kind == "index" and f"{name}".endswith("_brin")
    )


@each_schema
def test_migrating_again_changes_nothing(schema: Schema, tmp_path: Path) -> None:
    for _ in range(2):
        engine = open_writer(databases.at(tmp_path / "x.db"))
        upgrade(engine, schema)
        before = described(engine)
        upgrade(engine, schema)
        assert described(engine) == before
        engine.dispose()


def test_two_processes_that_start_at_once_make_one_database(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    program = f"from headend.store.store import SqlStore; SqlStore({url!r}, live=False)"
    both = [subprocess.Popen([sys.executable, "-W", "error", "-c", program]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]


@each_schema
def test_the_tables_can_be_made_in_postgresql(schema: Schema) -> None:
    """Not run here: it must merely not be designed out."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            made = str(CreateIndex(index).compile(dialect=dialect))
            assert re.match(r"CREATE (UNIQUE )?INDEX", made.strip())


def test_every_field_of_an_order_has_its_column() -> None:
    assert set(Order.__dataclass_fields__) == set(ORDER.names)
    assert set(ORDER.names) < set(ORDER.table.c.keys())


def test_a_database_of_a_later_program_is_not_touched(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    engine = open_writer(url)
    upgrade(engine, store.SCHEMA)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="9999"):
        upgrade(engine, store.SCHEMA)
    engine.dispose()


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere/x.db.*unable to open"):
        store.SqlStore(f"sqlite:///{tmp_path / 'nowhere' / 'x.db'}", live=False)


@databases.sqlite_only("it has pragmas")
def test_pragmas(tmp_path: Path) -> None:
    """What durability rests on, as the database itself tells it."""
    engine = open_writer(databases.at(tmp_path / "x.db"))
    with engine.connect() as connection:
        told = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert told == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5_000,
    }
    engine.dispose()
