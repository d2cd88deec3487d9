"""`ami cim explain` tells all there is of a message: doors, orders and their ends, what was sent,
hops on a bus."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.integration.bus.traces import TracesInFolder
from headend.integration.messages_in_folder import MessagesInFolder
from headend.soap.door.message_log import Posted, line_of
from headend.soap.door.server import SoapAnswer
from headend.soap.door.told import Told
from headend.store.store import SqlStore
from protocols.cim.bus.effects import Act, Hop
from tests import databases
from tests.cim import orders_as_xml as a
from tests.soap.counter import counter
from tests.soap.desk import AT, FixedClock
from tools.cli import app

BUS = '[broker]\nhost = "127.0.0.1"\n'


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A store that has taken an order, and refused another message under the same id."""
    url = databases.at(tmp_path / "ami.db")

    async def fill() -> None:
        store = SqlStore(url, live=False)
        c = await counter(store=store)
        for octets in (a.soap(a.typed()), a.soap(a.typed(a.control(attributes="")))):
            answer = await c.server.handle(octets, client_address="10.0.0.7")
            posted = Posted(took_s=0.01, address="10.0.0.7", certificate=None, body=octets)
            line = line_of("HES", posted, answer, AT)
            await store.run(lambda tx, line=line: tx.add_door_messages([line]))
        await store.close()

    asyncio.run(fill())
    return url


def explain(*words: str) -> Any:
    told = CliRunner().invoke(app, ["cim", "explain", *words, "--json"])
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_at_the_door_and_in_the_store(database: str) -> None:
    told = explain(a.MESSAGE_ID, "--database", database)
    assert [(line["result"], line["code"]) for line in told["doors"]] == [
        ("OK", "0.3"), ("FAILED", "5.8"),
    ]  # fmt: skip
    (kept,) = told["kept"]
    assert "powerLimit" in kept["request"] and ">0.3<" in kept["answer"]
    (order,) = kept["orders"]
    assert (order["number"], order["meter"], order["state"]) == (1, "90000001", "queued")
    by_correlation = explain(a.CORRELATION_ID, "--database", database)
    assert by_correlation["doors"] == told["doors"]


def test_for_people(database: str) -> None:
    words = ["cim", "explain", a.MESSAGE_ID, "--database", database, "--soap"]
    told = CliRunner().invoke(app, words, env={"COLUMNS": "200"}).stdout
    for wanted in (
        "at HES: OK 0.3",
        "FAILED 5.8 MONTO_FALTA",
        "from 10.0.0.7",
        "order 1: set-limit",
        "its first answer",
    ):
        assert wanted in told, told


def test_on_a_bus(tmp_path: Path) -> None:
    (tmp_path / "bus.toml").write_text(BUS, encoding="utf-8")
    note = MessagesInFolder(tmp_path / "messages", FixedClock()).of_door("PUERTA")
    told = Told(message_id="m-1", verb="get", noun="Feeder", result="OK", code="0.0")
    note(Posted(took_s=0, address="10.0.0.9", certificate="TABLERO", body=b"<a/>"),
         SoapAnswer(200, {}, b"", told))  # fmt: skip
    hop = Hop(
        at=AT, node="ROUTER", act=Act.FORWARDED, about="m-1", message_id="m-1", came_from="PUERTA",
        goes_to="SIAD", octets=4, print="ab" * 32,
    )  # fmt: skip
    TracesInFolder(tmp_path / "traces").add(hop)
    known = explain("m-1", "--bus", str(tmp_path / "bus.toml"))
    assert [line["certificate"] for line in known["doors"]] == ["TABLERO"]
    assert [each["node"] for each in known["hops"]] == ["ROUTER"] and known["kept"] == []
