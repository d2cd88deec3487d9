"""`ami meter rekey`, as people run it: alone, and beside a head-end that runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from devices.meter.clients import MANAGEMENT
from devices.meter.keyring import keys_of
from headend.store.envelope import VARIABLE
from tests import databases
from tests.collection.dial_in import calling, connected, head_end, policy, register
from tests.demo.commands import running
from tests.direct.bench import meter
from tools.cli import app

pytestmark = pytest.mark.live
ENVELOPE = "ab" * 64


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def added(where: dict[str, Any], *, master: bool = True) -> None:
    keys = [where["encryption_key"], where["authentication_key"]]
    key = ":".join(["1", *keys, *([where["master_key"]] if master else [])])
    ran = ami(
        "meter", "add", where["meter"], "--address", f"tcp://127.0.0.1:{where['port']}",
        "--model", "sim-3p", "--title", where["system_title"], "--key", key, "--database", "ami.db",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output


def test_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, ENVELOPE)
    with running(tmp_path, "meter", "listen", "--tcp", "127.0.0.1:0", "--json") as listening:
        where = listening.first_word()
        added(where, master=False)
        ran = ami("meter", "rekey", where["meter"], "--database", "ami.db")
        assert ran.exit_code == 1 and "master key" in " ".join(ran.stderr.split()), ran.output
        added(where)
        for number in (2, 3):
            ran = ami("meter", "rekey", where["meter"], "--database", "ami.db", "--json")
            assert ran.exit_code == 0, (ran.output, ran.stderr)
            (told,) = json.loads(ran.stdout)
            assert told == {
                "meter": where["meter"], "order": number, "state": "done", "reason": None,
                "next_step": None,
            }  # fmt: skip
        ran = ami("meter", "rekey", where["meter"], "nobody", "--database", "ami.db")
        assert ran.exit_code == 1
        assert f"meter {where['meter']}: done, order 4" in ran.stdout
        assert "meter nobody: rejected" in ran.stdout and "no such meter" in ran.stdout
        assert "ami meter add METER" in ran.stderr
    log = json.loads(ami("audit", "show", "--database", "ami.db", "--json").stdout)
    told = [each["action"] for each in reversed(log)]
    assert told[:4] == ["registry.write", "key.change", "registry.write", "key.change"]
    assert told.count("key.changed") == 3
    assert all(each["security"] for each in log if each["action"].startswith("key."))
    assert ami("audit", "verify", "--database", "ami.db").exit_code == 0
    for key in ("encryption_key", "authentication_key", "master_key"):
        assert where[key] not in ran.output.upper()


WRONG = {
    "no database": (("--database", "nothing.db"), 2, "no database at nothing.db"),
    "no time": (("--database", "ami.db", "--wait", "soon"), 2, "--wait takes a time"),
    "no envelope key": (("--database", "ami.db"), 2, "no key is configured"),
    "no configuration": (("--config", "nothing.toml"), 2, "nothing.toml"),
}


@pytest.mark.parametrize(("arguments", "code", "text"), WRONG.values(), ids=WRONG)
def test_wrong(
    arguments: tuple[str, ...], code: int, text: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "ami.db").touch()
    ran = ami("meter", "rekey", "4711", *arguments)
    assert ran.exit_code == code, (ran.output, ran.exception)
    assert text in " ".join(ran.stderr.split())


async def test_beside_a_head_end_for_a_meter_that_calls(tmp_path: Path) -> None:
    """Only the head-end has the meter's line; the command needs no key of its own."""
    device = meter()
    before = keys_of(device, MANAGEMENT)
    async with head_end(tmp_path, policy()) as bench:
        name = await register(bench, device)
        assert bench.head_end.ground.vault is not None
        await bench.head_end.ground.vault.install(name, MANAGEMENT.sap, before)
        async with calling(device, bench.port):
            await connected(bench, name)
            ran = await asyncio.to_thread(
                ami, "meter", "rekey", name, "--database", databases.at(tmp_path / "ami.db")
            )
            assert ran.exit_code == 0, (ran.output, ran.stderr, ran.exception)
        known = await bench.head_end.ground.vault.keys(name, MANAGEMENT.sap)
    assert known is not None and known.pending is None
    assert known.current.keys == keys_of(device, MANAGEMENT) != before
