"""Meters of suites 1 and 2 that are opened by signatures (HLS 7), as a utility runs them: entered
with key pairs, read and limited by `ami serve`, given new keys by `ami meter rekey`, over TCP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from typer.testing import CliRunner, Result

from headend.store.envelope import VARIABLE
from protocols.dlms.suite import CURVES, SecuritySuite
from tests.demo.commands import running
from tools.cli import app
from tools.probe.key_pairs import pairs_of_table

pytestmark = pytest.mark.live
ENVELOPE = "cd" * 64


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def told(*arguments: str) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == 0, (ran.output, ran.stderr, ran.exception)
    return json.loads(ran.stdout)


def files_of(where: dict[str, Any]) -> tuple[str, str]:
    """What a utility has of such a meter: its own private key, and the meter's public one."""
    pairs = pairs_of_table(where)
    assert pairs.signing is not None and pairs.peer_signing is not None
    pem = pairs.signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path("our.pem").write_bytes(pem)
    spki = PublicFormat.SubjectPublicKeyInfo
    Path("meter.der").write_bytes(pairs.peer_signing.public_bytes(Encoding.DER, spki))
    return "1:our.pem", "meter.der"


@pytest.mark.requires("mosquitto")
@pytest.mark.parametrize("suite", CURVES)
def test_a_meter_opened_by_signatures_is_read_limited_and_rekeyed(
    suite: SecuritySuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, ENVELOPE)
    listens = ("--tcp", "127.0.0.1:0", "--suite", str(int(suite)), "--auth", "ecdsa", "--json")
    with running(tmp_path, "meter", "listen", *listens) as listening:
        where = listening.first_word()
        ours, meters = files_of(where)
        keys = ("encryption_key", "authentication_key", "master_key")
        add = (
            "meter", "add", where["meter"], "--address", f"tcp://127.0.0.1:{where['port']}",
            "--model", f"sim-3p-suite{int(suite)}", "--title", where["system_title"],
            "--key", ":".join(["1", *(where[key] for key in keys)]), "--database", "ami.db",
        )  # fmt: skip
        assert ami(*add).exit_code == 0
        rekey = ("meter", "rekey", where["meter"], "--database", "ami.db")
        without = ami(*rekey)
        assert without.exit_code == 1 and "key" in without.output, "nothing to sign with"
        assert ami(*add, "--signing-key", ours, "--meter-key", meters).exit_code == 0
        (order,) = told(*rekey)
        assert order["state"] == "done", order

        with running(tmp_path, "serve", "--port=0", "--database=ami.db") as serve:
            serve.first_word()
            read = told("order", "read", "--meter", where["meter"], "1.0.1.8.0.255",
                        "--database", "ami.db")  # fmt: skip
        assert "done" in json.dumps(read), read
    secret = pairs_of_table(where).signing
    assert secret is not None
    number = secret.private_numbers().private_value
    for path in tmp_path.glob("ami.db*"):
        assert number.to_bytes(48, "big").lstrip(b"\0") not in path.read_bytes()


def test_a_signing_key_without_the_meter_s_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, ENVELOPE)
    add = ("meter", "add", "4711", "--address", "tcp://127.0.0.1:1", "--database", "ami.db")
    Path("junk").write_bytes(b"junk")
    for words, said in (
        (("--signing-key", "1:our.pem"), "goes with --meter-key"),
        (("--signing-key", "our.pem", "--meter-key", "junk"), "CLIENT:FILE"),
        (("--signing-key", "1:none.pem", "--meter-key", "junk"), "cannot be read"),
        (("--signing-key", "1:junk", "--meter-key", "junk"), "no private key"),
    ):
        ran = ami(*add, *words)
        assert ran.exit_code == 2 and said in " ".join(ran.stderr.split()), ran.output
    assert not Path("ami.db").exists()
