"""The `ami` command as a whole: what it says of itself, and that nobody is shown a stack."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner, Result

from headend.store.migrate import upgrade
from headend.store.store import SCHEMA, open_writer
from tests import databases
from tools import cli
from tools.cli import app, main
from tools.moments import moment
from tools.order.command import URL


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def said(ran: Result) -> str:
    """Stderr; no exception may have come as far as the runner."""
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.stderr


def commands(above: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command with the words that name it."""
    if not hasattr(above, "list_commands"):
        yield path, above
        return
    for name in above.list_commands(None):
        yield from commands(above.get_command(None, name), *path, name)


EVERY = {" ".join(path): (path, command) for path, command in commands(get_command(app))}


def test_every_command_is_found() -> None:
    assert {path[0] for path, _ in EVERY.values()} == set(cli.COMMANDS)


def test_version() -> None:
    ran = ami("--version")
    assert ran.exit_code == 0
    assert re.fullmatch(r"ami-headend \S.*\n", ran.stdout)


def test_help_tells_the_exit_codes() -> None:
    told = re.sub(r"\s+", " ", ami("--help").stdout)
    assert "0 done, 1 it ended badly, 2 wrong usage, 3 a mistake" in told
    assert "ami demo" in told


@pytest.mark.parametrize(("path", "command"), EVERY.values(), ids=EVERY)
def test_every_command_has_help(path: tuple[str, ...], command: Any) -> None:
    """With an example, and a word about each option."""
    ran = ami(*path, "--help")
    assert ran.exit_code == 0
    assert f"Example: ami {' '.join(path)}" in re.sub(r"\s+", " ", ran.stdout)
    mute = [option.name for option in command.params if not getattr(option, "help", None)]
    assert mute == []


# --- databases -----------------------------------------------------------------------------------


READERS = {
    "order list": ("order", "list"),
    "order show": ("order", "show", "1"),
    "explain order": ("explain", "order", "1"),
}
NO_DATABASES = {
    "no file": ("absent.db", "no database at absent.db"),
    "a directory": (".", "no database at ."),
    "a text": ("note.txt", "note.txt is no head-end's database: file is not a database"),
    "an empty file": ("empty.db", "empty.db is no head-end's database: no such table"),
    "another program's": ("other.db", "other.db is no head-end's database: no such table"),
    "a kind that is none": ("nonsense://x", "nonsense://x is no head-end's database"),
    "no URL": ("://", ":// is no head-end's database"),
    "in memory": ("sqlite://", "sqlite:// is no head-end's database"),
}


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("database", "named"), NO_DATABASES.values(), ids=NO_DATABASES)
def test_no_database(
    command: tuple[str, ...],
    database: str,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("note.txt").write_text("No database has so many words in its first lines. " * 50)
    Path("empty.db").touch()
    with sqlite3.connect("other.db") as other:
        other.execute("CREATE TABLE things (name TEXT)")
    other.close()
    ran = ami(*command, "--database", database)
    assert named in said(ran)
    assert "--database FILE" in said(ran)
    assert (ran.exit_code, ran.stdout) == (2, "")


@pytest.fixture
def no_orders(tmp_path: Path) -> str:
    """A head-end's database that is new."""
    engine = open_writer(databases.at(tmp_path / "ami.db"))
    upgrade(engine, SCHEMA)
    engine.dispose()
    return databases.at(tmp_path / "ami.db")


@pytest.mark.parametrize("command", [("order", "show"), ("explain", "order")], ids=" ".join)
def test_no_such_order(command: tuple[str, ...], no_orders: str) -> None:
    ran = ami(*command, "7", "--database", no_orders)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "no order 7" in said(ran)
    for none in ("0", "-1", "seven", "9" * 30):
        ran = ami(*command, "--database", no_orders, "--", none)
        assert ran.exit_code == 2
        assert "number" in said(ran)


def test_a_list_in_a_pipe_is_whole(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert ami("sim", "run", "the-network-refuses-the-apn", "--keep", str(kept)).exit_code == 0
    head, *rows = ami("order", "list", "--database", str(kept / "ami.db")).stdout.splitlines()
    assert head.split()[0] == "order"
    (row,) = rows
    assert row.split()[0] == "1"
    assert row.endswith("apn-refused")
    assert "set-limit 3300 W" in row
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row)


# --- orders by SOAP ------------------------------------------------------------------------------


SEND = ("order", "send", "--meter", "90000001", "--limit", "3300W")


@pytest.mark.parametrize(
    "url",
    ["notaurl", "http://", "ftp://127.0.0.1/soap", "http://[::1/soap", "http://a b/", "http://x:y"],
)
@pytest.mark.parametrize("command", [SEND, ("order", "cancel", "--correlation", "x")])
def test_no_address(command: tuple[str, ...], url: str) -> None:
    ran = ami(*command, "--url", url)
    assert ran.exit_code == 2
    assert f"--url takes an address like {URL}, not {url!r}" in said(ran)


def test_nobody_at_the_address() -> None:
    ran = ami(*SEND, "--url", "http://127.0.0.1:1/soap")
    assert ran.exit_code == 1
    assert (
        "nobody answers at http://127.0.0.1:1/soap/EndDeviceControls: Connection refused"
        in said(ran)
    )
    assert "ami serve" in said(ran)


@pytest.mark.parametrize("limit", ["3300", "W", "xW", "-1W", "1e3W", "３W", "3,3kW", "1 2W"])
def test_no_amount(limit: str) -> None:
    ran = ami("order", "send", "--meter", "90000001", f"--limit={limit}")
    assert ran.exit_code == 2
    assert "--limit" in said(ran)


NOW = datetime(2026, 7, 6, 14, tzinfo=UTC)
MOMENTS = {
    # name: (as it is typed, what it is at NOW)
    "minutes": ("30m", NOW + timedelta(minutes=30)),
    "hours and minutes": ("1h30m", NOW + timedelta(minutes=90)),
    "days": ("2d", NOW + timedelta(days=2)),
    "seconds with a part": ("0.5s", NOW + timedelta(seconds=0.5)),
    "a date in UTC": ("2026-07-06T18:00Z", NOW + timedelta(hours=4)),
    "a date with its offset": ("2026-07-06T14:00-04:00", NOW + timedelta(hours=4)),
    "the next second": ("2026-07-06T14:00:01Z", NOW + timedelta(seconds=1)),
}
NO_MOMENTS = {
    # name: (as it is typed, what the complaint must say)
    "a date in no zone": ("2026-07-06T18:00", "a date with its zone"),
    "a day": ("2026-07-07", "a date with its zone"),
    "a number": ("30", "not '30'"),
    "nothing": ("", "not ''"),
    "a word": ("tomorrow", "not 'tomorrow'"),
    "a negative time": ("-5m", "not '-5m'"),
    "no such day": ("2026-02-30T10:00Z", "not '2026-02-30T10:00Z'"),
    "beyond the calendar": ("9999-12-31T23:59-12:00", "not '9999-12-31T23:59-12:00'"),
    "now": ("0s", "past"),
    "this moment": ("2026-07-06T14:00Z", "past"),
    "an hour ago": ("2026-07-06T15:00+02:00", "past"),
}


@pytest.mark.parametrize(("text", "meant"), MOMENTS.values(), ids=MOMENTS)
def test_a_moment(text: str, meant: datetime) -> None:
    assert moment("--until", text, NOW) == meant


@pytest.mark.parametrize(("text", "named"), NO_MOMENTS.values(), ids=NO_MOMENTS)
def test_no_moment(text: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        moment("--until", text, NOW)
    assert ended.value.exit_code == 2
    told = capsys.readouterr().err
    assert "--until" in told
    assert named in told


@pytest.mark.parametrize("option", ["--deadline", "--until"])
def test_an_order_for_yesterday(option: str) -> None:
    ran = ami(*SEND, option, "2020-01-01T00:00Z")
    assert ran.exit_code == 2
    assert f"{option} is past" in said(ran)


@pytest.mark.parametrize("kind", ["connect", "disconnect", "reset-demand"])
def test_only_a_limit_has_an_end(kind: str) -> None:
    ran = ami("order", "send", "--meter=90000001", f"--kind={kind}", "--yes", "--until=2h")
    assert ran.exit_code == 2
    assert "--until is the end of a limit" in said(ran)


@pytest.mark.parametrize("kind", ["disconnect", "reset-demand"])
def test_what_cannot_be_undone_asks_first(kind: str) -> None:
    """Nobody is at the terminal to say yes, so nothing is sent to where nobody listens."""
    ran = ami("order", "send", "--meter=90000001", f"--kind={kind}", "--url=http://127.0.0.1:9/x")
    assert ran.exit_code == 1
    assert "90000001?" in said(ran) and "no head-end" not in said(ran)


class _Page(BaseHTTPRequestHandler):
    """Something on HTTP that is no head-end."""

    answer = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


OK = b"HTTP/1.0 200 OK\r\n\r\n"
SOAP = b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>%s</e:Body></e:Envelope>'
STRANGERS = {
    "a page": OK + b"<!doctype html><p>It works!",
    "nothing": OK,
    "octets": OK + bytes(range(256)),
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "hangs up": b"",
    "another service": OK + SOAP % b"<Pong/>",
}


@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS)
def test_somebody_else_at_the_address(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Page, "answer", answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/soap"
            ran = ami(*SEND, "--url", url)
        finally:
            server.shutdown()
    assert ran.exit_code == 1
    assert url in said(ran)


# --- the last resort -----------------------------------------------------------------------------


def test_a_mistake_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def mistaken(*_: object, **__: object) -> None:
        raise KeyError("C-001")

    monkeypatch.setattr("tools.sim.playing.played", mistaken)
    monkeypatch.setattr("tools.sim.command.log_nothing", lambda: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["ami", "sim", "run", "the-meter-is-silent"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 2
    (file,) = tmp_path.iterdir()
    assert str(file) in shown.err
    assert "in mistaken" in file.read_text()


def test_no_room_for_a_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken() -> None:
        raise ValueError

    monkeypatch.setattr(cli, "app", mistaken)
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "no file" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unable() -> None:
        Path("/nowhere/x").write_text("")

    monkeypatch.setattr(cli, "app", unable)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "ami: /nowhere/x: No such file or directory\n"
