"""A meter behind a concentrator is commissioned by a read, which a running head-end carries out."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.domain.meter import Stage
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests.demo.commands import running
from tools.cli import app

pytestmark = [pytest.mark.live, pytest.mark.prove, pytest.mark.requires("mosquitto")]
STORY, METER, OTHER = "an-order-goes-through-the-gateway", "90000001", "90000002"


def ami(*arguments: str, code: int = 0) -> Any:
    ran = CliRunner().invoke(app, [*arguments, "--database", "ami.db", "--json"])
    assert ran.exit_code == code, (ran.output, ran.stderr, ran.exception)
    return json.loads(ran.stdout)


def uncommissioned() -> None:
    """The meters as a shipment and a hand with a screwdriver leave them; the other's record is
    wrong."""

    def work(tx: Transaction) -> None:
        for name, identity in ((METER, None), (OTHER, "FRN0000000000")):
            meter = tx.meter(name)
            assert meter is not None
            installed = replace(meter, commissioned=False, stage=Stage.INSTALLED)
            tx.put_meters([replace(installed, identity=identity)])

    async def enter() -> None:
        store = SqlStore("sqlite:///ami.db", live=False)
        await store.run(work)
        await store.close()

    asyncio.run(enter())


def test_a_meter_behind_a_concentrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running(
        tmp_path, "serve", "--port=0", "--database=ami.db", f"--registry={STORY}"
    ) as serve:
        broker = serve.first_word()["mqtt"]
        uncommissioned()
        refused = ami("order", "read", "--meter", METER, "active-energy-import", code=1)
        assert "not-commissioned" in json.dumps(refused)
        with running(tmp_path, "field", STORY, f"--mqtt={broker}") as field:
            field.first_word()
            done = ami("meter", "commission", METER)
            assert done["held"] and done["stage"] == "linked", done
            read = ami("order", "read", "--meter", METER, "active-energy-import")
            assert read["readings"][0]["value"] is not None
            wrong = ami("meter", "commission", OTHER, code=1)
            bad = [check["what"] for check in wrong["checks"] if check["verdict"] == "failed"]
            assert (bad, wrong["stage"]) == (["logical device name"], "installed")
    alone = ami("meter", "commission", OTHER, code=1)
    assert alone["error"]["code"] == "needs-head-end"
