"""`ami event` and `ami incident`, as people run them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction, in_words
from tests import databases
from tests.events.making import Told, street, told
from tools.cli import app


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def answer(*arguments: str) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == 0, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    """A database in which four meters lost their supply and one of them has it back."""
    url = databases.at(tmp_path / "ami.db")
    store = SqlStore(url, live=False)

    def work(tx: SqlTransaction) -> None:
        names = street(tx, 4)
        told(tx, [Told("push", name, 1, second) for second, name in enumerate(names)])
        told(tx, [Told("log", names[0], 2, 300), Told("log", names[0], 40, 400)])

    asyncio.run(in_words(store, work))
    asyncio.run(store.close())
    return ["--database", url]


def test_events_are_listed_and_shown(where: list[str]) -> None:
    listed = answer("event", "list", *where)
    assert [each["name"] for each in listed] == [
        "terminal-cover-removed", "power-up", *["power-down"] * 4,
    ]  # fmt: skip
    worst = answer("event", "list", "--severity", "critical", *where)
    assert [each["device"] for each in worst] == ["M003", "M002", "M001", "M000"]
    assert len(answer("event", "list", "--device", "M000", "--limit", "2", *where)) == 2
    assert len(answer("event", "list", "--since", "2026-07-06T12:05Z", *where)) == 2
    assert answer("event", "show", str(listed[0]["number"]), *where) == listed[0]
    page = ami("event", "list", *where).stdout
    assert "terminal cover removed" in page and "critical" in page
    page = ami("event", "show", str(listed[0]["number"]), *where).stdout
    assert "tapa de bornes abierta" in page and "transformer T-1" in page


def test_an_incident_is_acknowledged_once_with_its_events(where: list[str]) -> None:
    (one,) = answer("incident", "list", "--going-on", *where)
    assert (one["place"], one["members"], one["without"]) == ("transformer T-1", 4, 3)
    assert answer("incident", "list", "--ended", *where) == []
    number = str(one["number"])
    seen = answer("incident", "ack", number, "--note", "a crew is on its way", *where)
    assert seen["acknowledged"]["who"].startswith("os:")
    assert answer("incident", "ack", number, "--note", "me too", *where) == seen
    whole = answer("incident", "show", number, *where)
    assert whole["acknowledged"]["note"] == "a crew is on its way"
    assert len(whole["events"]) == 5 and all(each["acknowledged"] for each in whole["events"])
    (left,) = answer("event", "list", "--open", *where)
    ran = ami("event", "ack", str(left["number"]), *where)
    assert ran.exit_code == 0 and "acknowledged by os:" in ran.stdout
    assert answer("event", "list", "--open", *where) == []
    assert "a crew" in ami("incident", "ack", number, *where).stdout
    page = ami("incident", "show", number, *where).stdout
    assert "4 meters, 3 without" in page and "power down" in page
    assert "transformer T-1" in ami("incident", "list", *where).stdout
