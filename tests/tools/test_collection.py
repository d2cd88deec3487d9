"""`ami collection`, as people run it."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.clock import WallClock
from headend.collection.intervals import empty_day, merged
from headend.collection.rolling import RollingUp
from headend.config.rollup import RollupPolicy
from headend.domain.backfill import Ask, GivenUp, GivenUpFor
from headend.domain.interval import Row
from headend.domain.utility_day import span_of
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests.store.test_ledger import LAYOUT, NOON, PROFILE, ZONE
from tests.tools.half_collected import BEGIN, DAY, half_collected
from tools.cli import app


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["collection", *arguments])


def told(*arguments: str) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == 0, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    """See `half_collected`."""
    return ["--database", half_collected(tmp_path)]


def test_status_tells_of_silent_meters(where: list[str]) -> None:
    found = told("status", "--day", "2026-07-06", *where)
    names = ("name", "meters", "silent", "share")
    assert [tuple(each[name] for name in names) for each in found["items"]] == [
        ("C1", 2, 0, 0.75), ("C2", 1, 1, 0.0),
    ]  # fmt: skip
    assert (found["all"]["due"], found["all"]["received"]) == (288, 144)
    days = told("status", "--day", "2026-07-07", "--days", "2", "--by", "day", *where)
    assert [(each["name"], each["received"]) for each in days["items"]] == [
        ("2026-07-06", 144), ("2026-07-07", 0),
    ]  # fmt: skip
    one = told("status", "--day", "2026-07-06", "--meter", "2", "--by", "zone", *where)
    assert one["items"][0]["name"] == ""
    assert [each["received"] for each in one["channels"]["2026-07-06"]] == [48, 48]


def test_status_for_people(where: list[str]) -> None:
    ran = ami("status", "--day", "2026-07-06", "--by", "meter", "--plot", *where)
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["2", "1", "0", "0", "96", "48", "50.00%", "0", "0"] in lines
    assert ["all", "3", "1", "1", "288", "144", "50.00%", "0", "0"] in lines
    assert "% here" in ran.stdout
    assert "1.0.32.7.0.255" in ami("status", "--day", "2026-07-06", "--meter", "1", *where).stdout
    assert "[[collection.task]]" not in ran.stdout
    nothing = ami("status", "--day", "2026-07-07", *where)
    assert "[[collection.task]]" in nothing.stdout


def test_gaps(where: list[str]) -> None:
    found = told("gaps", "--day", "2026-07-06", "--days", "1", *where)
    assert [
        (each["meter"], each["after"], each["until"], each["intervals"], each["asked_until"])
        for each in found["items"]
    ] == [
        ("2", "2026-07-06T16:00:00Z", "2026-07-07T04:00:00Z", 48, "2026-07-17T04:00:00Z"),
        ("3", "2026-07-06T04:00:00Z", "2026-07-07T04:00:00Z", 96, "2026-07-17T04:00:00Z"),
    ]  # fmt: skip
    assert {each["given_up"] for each in found["items"]} == {"over"}, "10 days have passed"
    assert found["more"] is False
    assert told("gaps", "--day", "2026-07-06", "--limit", "1", *where)["more"] is True
    one_day = ("gaps", "--day", "2026-07-06", "--days", "1")
    assert "no gaps" in ami(*one_day, "--meter", "1", *where).stdout
    assert "2026-07-06 12:00" in ami(*one_day, *where).stdout


def test_what_is_given_up_and_taken_back(where: list[str]) -> None:
    gap = GivenUp("3", PROFILE, DAY, NOON, GivenUpFor.SILENT, 96)
    ask = Ask("2", PROFILE, "C1", 3, NOON, NOON, "fill-7-1", BEGIN)
    store = SqlStore(where[1], live=False)

    def work(tx: Transaction) -> None:
        tx.give_up([gap])
        tx.put_ask(ask)

    asyncio.run(store.run(work))
    asyncio.run(store.close())
    day = ("gaps", "--day", "2026-07-06", "--days", "1")
    assert [each["given_up"] for each in told(*day, *where)["items"]] == ["over", "silent"]
    assert "given up: silent" in ami(*day, *where).stdout
    found = told("backfill", *where)
    assert [(each["meter"], each["asked"], each["task"]) for each in found["asks"]] == [
        ("2", 3, "fill-7-1")
    ]
    assert [(each["meter"], each["reason"]) for each in found["given_up"]] == [("3", "silent")]
    assert "silent" in ami("backfill", *where).stdout
    assert told("backfill", "--ask", "--meter", "3", *where)["asked_again"] == 1
    assert told("backfill", "--ask", "--day", "2026-07-05", *where)["asked_again"] == 1
    assert "nobody is asked" in ami("backfill", *where).stdout


def test_schedules(tmp_path: Path) -> None:
    settings = tmp_path / "ami.toml"
    settings.write_text(
        '[[collection.task]]\nname = "billing"\nobjects = ["1.0.98.1.0.255"]\nevery = "1d"\n'
        'after_s = 10800\nwindow_s = 7200\nrows = "1mo"\n'
    )
    (item,) = told("schedules", "--config", str(settings))["items"]
    following, until = (datetime.fromisoformat(item[key]) for key in ("next", "until"))
    assert (item["name"], item["objects"], item["rows"]) == ("billing", ["1.0.98.1.0.255"], "1mo")
    assert (following.astimezone(ZONE).hour, until - following) == (3, timedelta(hours=2))
    assert "billing" in ami("schedules", "--config", str(settings)).stdout
    settings.write_text("")
    assert "Nothing is collected" in ami("schedules", "--config", str(settings)).stdout
    settings.write_text('[[collection.task]]\nname = "a"\nobjects = ["nothing"]\n')
    assert ami("schedules", "--config", str(settings)).exit_code == 2


def test_schedules_tell_who_is_meant_and_when_each_has_its_turn(
    tmp_path: Path, where: list[str]
) -> None:
    settings = tmp_path / "ami.toml"
    settings.write_text(
        f'database = "sqlite:///{tmp_path}/none.db"\n'
        '[[collection.task]]\nname = "load"\nobjects = ["load-profile"]\nevery = "1d"\n'
        'spread_s = 7200\n[[collection.task]]\nname = "month"\nobjects = ["1.0.98.1.0.255"]\n'
        'every = "1mo"\nrows = "1mo"\nconcentrators = ["C1"]\n'
    )
    load, month = told("schedules", "--config", str(settings), *where)["items"]
    assert (load["members"], month["members"], month["direct"]) == (3, 2, 0)
    assert [(each["name"], each["meters"]) for each in load["concentrators"]] == [
        ("C1", 2), ("C2", 1),
    ]  # fmt: skip
    due = datetime.fromisoformat(load["last"]), datetime.fromisoformat(load["next"])
    for each in load["concentrators"]:
        turn = datetime.fromisoformat(each["next"])
        assert any(timedelta() <= turn - begun < timedelta(hours=2) for begun in due)
    at = datetime.fromisoformat(month["next"]).astimezone(ZONE)
    assert (at.day, at.hour, at.minute) == (1, 0, 5)
    (each,) = month["concentrators"]
    assert datetime.fromisoformat(each["next"]) == datetime.fromisoformat(month["next"])
    assert "behind C1" in ami("schedules", "--config", str(settings), *where).stdout
    nobody = told("schedules", "--config", str(settings))["items"]
    assert [each["members"] for each in nobody] == [None, None]
    lost = ami("schedules", "--config", str(settings), "--database", "none.db")
    assert lost.exit_code == 2


def test_the_curve(where: list[str]) -> None:
    found = told("curve", "2026-07-06", "--concentrator", "C1", *where)
    assert (found["expected"], found["received"], len(found["points"])) == (192, 144, 96)
    by = {each["share"]: each["at"] for each in found["by"]}
    # Half of it: after 12 h both meters' 48 intervals, half an hour later they are here.
    assert by[0.5] == "2026-07-06T16:30:00Z" and by[0.9] is None
    assert found["after"] == {"24 h": 0.75, "10 days": 0.75}
    ran = ami("curve", "2026-07-06", "--plot", *where)
    assert ran.exit_code == 0 and "144 of 288 intervals are here" in ran.stdout
    assert "of 2026-07-06 by" in ran.stdout


def test_the_curve_is_of_the_day_that_status_tells_of(where: list[str]) -> None:
    before, day = told("status", *where)["last_day"], told("curve", *where)["day"]
    assert before <= day <= told("status", *where)["last_day"]


def test_where_nothing_is_expected(where: list[str]) -> None:
    assert told("status", "--day", "2026-07-06", "--concentrator", "C9", *where)["all"] is None
    for asked in (["status", "--day", "2026-07-06"], ["curve", "2026-07-06"]):
        ran = ami(*asked, "--concentrator", "C9", *where)
        assert ran.exit_code == 0 and "nothing is expected" in ran.stdout


def test_validation_keeps_its_word_apart(where: list[str]) -> None:
    """What is missing between two rows is estimated; what came changed is told."""
    store = SqlStore(where[1], live=False)
    begin = span_of(DAY, ZONE).begin + 86_400

    def work(tx: Transaction) -> None:
        number = tx.layout_number(LAYOUT)
        page = empty_day("1", PROFILE, DAY + timedelta(days=1), 900, ZONE)
        for value, places in ((0, (1, 2, 4)), (5, (2,))):
            rows = [
                Row(begin + 900 * place, begin, number, 0, (None, 96 + place + value, 2300))
                for place in places
            ]
            page, _ = merged(page, rows, on_events=False, now=NOON)
        tx.put_interval_day(page)

    asyncio.run(store.run(work))
    asyncio.run(store.close())
    assert told("validate", "--days", "36500", *where)["looks"] >= 3
    assert told("validate", "--days", "36500", *where) == {"looks": 0}
    asked = ("findings", "--day", "2026-07-07", "--days", "1")
    (found,) = told(*asked, "--estimates", *where)["items"]
    assert [(each["check"], each["at"]) for each in found["findings"]] == [
        ("duplicate", "2026-07-07T04:30:00Z")
    ]
    assert found["estimates"] == [
        {"at": "2026-07-07T04:45:00Z", "channel": "1.0.1.8.0.255", "value": 99, "method": "linear"}
    ]
    assert "came again" in ami(*asked, *where).stdout
    quiet = ami("findings", "--day", "2026-07-06", "--days", "1", "--meter", "2", *where)
    assert quiet.exit_code == 0 and "nothing odd" in quiet.stdout


def test_rollups_by_day_and_by_hour(where: list[str], tmp_path: Path) -> None:
    """As the duty made them; one day's register needs the day before to tell what it gained."""
    asked = ("rollup", "1", "--day", "2026-07-06")
    assert told(*asked, *where)["items"] == []
    assert "[rollup] enabled" in ami(*asked, *where).stdout
    store = SqlStore(where[1], live=False)
    policy = RollupPolicy(enabled=True, days=36_500)
    assert asyncio.run(RollingUp(store, WallClock(), ZONE, policy).look()) == 2
    asyncio.run(store.close())
    (day,) = told(*asked, *where)["items"]
    assert (day["until"], day["expected"], day["received"]) == ("2026-07-07T04:00:00Z", 96, 96)
    energy, volts = day["channels"]
    assert (energy["first"], energy["last"], energy["gained"]) == (1, 96, None)
    assert (volts["mean"], volts["scaler"], volts["unit"]) == (2300, -1, "V")
    hours = told(*asked, "--hours", *where)["items"]
    assert [each["channels"][0]["gained"] for each in hours] == [None, *[4] * 23]
    ran = ami(*asked, "--hours", *where)
    assert ran.exit_code == 0 and "4 Wh" in ran.stdout and "230.00 V" in ran.stdout
