"""Commands and accounts: who is let, and what the audit log says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from headend.domain.meter import Concentrator, Meter
from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA, SqlStore
from tests import databases
from tools import acting
from tools.cli import COMMANDS, app


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    verbs = getattr(command, "commands", None)
    if verbs is None:
        yield path, command
        return
    for name, each in verbs.items():
        yield from leaves(each, f"{path} {name}")


def every() -> dict[str, Any]:
    root: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for noun in COMMANDS:
        found.update(leaves(root.get_command(None, noun), noun))
    return found


EVERY = every()


def test_every_command_stands_in_one_table() -> None:
    assert [path for path in EVERY if not acting.placed(path)] == []
    gone = [path for path in [*acting.ACTS, *acting.LOOKS] if path not in EVERY]
    assert gone == [], "rows of commands that there are not"
    nouns = {path.partition(" ")[0] for path in EVERY}
    assert [path for path in acting.ELSEWHERE if path not in EVERY and path not in nouns] == []
    assert not acting.ACTS.keys() & acting.LOOKS


@pytest.mark.parametrize("path", acting.ACTS)
def test_every_acting_command_takes_a_token_and_its_row_names_its_words(path: str) -> None:
    act, names = acting.ACTS[path], {each.name for each in EVERY[path].params}
    assert acting.TOKEN_FILE in names
    assert {"config", "database"} & names, "whose accounts?"
    assert {each for each in (act.named, act.when) if each} <= names


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in (acting.TOKEN, acting.CONFIG):
        monkeypatch.delenv(name, raising=False)
    url = databases.at(tmp_path / "ami.db")
    engine = open_writer(url)
    upgrade(engine, SCHEMA)
    engine.dispose()
    store = SqlStore(url, live=False)

    def register(tx: Any) -> None:
        tx.put_concentrators([Concentrator("C-1")])
        tx.put_meters([Meter("11", "C-1", commissioned=True)])

    async def run() -> None:
        await store.run(register)
        await store.close()

    asyncio.run(run())
    return url


@pytest.fixture
def strict(tmp_path: Path, url: str) -> str:
    """A configuration that asks for accounts."""
    path = tmp_path / "ami.toml"
    path.write_text(f'database = "{url}"\n[access]\ncommands = "account"\n', encoding="utf-8")
    return str(path)


def ami(*words: str, code: int = 0) -> Result:
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == code, ran.output
    return ran


def log(url: str) -> list[tuple[str, str, str, str]]:
    """The audit log, oldest first, without what accounts and tokens were made by."""
    told = json.loads(ami("audit", "show", "--database", url, "--json").stdout)
    return [
        (each["actor"].partition(":")[0], each["action"], each["subject"], each["outcome"])
        for each in reversed(told)
        if each["action"] not in ("account.add", "token.create")
    ]


def token(strict: str, name: str, role: str) -> str:
    ami("account", "add", name, "--role", role, "--no-password", "--config", strict)
    return ami("token", "create", name, "--config", strict).stdout.strip()


BLOCK = ("meter", "block", "11", "--why", "tampering")
WRITE = "registry.write"


def test_open_the_machines_user_acts_and_each_act_is_written_down(url: str) -> None:
    at = ("--database", url)
    ami(*BLOCK, *at)
    ami("meter", "block", "12", "--why", "x", *at, code=2)
    ami("concentrator", "add", "C-2", *at)
    ami("meter", "list", *at)
    assert log(url) == [
        ("os", WRITE, "meter 11", "done"),
        ("os", WRITE, "meter 12", "failed"),
        ("os", WRITE, "concentrator C-2", "done"),
    ]


def test_a_command_with_a_line_of_its_own_has_one(url: str) -> None:
    ami("account", "add", "ana", "--role", "qa", "--no-password", "--database", url)
    told = json.loads(ami("audit", "show", "--database", url, "--json").stdout)
    assert [each["action"] for each in told] == ["account.add"]


def test_without_a_token_nothing_is_done(url: str, strict: str) -> None:
    ran = ami(*BLOCK, "--config", strict, "--json", code=2)
    error = json.loads(ran.stdout)["error"]
    assert error["code"] == "not-proven" and "AMI_TOKEN" in error["next_step"]
    assert log(url) == [("os", WRITE, "meter 11", "refused")]
    assert ami("meter", "show", "11", "--database", url).stdout.count("tampering") == 0
    ami("meter", "list", "--database", url)  # what only looks asks for nothing


def test_by_the_environments_configuration_as_well(
    url: str, strict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(acting.CONFIG, strict)
    ami(*BLOCK, "--database", url, code=2)


def test_an_account_acts_by_its_token_and_within_its_role(
    url: str, strict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = token(strict, "root", "administrator")  # the first: nobody could show one yet
    ami("account", "add", "eva", "--role", "qa", "--no-password", "--config", strict, code=2)
    monkeypatch.setenv(acting.TOKEN, root)
    ana, eva = token(strict, "ana", "operator"), token(strict, "eva", "qa")
    monkeypatch.setenv(acting.TOKEN, eva)
    ran = ami(*BLOCK, "--config", strict, "--json", code=2)
    assert json.loads(ran.stdout)["error"]["code"] == "not-permitted"
    kept = tmp_path / "token"
    kept.write_text(ana + "\n", encoding="ascii")
    ami(*BLOCK, "--config", strict, "--token-file", str(kept))
    assert [line for line in log(url) if line[2] == "meter 11"] == [
        ("eva", WRITE, "meter 11", "refused"),
        ("ana", WRITE, "meter 11", "allowed"),
        ("ana", WRITE, "meter 11", "done"),
    ]
    shown = json.loads(ami("meter", "show", "11", "--database", url, "--json").stdout)
    assert any(line["who"] == "ana" for line in shown["life"]), "the life tells the account"


@pytest.mark.parametrize("text", ["nonsense", "ami_abcdefgh_" + "x" * 43])
def test_a_token_that_is_shown_counts_where_none_is_asked_for(url: str, text: str) -> None:
    ran = CliRunner().invoke(app, (*BLOCK, "--database", url), env={acting.TOKEN: text})
    assert ran.exit_code == 2 and "nobody is known by this" in ran.stderr
    assert log(url) == [("", "token", log(url)[0][2], "refused")]


def test_a_token_for_one_place_commands_nothing(
    url: str, strict: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = tmp_path / "places.csv"
    places.write_text("kind,code,parent,name\nregion,R,,Sur\nzone,Z,R,Norte\n", encoding="utf-8")
    ami("place", "import", str(places), "--database", url)
    ami("account", "add", "ana", "--role", "operator", "--no-password", "--database", url)
    words = ("token", "create", "ana", "--place", "zone:Z", "--database", url)
    monkeypatch.setenv(acting.TOKEN, "")
    text = ami(*words).stdout.strip()
    monkeypatch.setenv(acting.TOKEN, text)
    assert "one place" in ami(*BLOCK, "--config", strict, code=2).stderr
