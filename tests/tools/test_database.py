"""`ami database`: what it tells of a copy, and whom it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from headend.store import store
from headend.store.engine import open_writer
from headend.store.migrate import revisions, upgrade
from headend.store.occupancy import occupied
from tests import databases
from tests.store import outliving
from tests.store.schemas import put
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


def asked(*words: str, code: int = 0) -> str:
    ran = CliRunner().invoke(app, ["database", *words])
    assert ran.exit_code == code, ran.output
    return ran.stdout


def test_there_and_back(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "a.db")
    make(url)
    first, *_, before, last = revisions(store.SCHEMA)
    assert json.loads(asked("version", "--database", url, "--json")) == {
        "revision": last, "newest": last, "known": revisions(store.SCHEMA),
    }  # fmt: skip
    told = json.loads(asked("downgrade", "--to", first, "--database", url, "--json"))
    assert told == {"before": last, "revision": first, "lost": []}
    assert f"at {first}" in asked("version", "--database", url)
    looked = CliRunner().invoke(app, ["event", "list", "--database", url])
    assert looked.exit_code == 2 and f"is at revision {first}, this program's is" in looked.stderr
    assert f"at {before}" in asked("upgrade", "--to", before, "--database", url)
    assert f"at {last}, before at {before}" in asked("upgrade", "--database", url)
    asked("upgrade", "--to", first, "--database", url, code=2)  # that way it is called otherwise


def test_what_would_be_lost_is_told_before(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "a.db")
    make(url)
    engine = open_writer(url)
    with engine.begin() as connection:
        put(connection, "meter_clocks")
    back = ("downgrade", "--to", "0023", "--database", url)
    refused = json.loads(asked(*back, "--json", code=1))
    lost = [{"table": "meter_clocks", "column": None, "rows": 1}]
    last = revisions(store.SCHEMA)[-1]
    assert refused == {"before": last, "revision": last, "lost": lost}
    assert "1 rows of meter_clocks" in CliRunner().invoke(app, ["database", *back]).stderr
    with occupied(url, "w1"):
        asked(*back, "--discard", code=2)
    assert "discarded 1 rows of meter_clocks" in asked(*back, "--discard")
    engine.dispose()


def test_a_head_end_does_not_start_on_tables_of_a_later_program(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "a.db")
    make(url)
    engine = open_writer(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    ran = CliRunner().invoke(app, ["serve", "--database", url])
    last = revisions(store.SCHEMA)[-1]
    assert ran.exit_code == 1, ran.output
    assert "revision 9999 of a later program" in ran.stderr
    assert f"ami database downgrade --to {last}" in ran.stderr


def test_retention_is_shown_first_and_then_carried_out(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "a.db")
    make(url)
    engine = open_writer(url)
    with engine.begin() as connection:
        for number in range(1, 4):
            outliving.put(connection, "uploads", concentrator="C", id=f"u{number}")
        outliving.put(connection, "concentrator_sessions", concentrator="C")
    engine.dispose()
    file = tmp_path / "ami.toml"
    file.write_text(f'database = "{url}"\n[retention]\ntelemetry = 40\nrest_s = 0\n')

    def ran(*words: str) -> list[dict[str, object]]:
        done = CliRunner().invoke(
            app, ["database", "retain", "--config", str(file), "--json", *words]
        )
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["dry_run"] is bool(words)
        return [each for each in told["items"] if each["rows"] or each["held"]]

    (lines, session) = seen = ran("--dry-run")
    assert (lines["table"], lines["rows"], lines["held_because"]) == ("uploads", 3, {})
    assert (session["rows"], session["held_because"]) == (0, {"newest": 1})
    assert ran("--dry-run") == seen, "nothing went"
    assert ran() == seen
    assert ran() == [session]
    told = CliRunner().invoke(app, ["database", "retain", "--config", str(file), "--dry-run"])
    assert "0 rows would go, 1 stay" in told.stdout
    shown = CliRunner().invoke(app, ["audit", "show", "--database", url, "--json"])
    details = [each["detail"] for each in json.loads(shown.stdout)]
    assert sum(each.startswith("deleted 3 of uploads before 20") for each in details) == 1
    file.write_text(f'database = "{url}"\n[retention]\ntelemetry = 4\n')
    refused = CliRunner().invoke(app, ["database", "retain", "--config", str(file)])
    assert refused.exit_code == 2 and "retention-too-short" in refused.stderr
