"""Commands and accounts: who is let, and what the audit log says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from headend.app.access import keep_commands_asking
from headend.clock import LoopClock
from headend.config import Config, read
from headend.domain.account import Permission as P
from headend.domain.meter import Concentrator, Meter
from headend.store.access_queries import audit
from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA, SqlStore
from tests import databases
from tools import acting
from tools.acts import ACTS
from tools.cli import _APART, COMMANDS, app


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
    assert not acting.ACTS.keys() & acting.LOOKS.keys()
    apart = {path for path in EVERY if path in acting.ELSEWHERE}
    assert not apart & {*acting.ACTS, *acting.LOOKS}


@pytest.mark.parametrize("path", acting.LOOKS)
def test_every_command_that_looks_takes_a_token_and_names_a_head_end(path: str) -> None:
    names = {each.name for each in EVERY[path].params}
    assert acting.TOKEN_FILE in names and {"config", "database"} & names


OWN = {*_APART, "fleet"}  # a fleet has databases of its own


@pytest.mark.parametrize("path", [each for each in EVERY if each.partition(" ")[0] not in OWN])
def test_who_takes_a_database_takes_a_configuration(path: str) -> None:
    """And none of its own is preferred to the one that is configured."""
    options = {name: each for each in EVERY[path].params for name in each.opts}
    if "--database" in options:
        assert "--config" in options
        assert options["--database"].default is None


def test_what_is_configured_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "ami.toml").write_text('database = "kept.db"')
    engine = open_writer(f"sqlite:///{tmp_path}/kept.db")
    upgrade(engine, SCHEMA)
    engine.dispose()
    ran = CliRunner().invoke(
        app, ["order", "list", "--json", "--config", str(tmp_path / "ami.toml")]
    )
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, [])
    (tmp_path / "ami.toml").write_text("databse = 1")
    ran = CliRunner().invoke(app, ["order", "list", "--config", str(tmp_path / "ami.toml")])
    assert ran.exit_code == 2 and "databse" in ran.stderr


@pytest.mark.parametrize("path", acting.ACTS)
def test_every_acting_command_takes_a_token_and_its_row_names_its_words(path: str) -> None:
    act, names = acting.ACTS[path], {each.name for each in EVERY[path].params}
    assert acting.TOKEN_FILE in names
    assert {"config", act.database} & names, "whose accounts?"
    assert {each for each in (act.named, act.when, act.unless, act.overrules) if each} <= names
    assert bool(act.when) == (act.looks is not None), "what may one look by?"


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


# --- the database says it of itself ---


@pytest.fixture
def root(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database whose commands ask for an account, and its administrator's token."""
    at = ("--database", url)
    ami("account", "add", "root", "--role", "administrator", "--no-password", *at)
    text = ami("token", "create", "root", *at).stdout.strip()
    assert json.loads(ami("access", "show", *at, "--json").stdout) == {"commands": "open"}
    ami("access", "commands", "account", *at)
    return text


def test_a_database_asks_by_whatever_configuration_it_is_named(
    url: str, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lax = tmp_path / "lax.toml"
    lax.write_text(f'database = "{url}"\n[access]\ncommands = "open"\n', encoding="utf-8")
    for words in (("--database", url), ("--config", str(lax))):
        ran = ami("concentrator", "add", "C-9", *words, "--json", code=2)
        assert json.loads(ran.stdout)["error"]["code"] == "not-proven"
    assert "C-9" not in ran.stdout
    for back in ("open", "account"):  # nor can it be turned off without an administrator
        ami("access", "commands", back, "--database", url, code=2)
    monkeypatch.setenv(acting.TOKEN, root)
    ami("concentrator", "add", "C-9", "--database", url, code=2)  # she looks after accounts
    ami("access", "commands", "open", "--database", url)
    monkeypatch.delenv(acting.TOKEN)
    ami("concentrator", "add", "C-9", "--database", url)
    told = json.loads(ami("audit", "show", "--database", url, "--json").stdout)
    turned = [(e["actor"].partition(":")[0], e["detail"]) for e in told
              if (e["action"], e["outcome"]) == ("access.commands", "done")]  # fmt: skip
    assert turned == [
        ("root", "commands ask as configured"), ("os", "commands ask for an account")
    ]  # fmt: skip


# What is asked for besides its database, where something is.
WORDS = {
    "order show": ("1",), "campaign show": ("1",), "campaign watch": ("1",), "why": ("11",),
    "explain concentrator": ("C-1",), "explain meter": ("11",), "explain order": ("1",),
    "concentrator activities": ("C-1",), "meter show": ("11",), "place show": ("Z",),
    "shipment show": ("1",), "shipment preview": ("none.csv",), "firmware show": ("0" * 64,),
    "collection curve": ("2026-07-06",), "collection rollup": ("11",),
    "collection phases": ("Z",), "event show": ("1",),
    "incident show": ("1",), "job show": ("x",), "report show": ("0" * 16,),
    "warehouse quality": ("2026-07-06",), "task show": ("x",), "task log": ("1",),
}  # fmt: skip


def test_whoever_looks_is_asked_as_well(url: str, root: str, strict: str) -> None:
    for path in acting.LOOKS:
        names = {each.name for each in EVERY[path].params}
        where = ("--database", url) if "database" in names else ("--config", strict)
        ran = CliRunner().invoke(app, (*path.split(), *WORDS.get(path, ()), *where))
        assert ran.exit_code == 2 and "no token was shown" in ran.stderr, path
    told = ("audit", "show", "--limit", "1000", "--database", url, "--json")
    lines = json.loads(CliRunner().invoke(app, told, env={acting.TOKEN: root}).stdout)
    refused = {(each["subject"], each["action"]) for each in lines if each["outcome"] == "refused"}
    assert refused == {(path, str(wanted)) for path, wanted in acting.LOOKS.items()}


def test_who_may_look_looks_and_nobody_else(
    url: str, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--database", url)
    monkeypatch.setenv(acting.TOKEN, root)
    ami("account", "add", "ana", "--role", "qa", "--no-password", *at)
    ana = ami("token", "create", "ana", *at).stdout.strip()
    ami("audit", "show", *at)
    monkeypatch.setenv(acting.TOKEN, ana)
    assert "11" in ami("meter", "list", *at).stdout
    ran = ami("audit", "show", *at, "--json", code=2)
    assert json.loads(ran.stdout)["error"]["code"] == "not-permitted"


def test_while_nothing_is_asked_for_a_token_of_elsewhere_does_not_hinder_who_looks(
    url: str,
) -> None:
    ran = CliRunner().invoke(
        app, ("meter", "list", "--database", url), env={acting.TOKEN: "of another head-end"}
    )
    assert ran.exit_code == 0 and "11" in ran.stdout


def test_a_database_is_not_copied_nor_a_fleet_entered_without_an_account(
    url: str, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    for words in (
        ("database", "copy", url, str(copy)),
        ("fleet", "provision", "--meters", "1", "--database", url),
    ):
        assert "no token was shown" in ami(*words, code=2).stderr
    assert not copy.exists()
    monkeypatch.setenv(acting.TOKEN, root)
    ami("database", "copy", url, str(copy))
    monkeypatch.delenv(acting.TOKEN)
    ran = ami("meter", "list", "--database", str(copy), code=2)
    assert "no token was shown" in ran.stderr, "it goes with the database"


def test_a_database_of_before_asks_as_configured(url: str) -> None:
    engine = open_writer(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE access_settings")
    engine.dispose()
    ami("meter", "list", "--database", url)


def test_a_head_end_that_is_so_configured_has_its_database_ask(url: str, strict: str) -> None:
    async def serves(config: Config) -> None:
        store = SqlStore(url, live=False)
        await keep_commands_asking(store, LoopClock(datetime(2026, 7, 6, tzinfo=UTC)), config)
        await store.close()

    asyncio.run(serves(Config(database=url)))
    ami("concentrator", "add", "C-8", "--database", url)
    for _ in range(2):
        asyncio.run(serves(read(Path(strict))))
    ami("concentrator", "add", "C-9", "--database", url, code=2)
    asyncio.run(serves(Config(database=url)))
    ami("concentrator", "add", "C-9", "--database", url, code=2)  # only a command turns it off
    lines = SqlStore(url, live=False)
    told = [each for each in lines.read(audit) if each.action == "access.commands"]
    asyncio.run(lines.close())
    assert [each.actor for each in told] == ["head-end"]


STARTED = {
    # kind, limit, least watts: what a campaign of it takes
    "a disconnection": ("disconnect", None, 300, P.ORDER_CUT),
    "a limit": ("set-limit", "2kW", 300, P.ORDER_SEND),
    "a limit as good as one": ("set-limit", "1W", 300, P.ORDER_CUT),
    "which the settings allow": ("set-limit", "1W", 0, P.ORDER_SEND),
    "a read": ("read", None, 300, P.READING_DEMAND),
}


@pytest.mark.parametrize("kind, limit, least_w, needed", STARTED.values(), ids=STARTED)
def test_what_a_campaign_takes(
    tmp_path: Path, kind: str, limit: str | None, least_w: int, needed: P
) -> None:
    file = tmp_path / "ami.toml"
    file.write_text(f"[orders]\ncutting_limit_w = {least_w}\n")
    given = {"kind": kind, "limit": limit, "config": file}
    assert ACTS["campaign start"].asks(given) is needed
