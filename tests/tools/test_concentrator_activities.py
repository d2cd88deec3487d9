"""`ami concentrator ask` and `activities`: asked, listed, and what is to come."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.domain.meter import Concentrator, Meter
from headend.store.store import SqlStore
from tools.cli import app


@pytest.fixture
def url(tmp_path: Path) -> str:
    async def run() -> None:
        store = SqlStore(f"sqlite:///{tmp_path / 'ami.db'}", live=False)

        def register(tx: Any) -> None:
            tx.put_concentrators([Concentrator("C-1"), Concentrator("C-2")])
            tx.put_meters([Meter(name, "C-1", commissioned=True) for name in ("11", "12")])

        await store.run(register)
        await store.close()

    asyncio.run(run())
    return str(tmp_path / "ami.db")


def ami(*arguments: str) -> tuple[int, Any]:
    ran = CliRunner().invoke(app, ["concentrator", *arguments, "--json"])
    return ran.exit_code, json.loads(ran.stdout.splitlines()[0] if ran.exit_code else ran.stdout)


def test_what_is_asked_waits_for_a_head_end_and_is_listed(url: str) -> None:
    code, asked = ami("ask", "C-1", "clock", "--database", url)
    assert (code, asked["number"], asked["state"], asked["kind"]) == (0, 1, "asked", "clock")
    assert asked["asked_by"].startswith("os:")
    many = ("--object", "1.0.99.1.0.255", "--back", "2h", "--database", url)
    code, task = ami("ask", "C-1", "task", *many)
    assert code == 0 and task["task"]["meters"] == ["11", "12"]
    assert (task["task"]["kind"], task["task"]["back_s"]) == ("profile", 7200)
    _, log = ami("ask", "C-1", "task", "--meter", "12", "--object", "0.0.99.98.0.255", *many[2:])
    assert (log["task"]["kind"], log["task"]["meters"]) == ("events", ["12"])
    assert [each["number"] for each in ami("activities", "--database", url)[1]] == [3, 2, 1]
    assert ami("activities", "C-2", "--database", url) == (0, [])
    assert ami("activities", "--state", "expired", "--database", url) == (0, [])


def test_who_waits_in_vain_is_told_so(url: str) -> None:
    ran = CliRunner().invoke(
        app, ["concentrator", "ask", "C-1", "state", "--wait", "0s", "--database", url]
    )
    assert ran.exit_code == 1
    assert "no answer yet" in ran.output and "activity 1: C-1 state, asked" in ran.output


def test_what_is_to_come_are_the_schedules_turns_and_upkeep(url: str, tmp_path: Path) -> None:
    config = tmp_path / "ami.toml"
    config.write_text(
        f'database = "{url}"\n[[concentrator.activity]]\nname = "topo"\nkind = "topology"\n'
        'every = "1h"\nconcentrators = ["C-2"]\n'
    )
    code, found = ami("activities", "--next", "--config", str(config))
    assert code == 0
    told = [(each["schedule"], each["kind"], each["concentrator"]) for each in found]
    assert told == [
        ("topo", "topology", "C-2"), ("upkeep", "state", "C-1"), ("upkeep", "state", "C-2"),
    ]  # fmt: skip
    assert found[0]["at"] and found[1]["at"] is None  # which has not come on line yet
