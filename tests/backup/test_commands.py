"""`ami backup`, as people run it: made, opened, put back, and not yet let go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.store.envelope import VARIABLE
from tests import databases
from tools.cli import app

pytestmark = [pytest.mark.live, databases.on_one]


def ami(*arguments: str, code: int = 0) -> Any:
    ran = CliRunner().invoke(app, [*arguments, "--json"])
    assert ran.exit_code == code, (ran.output, ran.exception)
    return json.loads(ran.stdout.splitlines()[-1])


def test_from_a_database_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "ab" * 64)
    (tmp_path / "place").mkdir()
    (tmp_path / "backup.key").write_text("cd" * 32)
    there = ("--place", "place", "--key-file", "backup.key")
    added = ("--address", "tcp://127.0.0.1:1", "--model", "sim-3p", "--database", "ami.db")
    ran = CliRunner().invoke(
        app, ["meter", "add", "4711", *added, "--key", f"1:{'01' * 16}:{'02' * 16}"]
    )
    assert ran.exit_code == 0, ran.output
    name = ami("backup", "create", "--database", "ami.db", *there)["backup"]
    assert ami("backup", "verify", *there)["keys_opened"] == 1
    assert [each["backup"] for each in ami("backup", "list", "--place", "place")] == [name]
    assert ami("backup", "verify", "--place", "place", code=2)["error"]["code"] == "wrong-key"
    assert ami("backup", "status", "--database", "ami.db") == {"standing": None}
    back = ("backup", "restore", name, *there, "--database", "new.db", "--legacy", "l.db")
    restored = ami(*back)
    assert (restored["backup"], restored["keys"], restored["legacy"]) == (name, 1, None)
    assert ami(*back, code=2)["error"]["code"] == "not-empty"
    stand = ami("backup", "status", "--database", "new.db")
    assert stand["standing"] == "restored" and stand["keys"]["waiting"] == 1
    refused = ami("backup", "resume", "--database", "new.db", code=1)["error"]
    assert "may act until" in refused["text"]
    assert len(ami("meter", "list", "--database", "new.db")) == 1


def test_the_accounts_of_a_backup_are_asked_before_it_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever configuration is named, and whatever database there is not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "ab" * 64)
    for name in ("AMI_TOKEN", "AMI_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "place").mkdir()
    (tmp_path / "backup.key").write_text("cd" * 32)
    there = ("--place", "place", "--key-file", "backup.key")
    at = ("--database", "ami.db")
    added = ("--address", "tcp://127.0.0.1:1", "--model", "sim-3p")
    CliRunner().invoke(app, ["meter", "add", "4711", *added, *at])
    tokens = {}
    for account, role in (("root", "administrator"), ("eva", "qa")):
        ami("account", "add", account, "--role", role, "--no-password", *at)
        tokens[account] = ami("token", "create", account, *at)["token"]
    ami("access", "commands", "account", *at)
    monkeypatch.setenv("AMI_TOKEN", tokens["root"])
    name = ami("backup", "create", *at, *there)["backup"]
    back = ("backup", "restore", name, *there, "--database", "new.db")
    for token, code in (("", "not-proven"), (tokens["eva"], "not-permitted"), ("x", "not-proven")):
        monkeypatch.setenv("AMI_TOKEN", token)
        assert ami(*back, code=2)["error"]["code"] == code
        assert not (tmp_path / "new.db").exists()
    monkeypatch.setenv("AMI_TOKEN", tokens["root"])
    assert ami(*back)["backup"] == name
    line = ami("audit", "show", "--database", "new.db")[0]
    assert (line["actor"], line["action"], line["outcome"]) == ("root", "system.operate", "done")
