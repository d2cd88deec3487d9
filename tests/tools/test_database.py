"""`ami database`: what it tells of a copy, and whom it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from headend.store import store
from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.occupancy import occupied
from tests import databases
from tools.cli import app


def make(url: str) -> None:
    engine = open_writer(url)
    upgrade(engine, store.SCHEMA)
    engine.dispose()


def test_each_table_is_told(tmp_path: Path) -> None:
    source, target = databases.at(tmp_path / "a.db"), databases.at(tmp_path / "b.db")
    make(source)
    ran = CliRunner().invoke(app, ["database", "copy", source, target, "--json"])
    assert ran.exit_code == 0, ran.output
    told = {each["table"]: each["rows"] for each in json.loads(ran.stdout)}
    assert set(told) == set(store.SCHEMA.metadata.tables)
    assert told["counters"] == 2 and told["orders"] == 0
    ran = CliRunner().invoke(app, ["database", "copy", target, databases.at(tmp_path / "c.db")])
    assert ran.exit_code == 0 and f"of {len(told)} tables, compared" in ran.stdout


def test_a_database_that_a_head_end_works_on_is_left_alone(tmp_path: Path) -> None:
    source, target = databases.at(tmp_path / "a.db"), databases.at(tmp_path / "b.db")
    make(source)
    for url in (source, target):
        with occupied(url, "w1"):
            ran = CliRunner().invoke(app, ["database", "copy", source, target, "--json"])
        assert ran.exit_code == 2
        assert "a head-end works on" in json.loads(ran.stdout)["error"]["text"]
