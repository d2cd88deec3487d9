"""What `ami serve`, `ami field` and `ami demo` say when they cannot: a sentence, and what next.

Exit code 2 for wrong usage, 1 where the world is not as they need it.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from headend.integration.outbox import Outbox
from headend.ports import StoreUnavailable
from tests.demo.commands import ROOT
from tools.cli import app

FIELD = str(ROOT / "scenarios" / "library" / "a-limit-is-set-and-read-back.toml")


@pytest.fixture(autouse=True)
def _short_and_quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No broker is started or waited for, and logging stays as it is in this process."""
    monkeypatch.setattr("headend.field.mosquitto.find", lambda: None)
    monkeypatch.setattr("headend.app.sessions.BROKER_WITHIN_S", 0.5)
    monkeypatch.setattr("tools.field.command.CONNECTED_WITHIN_S", 0.5)
    for command in ("serve", "field.command", "demo.command"):
        monkeypatch.setattr(f"tools.{command}.log_to_stderr", lambda **_: None)
    monkeypatch.chdir(tmp_path)


def refused(arguments: Sequence[str], named: str, code: int = 2) -> None:
    ran = CliRunner().invoke(app, list(arguments))
    assert ran.exit_code == code, ran.exception
    assert isinstance(ran.exception, SystemExit)
    assert named in ran.stderr.replace("\n", "")


TLS = (
    '[{section}]\nhost = "127.0.0.1"\n[{section}.tls]\n'
    'certificate = "no.pem"\nkey = "no.key"\nclient_authority = "no.pem"\n'
)
CONFIGURATIONS = {
    # name: (the file, what the complaint must name)
    "unknown key": ("[soap]\nprot = 8080\n", "prot"),
    "unknown table": ("[sopa]\n", "sopa"),
    "wrong type": ('[orders]\ntries_max = "many"\n', "tries_max"),
    "no TOML": ("soap = \n", "line 1"),
    "open to the network": ('[soap]\nhost = "0.0.0.0"\n', "mutual TLS"),
    "REST open to the network": ('[rest]\nhost = "0.0.0.0"\nport = 0\n', "[rest.tls]"),
    "a certificate of REST that is none": (
        '[rest]\nport = 0\n[rest.tls]\ncertificate = "no.pem"\nkey = "no.key"\n',
        "rest.tls: certificate no.pem",
    ),
    "own broker open to the network": ('[mqtt]\nlisten = "0.0.0.0"\n', "[mqtt.tls], or listen on"),
    "no name of a reader": ('[mqtt]\nqueue_readers = ["a\\nuser b"]\n', "queue_readers"),
    "broker without TLS": ('[mqtt]\nhost = "broker.example"\n', "[mqtt.tls]"),
    "unknown country": ('[orders]\ncountry = "XX"\n', "XX"),
    "no such port": ("[soap]\nport = 99999\n", "soap.port"),
    "no try": ("[orders]\ntries_max = 0\n", "tries_max"),
    "no time": ("[orders]\ndeadline_s = -1\n", "deadline_s"),
    "no end of time": ("[orders]\ndeadline_s = inf\n", "deadline_s"),
    "no number": ("[orders]\ndeadline_s = nan\n", "deadline_s"),
    "no name for a file": ('worker = "a/b"\n', "worker"),
    "certificate that is none": (TLS.format(section="soap"), "soap.tls: certificate no.pem"),
    "certificate for a broker that is none": (
        TLS.format(section="mqtt"),
        "mqtt.tls: certificate no.pem",
    ),
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
    "a broker, and a port for an own one": (
        ("serve", "--mqtt=127.0.0.1:1883", "--broker-port=18830"),
        "--broker-port",
    ),
    "no broker's port": (("serve", "--mqtt=127.0.0.1:70000"), "HOST:PORT"),
    "field: no such file": (("field", "nowhere.toml"), "nowhere.toml"),
    "field: no file": (("field",), "FILE"),
    "field: no certificates": (("field", FIELD, "--mqtt-tls=nowhere"), "nowhere/C-001.pem"),
    "field: no broker's address": (("field", FIELD, "--mqtt=127.0.0.1:x"), "HOST:PORT"),
    "demo: no place": (("demo", "--keep=/dev/null/x"), "/dev/null/x"),
    "no such option": (("demo", "--nope"), "--nope"),
}


@pytest.mark.parametrize("arguments, named", WRONG.values(), ids=WRONG)
def test_wrong_usage(arguments: tuple[str, ...], named: str) -> None:
    refused(arguments, named)


UNFIT = {
    # name: (arguments, what the complaint must name)
    "no broker there": (("serve", "--mqtt=127.0.0.1:1"), "127.0.0.1:1"),
    "no place for the database": (("serve", "--database=nowhere/ami.db"), "nowhere"),
    "no database": (("serve", "--database=note.txt"), "file is not a database"),
    "a directory for a database": (("serve", "--database=."), "."),
    "no such kind of database": (("serve", "--database=nonsense://x"), "nonsense"),
    "no database URL": (("serve", "--database=://"), "'://'"),
    "field: no broker there": (("field", FIELD, "--mqtt=127.0.0.1:1"), "127.0.0.1:1"),
}


@pytest.mark.parametrize("arguments, named", UNFIT.values(), ids=UNFIT)
def test_a_world_that_is_not_as_needed(arguments: tuple[str, ...], named: str) -> None:
    Path("note.txt").write_text("No database has so many words in its first lines. " * 50)
    refused(arguments, named, code=1)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(["serve", f"--port={port}"], f"cannot listen on 127.0.0.1:{port}", code=1)


def test_a_head_end_that_stops_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Outbox) -> NoReturn:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(Outbox, "run", broken)
    refused(["serve", "--port=0"], "database or disk is full", code=1)


def test_a_fault_at_a_device_that_there_is_not() -> None:
    Path("story.toml").write_text(
        'about = "x"\nstart = 2026-07-06T10:00:00\nduration = "1m"\n'
        '[[fault]]\nkind = "meter-silent"\ntarget = "91"\n[expect]\n'
    )
    refused(["field", "story.toml"], "91")
