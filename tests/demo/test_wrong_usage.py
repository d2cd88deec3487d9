"""What `ami serve`, `ami field` and `ami demo` say to wrong usage: exit code 2 and a sentence."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.demo.commands import ROOT
from tools.cli import app

FIELD = str(ROOT / "scenarios" / "library" / "a-limit-is-set-and-read-back.toml")


@pytest.fixture(autouse=True)
def _short_and_quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No broker is started or waited for, and logging stays as it is in this process."""
    monkeypatch.setattr("headend.field.mosquitto.find", lambda: None)
    monkeypatch.setattr("headend.app.BROKER_WITHIN_S", 0.5)
    monkeypatch.setattr("tools.field.CONNECTED_WITHIN_S", 0.5)
    for command in ("serve", "field", "demo"):
        monkeypatch.setattr(f"tools.{command}.log_to_stderr", lambda **_: None)
    monkeypatch.chdir(tmp_path)


def refused(arguments: Sequence[str], named: str) -> None:
    ran = CliRunner().invoke(app, list(arguments))
    assert ran.exit_code == 2, ran.exception
    assert named in ran.stderr.replace("\n", "")


CONFIGURATIONS = {
    # name: (the file, what the complaint must name)
    "unknown key": ("[soap]\nprot = 8080\n", "prot"),
    "unknown table": ("[sopa]\n", "sopa"),
    "wrong type": ('[orders]\ntries_max = "many"\n', "tries_max"),
    "no TOML": ("soap = \n", "line 1"),
    "open to the network": ('[soap]\nhost = "0.0.0.0"\n', "mutual TLS"),
    "broker without TLS": ('[mqtt]\nhost = "broker.example"\n', "[mqtt.tls]"),
    "unknown country": ('[orders]\ncountry = "XX"\n', "XX"),
    "unknown zone": ('[orders]\nzone = "Mars/Olympus"\n', "Mars"),
}


@pytest.mark.parametrize("text, named", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_bad_configuration(text: str, named: str) -> None:
    Path("ami.toml").write_text(text)
    refused(["serve", "--config=ami.toml", "--port=0"], named)


WRONG = {
    # name: (arguments, what the complaint must name)
    "no such configuration": (("serve", "--config=nowhere.toml"), "nowhere.toml"),
    "no such registry": (("serve", "--registry=nowhere.toml", "--port=0"), "nowhere.toml"),
    "no such port": (("serve", "--port=99999"), "65535"),
    "no broker's address": (("serve", "--mqtt=nonsense"), "HOST:PORT"),
    "no broker's port": (("serve", "--mqtt=127.0.0.1:70000"), "HOST:PORT"),
    "no broker there": (("serve", "--mqtt=127.0.0.1:1"), "127.0.0.1:1"),
    "no place for the database": (("serve", "--database=nowhere/ami.db"), "nowhere"),
    "no such kind of database": (("serve", "--database=nonsense://x"), "nonsense"),
    "field: no such file": (("field", "nowhere.toml"), "nowhere.toml"),
    "field: no file": (("field",), "FILE"),
    "field: no broker's address": (("field", FIELD, "--mqtt=127.0.0.1:x"), "HOST:PORT"),
    "field: no broker there": (("field", FIELD, "--mqtt=127.0.0.1:1"), "127.0.0.1:1"),
    "demo: no place": (("demo", "--keep=/dev/null/x"), "/dev/null/x"),
    "no such option": (("demo", "--nope"), "--nope"),
}


@pytest.mark.parametrize("arguments, named", WRONG.values(), ids=WRONG)
def test_wrong_usage(arguments: tuple[str, ...], named: str) -> None:
    refused(arguments, named)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(["serve", f"--port={port}"], f"127.0.0.1:{port}")


def test_a_fault_at_a_device_that_there_is_not() -> None:
    Path("story.toml").write_text(
        'about = "x"\nstart = 2026-07-06T10:00:00\nduration = "1m"\n'
        '[[fault]]\nkind = "meter-silent"\ntarget = "91"\n[expect]\n'
    )
    refused(["field", "story.toml"], "91")
