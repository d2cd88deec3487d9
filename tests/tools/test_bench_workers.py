"""The benchmark of workers carries every order out once, and leaves nothing behind."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect

from tests import databases
from tools.bench.workers import SCHEMA, compare

pytestmark = databases.postgresql_only
pytest_generate_tests = databases.on_both


def test_orders_per_second_of_two_workers() -> None:
    url = databases.memory()  # so many that their log would fill a pipe
    run = compare(url=url, orders=600, workers=(2,))
    (one,) = run.measured
    assert one.workers == 2 and one.ended_once
    assert one.orders_per_s > 0 and one.bare_claims_per_s > 0
    assert run.as_dict()["orders"] == 600 and run.cores > 0
    engine = create_engine(url)
    assert SCHEMA not in inspect(engine).get_schema_names()
    engine.dispose()
