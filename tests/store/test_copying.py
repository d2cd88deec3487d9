"""A database copied there and back is the same; what is no database, or is not empty, is left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from headend.integration.legacy import database as legacy
from headend.store import copying, store
from headend.store.copying import CopyDiffers, CopyRefused, beginning, copy, stored
from headend.store.engine import open_writer
from headend.store.migrate import Schema, upgrade
from headend.store.partitions import OTHERS, PARTITIONED, Month, Part, parts
from tests import databases
from tests.store import filled

SCHEMAS = {"head-end": store.SCHEMA, "legacy": legacy.SCHEMA}
each_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def make(url: str, schema: Schema) -> int:
    """A database with something in every table; how many rows."""
    engine = open_writer(url)
    upgrade(engine, schema)
    with engine.begin() as connection:
        rows = filled.fill(connection, schema.metadata, besides=frozenset(beginning(schema)))
        if schema is store.SCHEMA:
            connection.execute(text("UPDATE counters SET value = 4711"))
        for name in beginning(schema):
            rows += connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
    engine.dispose()
    return rows


def contents(url: str, schema: Schema) -> dict[str, Sequence[Any]]:
    """What is stored, by table."""
    engine = open_writer(url)
    with engine.begin() as connection:
        told = {
            table.name: sorted(map(repr, connection.execute(select(stored(table))).all()))
            for table in schema.metadata.sorted_tables
        }
    engine.dispose()
    return told


@each_schema
def test_there_and_back(schema: Schema, tmp_path: Path) -> None:
    first = f"sqlite:///{tmp_path / 'first.db'}"
    between = databases.at(tmp_path / "between.db")
    again = f"sqlite:///{tmp_path / 'again.db'}"
    rows = make(first, schema)
    told: list[tuple[str, int, int]] = []
    out = copy(first, between, schema, lambda *heard: told.append(heard))
    back = copy(between, again, schema)
    assert out == back
    assert sum(each.rows for each in out) == rows > 2 * len(schema.metadata.tables)
    assert [each.table for each in out] == [t.name for t in schema.metadata.sorted_tables]
    assert contents(first, schema) == contents(between, schema) == contents(again, schema)
    assert {name: came for name, came, _ in told} == {each.table: each.rows for each in out}


@databases.postgresql_only
def test_what_comes_lies_by_the_month(tmp_path: Path) -> None:
    first, other = f"sqlite:///{tmp_path / 'first.db'}", databases.at(tmp_path / "other.db")
    make(first, store.SCHEMA)
    copy(first, other, store.SCHEMA)
    engine = open_writer(other)
    with engine.connect() as connection:
        there = set(parts(connection))
        for table in PARTITIONED:
            assert not connection.execute(text(f"SELECT 1 FROM {table}_{OTHERS}")).all()
    assert {Part("interval_days", Month(2026, 2)), Part("interval_days", Month(2026, 3))} <= there
    assert {Part("intervals", Month(1970, 1)), Part("journal", Month(2026, 7))} <= there
    engine.dispose()


def test_numbering_goes_on(tmp_path: Path) -> None:
    first, other = f"sqlite:///{tmp_path / 'first.db'}", databases.at(tmp_path / "other.db")
    make(first, store.SCHEMA)
    copy(first, other, store.SCHEMA)
    engine = open_writer(other)
    lines = "SELECT line FROM journal ORDER BY line"

    def append(connection: Connection) -> list[int]:
        line = {"order": 7, "at": filled.T0, "state": "done", "cause": "one more"}
        names = ("order", "at", "state", "cause")
        table = stored(store.SCHEMA.metadata.tables["journal"])
        connection.execute(insert(table).values({name: line[name] for name in names}))
        return list(connection.execute(text(lines)).scalars())

    with engine.begin() as connection:
        assert append(connection) == [7, 8, 9, 10]
    engine.dispose()


def test_a_target_that_holds_something_is_refused(tmp_path: Path) -> None:
    first, other = f"sqlite:///{tmp_path / 'first.db'}", databases.at(tmp_path / "other.db")
    make(first, store.SCHEMA)
    make(other, store.SCHEMA)
    before = contents(other, store.SCHEMA)
    with pytest.raises(CopyRefused, match="not empty"):
        copy(first, other, store.SCHEMA)
    assert contents(other, store.SCHEMA) == before


def test_a_target_that_has_counted_is_refused(tmp_path: Path) -> None:
    first, other = f"sqlite:///{tmp_path / 'first.db'}", databases.at(tmp_path / "other.db")
    make(first, store.SCHEMA)
    engine = open_writer(other)
    upgrade(engine, store.SCHEMA)
    with engine.begin() as connection:
        connection.execute(text("UPDATE counters SET value = 1 WHERE name = 'order-number'"))
    engine.dispose()
    with pytest.raises(CopyRefused, match="counters"):
        copy(first, other, store.SCHEMA)


def test_a_source_of_another_version_is_refused(tmp_path: Path) -> None:
    first, other = databases.at(tmp_path / "first.db"), databases.at(tmp_path / "other.db")
    make(first, store.SCHEMA)
    engine = open_writer(first)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    with pytest.raises(CopyRefused, match="another version of this program: 0001"):
        copy(first, other, store.SCHEMA)


def test_what_was_written_otherwise_is_found_and_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = f"sqlite:///{tmp_path / 'first.db'}", databases.at(tmp_path / "other.db")
    make(first, store.SCHEMA)
    for put in ("_insert", "_copy"):
        honest = getattr(copying, put)

        def forgetful(taking: Any, table: Any, rows: Any, honest: Any = honest) -> None:
            honest(taking, table, rows[:-1])

        monkeypatch.setattr(copying, put, forgetful)
    with pytest.raises(CopyDiffers, match="rows were written"):
        copy(first, other, store.SCHEMA)
    there = contents(other, store.SCHEMA)
    assert not any(rows for name, rows in there.items() if name not in beginning(store.SCHEMA))
