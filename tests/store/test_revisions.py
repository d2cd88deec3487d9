"""Every revision is taken back as it was taken: the schema is the one before, to the last index,
and rows keep what both revisions have a place for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from headend.integration.legacy import database as legacy
from headend.store import migrate, store
from headend.store.engine import open_writer
from headend.store.migrate import Loss, NoRevision, Schema, WouldLose
from headend.store.migrations.steps import Steps
from tests import databases
from tests.store.schemas import columns_of, described, put

SCHEMAS = {"head-end": store.SCHEMA, "legacy": legacy.SCHEMA}
each_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_writer(databases.at(tmp_path / "x.db"))
    yield engine
    engine.dispose()


@each_schema
def test_every_revision_says_how_it_is_taken_back(schema: Schema) -> None:
    """A new one as well: `headend.store.migrations.steps` has the words."""
    for script in migrate.scripts(schema):
        module = script.module
        steps = getattr(module, "steps", None)
        assert isinstance(steps, Steps), f"{module.__file__} has no steps"
        assert (module.upgrade, module.downgrade) == (steps.take, steps.take_back)


def fill(connection: Connection) -> None:
    """A row into each table that has none, those first that others refer to."""
    empty = [
        table
        for table in columns_of(connection)
        if connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() is None
    ]
    for table in sorted(empty, key=REFERRED_TO.__contains__, reverse=True):
        put(connection, table, whole=True)


REFERRED_TO = {"orders", "job_devices", "campaigns", "ordenes"}


def told(connection: Connection, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """What stands in these columns of tables."""
    return {
        table: sorted(
            str(row)
            for row in connection.exec_driver_sql(
                "SELECT {} FROM {}".format(", ".join(f'"{each}"' for each in names), table)
            )
        )
        for table, names in columns.items()
    }


def kept(rows: dict[str, list[str]], now: dict[str, list[str]]) -> bool:
    """Whether all of them are there; a revision may add marks."""
    return all(set(rows[table]) <= set(now[table]) for table in rows)


@each_schema
def test_each_revision_is_taken_back_and_taken_again(schema: Schema, engine: Engine) -> None:
    """With a row in each table all the way."""
    known = migrate.revisions(schema)
    with engine.begin() as connection:
        migrate.migrated(connection, schema, known[0])
        migrate.taken_back(connection, schema, "base")
        last, before, columns = "base", described(connection), columns_of(connection)
        rows = told(connection, columns)
        assert rows == {}
    for revision in known:
        with engine.begin() as connection:
            migrate.migrated(connection, schema, revision)
            now = described(connection)
            fill(connection)
            migrate.taken_back(connection, schema, last)
            assert described(connection) == before
            assert told(connection, columns) == rows
            migrate.migrated(connection, schema, revision)
            assert described(connection) == now
            assert kept(rows, told(connection, columns))
            fill(connection)
            last, before, columns = revision, now, columns_of(connection)
            rows = told(connection, columns)
            assert all(rows.values())


@each_schema
def test_a_new_database_loses_nothing(schema: Schema, engine: Engine) -> None:
    """What tables begin with is no loss."""
    migrate.upgrade(engine, schema)
    first = migrate.revisions(schema)[0]
    assert migrate.downgrade(engine, schema, first, discard=False) == []
    with engine.connect() as connection:
        assert migrate.standing(connection) == first


def test_what_would_be_lost_is_told_and_kept_unless_discarded(engine: Engine) -> None:
    migrate.upgrade(engine, store.SCHEMA)
    with engine.begin() as connection:
        put(connection, "orders", number=1, clock="{}", until_pressed=False)
        put(connection, "orders", number=2, transaction_id="2", until_pressed=True)
        put(connection, "meter_clocks")
        put(connection, "backfill_waves")
        before = described(connection)
        rows = told(connection, columns_of(connection))
    expected = [
        Loss("orders", "clock", 1), Loss("orders", "until_pressed", 1),
        Loss("meter_clocks", None, 1), Loss("backfill_waves", None, 1),
    ]  # fmt: skip
    with pytest.raises(WouldLose, match="1 values of orders.clock, .* 1 rows of meter_clocks") as e:
        migrate.downgrade(engine, store.SCHEMA, "0022", discard=False)
    assert e.value.losses == expected
    with engine.connect() as connection:
        assert described(connection) == before
        assert told(connection, columns_of(connection)) == rows
    assert migrate.downgrade(engine, store.SCHEMA, "0022", discard=True) == expected
    with engine.connect() as connection:
        left = columns_of(connection)
        assert "meter_clocks" not in left and "clock" not in left["orders"]
        assert told(connection, {"orders": ["number"]}) == {"orders": ["(1,)", "(2,)"]}


@pytest.mark.parametrize(
    "at, to",
    [("0003", "0004"), ("0003", "9999"), ("0003", "base"), ("9999", "0003")],
)
def test_there_is_no_way_back(at: str, to: str, engine: Engine) -> None:
    """To what is later, or not known; or from what a later program made."""
    with engine.begin() as connection:
        migrate.migrated(connection, store.SCHEMA, "0003")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{at}'")
    with pytest.raises(NoRevision, match=at):
        migrate.downgrade(engine, store.SCHEMA, to, discard=True)
