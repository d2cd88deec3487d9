"""What an operator is given for a simulated field fits together, and the README's first hour."""

from __future__ import annotations

import asyncio
import csv
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer import Context
from typer.testing import CliRunner

from headend.store.store import SqlStore
from scenarios.fleet.city import City
from scenarios.fleet.sample import FILES, write
from scenarios.schema import read
from tests.prove.first_hour import first_hour
from tools.cli import app


def ami(*arguments: str) -> str:
    ran = CliRunner().invoke(app, list(arguments))
    assert ran.exit_code == 0, (ran.output, ran.stderr, ran.exception)
    return ran.stdout


def test_the_files_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ami("fleet", "sample", str(tmp_path / "desk"), "--meters", "5", "--per-concentrator", "3")
    monkeypatch.chdir(tmp_path / "desk")
    asyncio.run(SqlStore("sqlite:///ami.db", live=False).close())
    for name in ("C-001", "C-002"):
        ami("concentrator", "add", name)
    ami("place", "import", "places.csv")
    opened = ("--transport-key", "transport.key", "--config", "ami.toml", "--jobs", "1")
    ami("shipment", "import", "shipment.csv", *opened)
    ami("place", "hang", "hang.csv")
    found = json.loads(ami("meter", "list", "--stage", "installed", "--json"))
    assert [meter["name"] for meter in found] == [str(90000001 + at) for at in range(5)]
    assert len(
        json.loads(ami("collection", "schedules", "--config", "ami.toml", "--json"))["items"]
    )


def test_the_field_has_the_meters_that_the_shipment_names(tmp_path: Path) -> None:
    city = City(5, seed=7, per_concentrator=3)
    write(city, tmp_path)
    field = read(tmp_path / "field.toml")
    behind = {
        meter.name: each.concentrator
        for each in field.field.transformers()
        for meter in each.meters
    }
    with (tmp_path / "shipment.csv").open() as opened:
        delivered = {row["meter"]: row["concentrator"] for row in csv.DictReader(opened)}
    assert delivered == behind and len(behind) == 5
    assert field.seed == city.seed


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write(City(1), tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    ran = CliRunner().invoke(app, ["fleet", "sample", str(tmp_path), "--seed", "2", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)["error"]["code"]) == (2, "no-folder")
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before
    assert all((tmp_path / name).stat().st_mode & 0o77 == 0 for name in FILES if "key" in name)


def commands() -> list[str]:
    """The `ami` commands of the README's first hour."""
    lines = first_hour().replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in line.split("; ")]
    parts = [part.removeprefix("TOKEN=$(") for part in parts]
    return [part.partition(" >")[0].rstrip(")") for part in parts if part.startswith("ami ")]


@pytest.mark.parametrize("line", commands())
def test_each_command_of_the_first_hour_is_one(line: str) -> None:
    words = shlex.split(line.replace("$(seq 90000001 $LAST)", "1 2").replace("$METERS", "100"))[1:]
    command: Any = typer.main.get_command(app)
    context = Context(command)
    while hasattr(command, "resolve_command"):  # a group
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, Context(found, info_name=name, parent=context)
    command.make_context(command.name, words)  # raises UsageError for what there is not
