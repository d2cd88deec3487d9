"""The benchmark of ingestion measures what it says, on each database, and leaves nothing behind."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect

from tests import databases
from tools.bench.ingest import INTERVALS_A_DAY, METERS_A_BATCH, SCHEMA, batches, compare

pytest_generate_tests = databases.on_both


def test_every_row_of_a_batch_is_another() -> None:
    rows = [row for batch in batches(2) for row in batch]
    assert len({row[:2] for row in rows}) == len(rows) == 2 * METERS_A_BATCH * INTERVALS_A_DAY


def test_rows_per_second_of_both_ways() -> None:
    url = databases.memory() if databases.postgresql() else None
    told = compare(count=1, rounds=1, postgresql=url).as_dict()
    assert told["rows"] == METERS_A_BATCH * INTERVALS_A_DAY
    assert told["sqlite"]["ratio"] == told["sqlite"]["ours_per_s"] / told["sqlite"]["bare_per_s"]
    assert (told["postgresql"] is None) == (url is None)
    if url is not None:
        assert told["postgresql"]["ours_per_s"] > 0
        engine = create_engine(url)
        assert SCHEMA not in inspect(engine).get_schema_names()
        engine.dispose()
