"""`ami account`, `ami token` and `ami audit`, as an administrator types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from headend.store.engine import open_writer
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA
from tests import databases
from tests.access.making import RIGHT
from tests.access.test_audit import unguard
from tools.account import PASSWORD
from tools.cli import app


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(PASSWORD, RIGHT)
    url = databases.at(tmp_path / "ami.db")
    engine = open_writer(url)
    upgrade(engine, SCHEMA)
    engine.dispose()
    yield url


def ami(*words: str, code: int = 0) -> Result:
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == code, ran.output
    return ran


def told(*words: str) -> Any:
    return json.loads(ami(*words, "--json").stdout)


def test_an_administrators_morning(url: str) -> None:
    at = ("--database", url)
    assert told("account", "add", "ana", "--role", "operator", *at)["password"] is True
    told("account", "add", "crm", "--role", "operator", "--no-password", *at)
    made = told(
        "token", "create", "crm", "--scope", "order.send", "--scope", "order.read",
        "--expires", "30d", "--about", "work orders", *at,
    )  # fmt: skip
    assert made["scopes"] == ["order.read", "order.send"] and made["token"].startswith("ami_")
    (kept,) = told("token", "list", *at)
    assert "token" not in kept and kept == {name: made[name] for name in kept}
    told("token", "revoke", made["id"], *at)
    told("account", "role", "ana", "--role", "qa", "--role", "analyst", *at)
    told("account", "password", "ana", *at)
    assert told("account", "disable", "ana", *at)["permissions"] == []
    assert told("account", "enable", "ana", *at)["roles"] == ["analyst", "qa"]
    told("account", "unlock", "ana", *at)
    assert [each["account"] for each in told("account", "list", *at)] == ["ana", "crm"]
    log = told("audit", "show", *at)
    assert [each["action"] for each in reversed(log)] == [
        "account.add", "account.add", "token.create", "token.revoke", "account.role",
        "account.password", "account.disable", "account.enable", "account.unlock",
    ]  # fmt: skip
    assert {each["actor"].partition(":")[0] for each in log} == {"os"}
    assert len(told("audit", "show", "--action", "account.add", "--limit", "1", *at)) == 1
    for words in (("account", "list"), ("token", "list"), ("audit", "show")):
        assert "ana" in ami(*words, *at).stdout or words[0] == "token"


def test_the_log_is_verified_and_a_forged_one_found(url: str) -> None:
    at = ("--database", url)
    for name in ("ana", "eva", "ida"):
        ami("account", "add", name, "--role", "qa", "--no-password", *at)
    head = told("audit", "verify", *at)["head"]
    assert "3 lines, all as they were written" in ami("audit", "verify", *at).stdout
    ami("account", "disable", "eva", *at)
    assert told("audit", "verify", "--noted", head, *at)["lines"] == 4
    other = head[:-1] + ("0" if head[-1] != "0" else "1")
    assert "noted elsewhere" in ami("audit", "verify", "--noted", other, *at, code=1).stderr
    engine = open_writer(url)
    with engine.begin() as connection:
        unguard(connection)
        connection.execute(text("UPDATE audit SET detail = 'roles: auditor' WHERE number = 2"))
    engine.dispose()
    ran = ami("audit", "verify", "--json", *at, code=1)
    assert json.loads(ran.stdout)["error"]["code"] == "audit-broken"
    assert "line 2 was changed" in ran.stderr


def test_a_tokens_text_stands_alone_on_stdout(url: str) -> None:
    at = ("--database", url)
    ami("account", "add", "crm", "--role", "qa", "--no-password", *at)
    ran = ami("token", "create", "crm", *at)
    assert ran.stdout.strip().startswith("ami_") and len(ran.stdout.split()) == 1
    assert "shown once" in ran.stderr


def test_without_a_terminal_nobody_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD)
    ran = ami("account", "add", "ana", "--role", "qa", "--database", url, code=1)
    assert PASSWORD in ran.stderr


def test_a_weak_password_is_refused_with_advice(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "short")
    ran = ami("account", "add", "ana", "--role", "qa", "--database", url, "--json", code=2)
    assert json.loads(ran.stdout)["error"]["code"] == "weak-password"
