"""`ami why`, as people run it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headend.domain.meter import Meter
from headend.store.store import SqlStore
from tests import databases
from tools.cli import app


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with a meter that was never read."""
    url = databases.at(tmp_path / "ami.db")
    store = SqlStore(url, live=False)
    asyncio.run(store.run(lambda tx: tx.put_meters([Meter("1", "C1", commissioned=True)])))
    asyncio.run(store.close())
    return url


def why(url: str, *arguments: str) -> Result:
    ran = CliRunner().invoke(
        app, ["why", "1", "--at", "2026-07-06T16:00Z", "--database", url, *arguments]
    )
    assert ran.exit_code == 0, (ran.output, ran.stderr)
    return ran


def test_the_verdict_comes_first(url: str) -> None:
    first = why(url).stdout.splitlines()[0]
    assert first.startswith("Meter 1 was never read, and 624 intervals are due: ")
    first = why(url, "--lang", "es").stdout.splitlines()[0]
    assert first.startswith("El medidor 1 nunca fue leído, y se esperan 624 intervalos: ")


def test_for_machines_and_as_a_page(url: str, tmp_path: Path) -> None:
    file = tmp_path / "why.html"
    told = json.loads(why(url, "--json", "--days", "2", "--html", str(file)).stdout)
    assert (told["verdict"], told["missing"], told["last_at"]) == ("silent", 48, None)
    assert [day["due"] for day in told["days"]] == [96, 48]
    assert told["sentence"] in file.read_text()
