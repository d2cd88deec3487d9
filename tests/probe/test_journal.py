"""The journal: a line before something acts and one for how every verb ended, and who it was."""

from __future__ import annotations

import getpass
from datetime import datetime

from tests.probe.bench import NOBODY, Bench, Probe


def test_every_verb_leaves_a_line_whatever_became_of_it(probe: Probe, meter: Bench) -> None:
    at = ("--port", meter.port)
    probe.json("identify", *at)
    probe.json("limit", "--set", "3kW", *at, env=meter.secrets())
    probe.json("identify", "--port", NOBODY, code=1)
    probe("disconnect", *at, env=meter.secrets(), says="n\n")
    lines = probe.journal()
    assert [(line["action"], line["facts"].get("result")) for line in lines] == [
        ("identify", "done"),
        ("limit: sends", None),
        ("limit", "done"),
        ("identify", "failed"),
        ("disconnect", "failed"),
    ]
    assert lines[2]["meter"] == meter.number and lines[2]["facts"]["limit"] == "3000 W"
    assert all(line["facts"]["user"].startswith(f"{getpass.getuser()}@") for line in lines)
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines)
    assert lines[3]["facts"]["reason"] == "line-unavailable"
    assert lines[4]["facts"]["reason"] == "cancelled"


def test_it_is_shown_newest_last_and_leaves_no_line_of_its_own(probe: Probe, meter: Bench) -> None:
    for _ in range(3):
        probe.json("identify", "--port", meter.port)
    told = probe.json("journal", "--last", 2)
    assert [row["action"] for row in told["lines"]] == ["identify"] * 2
    assert told["lines"][0]["at"] < told["lines"][1]["at"]
    assert {row["meter"] for row in told["lines"]} == {meter.number}
    assert len(probe.journal()) == 3
    shown = probe("journal")
    assert shown.exit_code == 0 and str(probe.home) in shown.stderr


def test_the_screen_wants_a_terminal_and_a_port(probe: Probe, meter: Bench) -> None:
    none = probe()
    assert none.exit_code == 2 and "where is the meter?" in none.stderr
    piped = probe("--port", meter.port)
    assert piped.exit_code == 2 and "the screen needs a terminal" in piped.stderr
    assert not meter.logins
