"""`ami job` and `ami probe job`, as people run them: files, a real meter on a line, exit codes."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from devices.meter.identity import PROBE_CLIENT, Identity
from headend.clock import WallClock
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, State
from headend.ports import Transaction
from headend.store import queries
from headend.store.envelope import VARIABLE
from headend.store.kit import keyring
from headend.store.store import Reader, SqlStore
from protocols.jobs import sealing
from tests import databases
from tests.demo.commands import running
from tests.store import making
from tools.cli import app
from tools.job.keys import BadKeys, read_keys

pytestmark = databases.sqlite_only("the office's file is carried away and brought back")

IDENTITY = Identity(1, 0)


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "SCRYPT_N", 1 << 4)
    monkeypatch.setattr(sealing, "SCRYPT_N", 1 << 4)
    monkeypatch.setenv(VARIABLE, bytes(range(64)).hex())
    monkeypatch.setenv("AMI_PROBE_HOME", str(tmp_path / "kit"))
    monkeypatch.setenv("AMI_PROBE_PASSPHRASE", "correct horse")
    monkeypatch.setenv("AMI_JOB_PASSPHRASE", "monte")
    monkeypatch.chdir(tmp_path)


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def done(*arguments: str) -> str:
    ran = ami(*arguments)
    assert ran.exit_code == 0, (ran.stdout, ran.stderr, ran.exception)
    return ran.stdout


def told(*arguments: str, code: int = 0) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == code, (ran.stdout, ran.stderr, ran.exception)
    return json.loads(ran.stdout)


def refused(*arguments: str, code: int = 1) -> str:
    ran = ami(*arguments)
    assert ran.exit_code == code, (ran.stdout, ran.stderr, ran.exception)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return " ".join(ran.stderr.split())


def office(tmp_path: Path) -> int:
    """A database with one meter and one order that cuts its supply; the order's number."""

    async def made() -> int:
        store = SqlStore(databases.at(tmp_path / "ami.db"), live=False)

        def work(tx: Transaction) -> int:
            tx.put_concentrators([Concentrator("C1")])
            tx.put_meters([Meter(IDENTITY.number, "C1", commissioned=True, model="sim-3p")])
            at = WallClock().now()
            number = tx.next_order_number()
            from datetime import timedelta

            order = making.order(
                number, kind=Kind.SET_LIMIT, meter=IDENTITY.number, amount=Decimal(3300),
                accepted_at=at, ready_at=at, not_before=at, deadline=at + timedelta(hours=6),
                any_day=True,
            )  # fmt: skip
            tx.add_order(order, making.STORY)
            return number

        number = await store.run(work)
        await store.close()
        return number

    keys = IDENTITY.keys(PROBE_CLIENT)
    (tmp_path / "keys.toml").write_text(
        f'[[meter]]\nname = "{IDENTITY.number}"\nnext_counter = 1\n'
        f'encryption_key = "{keys.encryption.hex()}"\n'
        f'authentication_key = "{keys.authentication.hex()}"\n'
        f'master_key = "{IDENTITY.master_key(PROBE_CLIENT).hex()}"\n'
    )
    return asyncio.run(made())


def introduced() -> None:
    """Office and device know each other."""
    done("probe", "job", "enrol", "--out", "laptop.card")
    ours = done("job", "enrol", "laptop.card", "--name", "laptop-7", "--out", "head-end.card",
                "--database", "ami.db")  # fmt: skip
    theirs = done("probe", "job", "enrol", "--head-end", "head-end.card")
    prints = {line.strip() for line in ours.splitlines() if line.startswith("  ")}
    assert prints == {line.strip() for line in theirs.splitlines() if line.startswith("  ")}
    assert "1 meters' keys" in done("job", "keys", "keys.toml", "--database", "ami.db")


LINES = {
    "tcp": (("--tcp", "127.0.0.1:0"), ()),
    "pty, mode E": (("--pty", "optical", "--framing", "mode-e"), ("--framing", "mode-e")),
}


@pytest.mark.parametrize(("listens", "speaks"), LINES.values(), ids=LINES)
def test_a_day_by_commands(
    listens: tuple[str, ...], speaks: tuple[str, ...], tmp_path: Path
) -> None:
    number = office(tmp_path)
    introduced()
    exported = told("job", "export", "--to", "laptop-7", "--meters", IDENTITY.number,
                    "--valid", "12h", "--passphrase", "--out", "day.job",
                    "--database", "ami.db")  # fmt: skip
    assert exported["orders"] == [number]
    for name in ("ami.db", "ami.db-wal", "ami.db-shm"):
        if (tmp_path / name).exists():
            (tmp_path / name).rename(tmp_path / f"away-{name}")

    opened = told("probe", "job", "open", "day.job")
    assert [m["meter"] for m in opened["meters"]] == [IDENTITY.number]
    with running(tmp_path, "meter", "listen", *listens, "--json") as meter:
        where = meter.first_word()
        port = str(tmp_path / "optical") if "pty" in where else f"tcp://127.0.0.1:{where['port']}"
        if "pty" in where:
            port = f"serial://{port}"
        rehearsed = told("probe", "job", "run", "--port", port, *speaks, "--dry-run")
        (step,) = rehearsed["orders"]
        assert (step["order"], step["said"]) == (number, "would send")
        assert [kept["layer"] for kept in step["withheld"]] == ["apdu", "frame"]
        assert step["withheld"][0]["octets"] in step["withheld"][1]["octets"]
        assert "would send" in done("probe", "job", "run", "--port", port, *speaks, "--dry-run")
        (order,) = told("probe", "job", "status")["meters"][0]["orders"]
        assert order["done"] is False, "a dry run does nothing, and writes nothing down"
        visited = told("probe", "job", "run", "--port", port, *speaks, "--no-read")
    assert [order["status"] for order in visited["orders"]] == ["done"], visited
    assert "done" in done("probe", "job", "status")
    done("probe", "job", "result", "--out", "day.result")
    assert "closed" in refused("probe", "job", "run", "--port", "tcp://127.0.0.1:1")

    for path in tmp_path.glob("away-*"):
        path.rename(tmp_path / path.name.removeprefix("away-"))
    taken = told("job", "import", "day.result", "--database", "ami.db")
    assert taken["orders"] == [{"order": number, "state": "done", "reason": None}]
    assert taken["conflicts"] == [] and not taken["again"]
    assert "nothing new" in done("job", "import", "day.result", "--database", "ami.db")
    reader = Reader(databases.at(tmp_path / "ami.db"))
    order = reader.read(lambda connection: queries.order(connection, number))
    assert order is not None and order.state is State.DONE
    outgoing = reader.read(lambda connection: queries.outgoing_of(connection, number))
    reader.close()
    assert sorted(o.kind for o in outgoing if o.channel == "queue") == ["event", "reply"]
    listed = told("job", "list")
    assert [(job["state"], job["device"]) for job in listed] == [("closed", "laptop-7")]
    explained = done("explain", "order", str(number))
    assert "technician's result" in explained and f"job {exported['job']}" in explained
    shown = told("job", "show", exported["job"][:8])
    assert shown["orders"][0]["state"] == "done" and shown["conflicts"] == []
    assert "laptop-7" in done("job", "devices")
    for path in tmp_path.rglob("*"):
        secret = IDENTITY.keys(PROBE_CLIENT).encryption
        if path.is_file() and path.name != "keys.toml":
            assert (
                secret not in path.read_bytes() and secret.hex().encode() not in path.read_bytes()
            )


def test_a_revoked_job_by_commands(tmp_path: Path) -> None:
    number = office(tmp_path)
    introduced()
    exported = told("job", "export", "--to", "laptop-7", "--orders", str(number),
                    "--out", "day.job", "--database", "ami.db")  # fmt: skip
    revoked = told("job", "revoke", exported["job"][:6], "--why", "lost", "--database", "ami.db")
    assert revoked["orders_back"] == [number] and revoked["keys_to_change"] == [IDENTITY.number]
    told_ = done("job", "revoke", exported["job"], "--database", "ami.db")
    assert "already" in told_ and "--line" in told_
    assert told("job", "list")[0]["state"] == "revoked"
    assert "keys to change" in done("job", "show", exported["job"])
    with running(tmp_path, "meter", "listen", "--tcp", "127.0.0.1:0", "--json") as meter:
        line = f"{IDENTITY.number}=tcp://127.0.0.1:{meter.first_word()['port']}"
        after = told("job", "revoke", exported["job"], "--line", line, "--database", "ami.db")
    assert after["keys_to_change"] == []
    assert "keys to change" not in done("job", "show", exported["job"])
    done("job", "show", exported["job"], "--out", "again.job")
    assert (tmp_path / "again.job").read_bytes() == (tmp_path / "day.job").read_bytes()


WRONG = {
    "no meters": (("export", "--to", "x", "--out", "o"), "which meters", 2),
    "no time": (("export", "--to", "x", "--out", "o", "--meters", "1", "--valid", "long"),
                "takes a time", 2),
    "no numbers": (("export", "--to", "x", "--out", "o", "--orders", "one"), "takes numbers", 2),
    "no device": (("export", "--to", "x", "--out", "o", "--meters", IDENTITY.number,
                   "--database", "ami.db"), "no device x", 2),
    "no database": (("import", "nothing.toml", "--database", "none.db"), "nothing.toml", 2),
    "no result": (("import", "keys.toml", "--database", "ami.db"), "no job result", 2),
    "no job": (("show", "x"), "no job x", 2),
    "no line": (("revoke", "x", "--line", "tcp://h"), "METER=tcp", 2),
    "no card": (("enrol", "keys.toml", "--name", "x", "--database", "ami.db"), "no card", 2),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "said", "code"), WRONG.values(), ids=WRONG)
def test_what_the_office_cannot_do(
    arguments: tuple[str, ...], said: str, code: int, tmp_path: Path
) -> None:
    office(tmp_path)
    assert said in refused("job", *arguments, code=code)


def test_without_the_envelope_s_key_there_are_no_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path)
    monkeypatch.delenv(VARIABLE)
    assert "envelope" in refused("job", "keys", "keys.toml", "--database", "ami.db", code=2)


FIELD = {
    "nothing open": (("status",), "no such job", 2),
    "no package": (("open", "keys.toml"), "believes no head-end", 2),
    "no file": (("open", "none.job"), "none.job", 2),
    "a device's card": (("enrol", "--head-end", "laptop.card"), "a device's card", 2),
}


@pytest.mark.parametrize(("arguments", "said", "code"), FIELD.values(), ids=FIELD)
def test_what_the_device_cannot_do(
    arguments: tuple[str, ...], said: str, code: int, tmp_path: Path
) -> None:
    office(tmp_path)
    done("probe", "job", "enrol", "--out", "laptop.card")
    assert said in refused("probe", "job", *arguments, code=code)


def test_another_passphrase_opens_neither_kit_nor_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path)
    introduced()
    done("job", "export", "--to", "laptop-7", "--meters", IDENTITY.number, "--passphrase",
         "--out", "day.job", "--database", "ami.db")  # fmt: skip
    monkeypatch.setenv("AMI_JOB_PASSPHRASE", "forgotten")
    assert "not the package's passphrase" in refused("probe", "job", "open", "day.job", code=2)
    monkeypatch.setenv("AMI_PROBE_PASSPHRASE", "forgotten")
    assert "does not open with this passphrase" in refused(
        "probe", "job", "open", "day.job", code=2
    )


BAD_KEYS = {
    "no TOML": "meter = ",
    "nothing": "",
    "no name": '[[meter]]\nencryption_key = "00"',
    "a short key": '[[meter]]\nname = "1"\nencryption_key = "5EC7E7"\nauthentication_key = "00"',
    "no digits": '[[meter]]\nname = "1"\nencryption_key = "secret"\nauthentication_key = "00"',
    "an unknown word": '[[meter]]\nname = "1"\nkey = "00"',
    "a counter beyond": f'[[meter]]\nname = "1"\nnext_counter = {1 << 32}',
}


@pytest.mark.parametrize("text", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_file_of_keys_that_is_wrong_is_refused_without_showing_it(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(BadKeys) as caught:
        read_keys(path)
    assert "secret" not in str(caught.value) and "5EC7E7" not in str(caught.value)
