"""`ami demo`, run as a newcomer runs it: real broker or none, real HTTP, a store on disk."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from protocols.cim.codes import Result
from scenarios import schema
from scenarios.demo import EXPECTED, STORY
from scenarios.engine import run
from tests.demo.commands import ROOT, ami, outcomes, running

ENDINGS = [(str(state), None if reason is None else str(reason)) for state, reason in EXPECTED]
EVIDENCE = [
    # of each order: which sources its reply must name
    set(),
    {"meter", "concentrator"},
    {"link-report", "concentrator"},
    {"last-will", "carrier-portal", "fault-log"},
]
KEYS = ["", "MEDIDOR_RECHAZA", "MEDIDOR_NO_RESPONDE", "FALLA_SIM"]


def check(told: dict[str, Any]) -> None:
    """What must be true of every run."""
    assert told["ok"] is True
    assert told["seconds"] < 60
    assert told["field_whole"] is True
    orders = told["orders"]
    assert outcomes(orders) == ENDINGS
    assert [order["number"] for order in orders] == [1, 2, 3, 4]
    assert [order["replies"] for order in orders] == [1, 1, 1, 1]
    assert [order["unsettled"] for order in orders] == [[], [], [], []]
    for order, sources, key in zip(orders, EVIDENCE, KEYS, strict=True):
        assert sources <= {item["source"] for item in order["evidence"]}
        reply = order["reply"]
        assert reply["result"] == (Result.OK if order["outcome"] == "done" else Result.FAILED)
        assert (reply["errors"][0]["details"] or "").partition(":")[0] == key
    assert orders[0]["value_read"] == orders[0]["reply"]["value_read"] == "3300 W"
    assert [order["value_read"] for order in orders[1:]] == [None, None, None]
    assert orders[2]["attempts"] == 2
    assert {order["concentrator"] for order in orders} == {"C-001"}


@pytest.mark.requires("mosquitto")
def test_for_machines(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    database = str(kept / "ami.db")
    ran = ami("demo", "--json", f"--keep={kept}")
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    told = json.loads(ran.stdout)
    check(told)
    assert told["broker"] == "mosquitto"
    assert told["mqtt"].startswith("127.0.0.1:")

    # Everything is in the databases that were kept, for the commands that read them.
    listed = json.loads(ami("order", "list", "--json", "--database", database).stdout)
    assert [order["order"] for order in listed] == [4, 3, 2, 1]
    with sqlite3.connect(kept / "ami-legacy.db") as legacy:
        rows = legacy.execute(
            "select numero_orden, resultado, codigo_motivo, valor_leido from resultados"
            " where clase = 'RESPUESTA' order by numero_orden"
        ).fetchall()
    assert rows == [
        (1, "OK", None, "3300"),
        (2, "KO", "refused-read-write-denied", None),
        (3, "KO", "meter-does-not-answer", None),
        (4, "KO", "sim-fault", None),
    ]

    # A directory that holds an earlier run is not written over.
    again = ami("demo", f"--keep={kept}")
    assert again.returncode == 2
    assert "earlier run" in again.stderr


def test_for_people_and_without_mosquitto() -> None:
    ran = ami("demo", mosquitto=False)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    read = ran.stdout
    assert "\x1b" not in read  # no colour and nothing that moves where there is no terminal
    in_order = (
        r"Mosquitto is not on this machine",
        r"create EndDeviceControls: set-limit 3300 W, meter 90000001",
        r"dispatched",  # before or after the answer to the sender
        r"asks for an association with HLS-5 GMAC",
        r"SET limiter .*threshold_normal = 3300",
        r"GET limiter",
        r"result done: limit read back 3300 W, was none",
        r"result queue: reply OK",
        r"XML reply EndDeviceControls: OK, read back 3300 W",
        r"refused: read-write-denied",
        r"XML reply EndDeviceControls: FAILED 5\.3 MEDIDOR_RECHAZA",
        r"no answer",
        r"XML reply EndDeviceControls: FAILED 5\.3 MEDIDOR_NO_RESPONDE",
        r"mobile operator → C-001 +bars the SIM",
        r"broker → head-end +last will of C-001",
        r"create EndDeviceControls: set-limit 3300 W, meter 90000004",
        r"XML reply EndDeviceControls: FAILED 5\.3 FALLA_SIM",
        r"mobile operator → C-001 +lets the SIM in again",
        r"C-001 → head-end +on line again",
        r"order 4: found after the end: the concentrator's SIM is faulty",
        r"What the commercial system got",
        r"Every order ended as it should",
    )
    at = 0
    for words in in_order:
        found = re.compile(words).search(read, at)
        assert found, f"{words!r} does not follow {read[:at][-200:]!r}"
        at = found.end()

    assert len(re.findall(r"Reply OK 0\.3", read)) == 4

    # The commands to go on with are whole lines, and work as they stand.
    explain = re.search(r"explain order 2 --frames --database (\S+)\n", read)
    assert explain
    database = Path(explain[1])
    explained = ami("explain", "order", "2", "--frames", "--database", str(database))
    assert explained.returncode == 0
    assert "read-write-denied" in explained.stdout
    for left in database.parent.iterdir():
        left.unlink()
    database.parent.rmdir()


def test_sigterm_stops_it_in_the_middle(tmp_path: Path) -> None:
    with running(tmp_path, "demo", mosquitto=False) as demo:
        demo.wait_for_line("create EndDeviceControls")
        assert demo.terminate() == 0
        assert "stopped" in demo.said()


def test_the_same_story_on_the_simulated_clock() -> None:
    story = run(schema.read(STORY))
    ended = {r.order.meter: (str(r.order.state), r.order.reason) for r in story.records}
    assert [ended[spec.names()[0]] for spec in story.scenario.order] == ENDINGS
    assert len(story.world.meter_names) == 61  # sixty customers' and the transformer's
    assert list(story.world.concentrators) == ["C-001"]


def test_the_picture_in_the_readme_fetches_nothing() -> None:
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text()
    assert "Every&#160;order&#160;ended&#160;as&#160;it&#160;should" in picture
    assert not re.search(r"@font-face|@import|url\(['\"]?https?:|href=", picture)
