"""What an operator is given for a simulated field fits together, and the README's first hours."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer import Context
from typer.testing import CliRunner

from headend.store.store import SqlStore
from scenarios.fleet.city import City
from scenarios.fleet.sample import FILES, write
from scenarios.schema import read
from tests.prove.first_hour import COMMANDS, REST, first_hour
from tests.rest.house import the_app
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
    """The `ami` commands of the README's first hours."""
    blocks = first_hour() + first_hour(heading=REST)
    lines = blocks.replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in line.split("; ")]
    parts = [part.removeprefix("TOKEN=$(") for part in parts]
    found = [part.partition(" >")[0].rstrip(")") for part in parts if part.startswith("ami ")]
    return list(dict.fromkeys(found))


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


def questions() -> list[tuple[str, str]]:
    """Method and path of each question in the hour by REST."""
    found = []
    for line in first_hour(heading=REST).replace("\\\n", " ").splitlines():
        if "() {" in line:
            continue
        for verb, path in re.findall(r'\b(send|file|ask) "?(?:\$REST/)?([\w/$-]+)', line):
            posts = verb != "ask" or "--data" in line
            found.append(("post" if posts else "get", path))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("method", "path"), questions())
def test_each_question_of_the_hour_by_rest_has_a_route(method: str, path: str) -> None:
    paths = the_app(cast(Any, None)).openapi()["paths"]
    patterns = [re.sub(r"\{\w+\}", "[^/]+", each) for each in paths if method in paths[each]]
    assert any(re.fullmatch(pattern, f"/api/v1/{path}") for pattern in patterns)


def test_by_rest_only_what_needs_the_machine_is_a_command() -> None:
    lines = first_hour(heading=REST).splitlines()
    verbs = {" ".join(words[1:3]) for line in lines if (words := line.split())[:1] == ["ami"]}
    token = {"token create"} if any("$(ami token create" in line for line in lines) else set()
    assert verbs | token == {
        "fleet sample", "serve --config", "account add", "token create", "field field.toml",
    }  # fmt: skip
    assert questions() != [] and COMMANDS != REST
