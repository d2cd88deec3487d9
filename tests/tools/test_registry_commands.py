"""`ami place` and the steps of `ami meter`, as people run them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.domain.meter import Concentrator, Meter, Stage
from headend.store.store import SqlStore
from tests import databases
from tools.cli import app

PLACES = """\ufeffkind;code;parent;name
region;R1;;Santiago
transformer;T1;R1;"Los Leones; 220"
service-point;SP1;T1;
service-point;SP2;T1;
"""


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def told(*arguments: str, code: int = 0) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == code, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    """A database with two meters in stock, a concentrator and places."""
    url = databases.at(tmp_path / "ami.db")
    store = SqlStore(url, live=False)
    meters = [Meter(name, stage=Stage.IN_STOCK) for name in ("1", "2")]
    asyncio.run(store.run(lambda tx: tx.put_meters(meters)))
    asyncio.run(store.run(lambda tx: tx.put_concentrators([Concentrator("C1")])))
    asyncio.run(store.close())
    (tmp_path / "places.csv").write_text(PLACES, encoding="utf-8")
    database = ["--database", url]
    assert told("place", "import", str(tmp_path / "places.csv"), *database) == {"places": 4}
    return database


def test_a_meter_is_hung_up_blocked_and_exchanged(where: list[str]) -> None:
    row = told("meter", "install", "1", "SP1", "--at", "2026-07-06T12:00Z", *where)
    assert row == {
        "meter": "1", "stage": "installed", "commissioned": False, "blocked": False,
        "reached_by": None,
    }  # fmt: skip
    assert told("meter", "link", "1", "C1", *where)["reached_by"] == "C1"
    assert told("meter", "block", "1", "--why", "tampering", *where)["stage"] == "blocked"
    ran = ami("meter", "link", "1", "C1", *where)
    assert ran.exit_code == 1 and "unblock it" in " ".join(ran.stderr.split())
    assert told("meter", "unblock", "1", "--why", "nothing", *where)["stage"] == "installed"
    swap = told("meter", "exchange", "1", "2", "--last-read", "12345.6kWh", *where)
    assert (swap["old"]["stage"], swap["new"]["stage"]) == ("removed", "installed")
    assert (swap["last_read"]["value"], swap["service_point"]) == ("12345600", "SP1")
    hung = told("place", "show", "SP1", *where)["meters"]
    assert [(each["meter"], each["until"] is None) for each in hung] == [("1", False), ("2", True)]
    life = told("meter", "show", "1", *where)["life"]
    assert [line["step"] for line in life] == ["install", "link", "block", "unblock", "remove"]
    assert all(line["who"].startswith("os:") for line in life)
    people = ami("meter", "show", "1", *where).stdout
    assert "12345600 Wh (technician)" in people and "exchanged for 2" in people


def test_a_last_reading_below_the_first_is_refused_unless_told_so(where: list[str]) -> None:
    told("meter", "install", "1", "SP1", "--first-read", "47999.5kWh", *where)
    low = ("meter", "exchange", "1", "2", "--last-read", "12345.6kWh", "--why", "burnt", *where)
    error = told(*low, code=1)["error"]
    assert error["code"] == "below-readings" and "--below-readings" in error["next_step"]
    assert "12,345.6 kWh is below the 47,999.5 kWh of technician" in error["text"]
    assert told("meter", "show", "1", *where)["stage"] == "installed"
    assert told(*low, "--below-readings")["last_read"]["value"] == "12345600"
    details = [each["detail"] for each in told("audit", "show", *where)]
    assert "ami meter exchange --below-readings" in details


def test_concentrators_are_entered_and_listed(where: list[str]) -> None:
    assert told("concentrator", "add", "C2", "--sim", "8956", *where) == {
        "name": "C2",
        "sim": "8956",
    }
    assert ami("concentrator", "add", "C3", *where).exit_code == 0
    names = [each["name"] for each in told("concentrator", "list", *where)]
    assert names == ["C1", "C2", "C3"]
    assert "8956" in ami("concentrator", "list", "--after", "C1", *where).stdout


def test_meters_by_place_and_stage(where: list[str]) -> None:
    told("meter", "install", "1", "SP1", *where)

    def names(*more: str) -> list[str]:
        return [meter["name"] for meter in told("meter", "list", *more, *where)]

    assert names("--place", "R1") == names("--stage", "installed") == ["1"]
    assert names("--stage", "in-stock", "--stage", "installed") == ["1", "2"]
    assert names("--place", "SP2") == []
    ran = ami("place", "list", "--within", "R1", "--kind", "transformer", *where)
    assert "Los Leones; 220" in ran.stdout and "SP1" not in ran.stdout
    assert "transformer T1 in region R1" in ami("place", "show", "SP1", *where).stdout


BAD_PLACES = {
    "a column that nobody knows": ("kind,code,farther\n", 2, "line 1, farther: there is no such"),
    "a column is missing": ("kind,parent\n", 2, "line 1, code: the column is missing"),
    "a kind that is none": ("kind,code\nplanet,P\n", 2, "line 2, kind: 'planet' is none"),
    "the code comes twice": ("kind,code\nzone,Z\nzone,Z\n", 2, "line 3, code: Z comes twice"),
    "a value too many": ("kind,code\nzone,Z,Z\n", 2, "line 2: it has 3 values"),
    "a quote that is not closed": ('kind,code\nzone,"Z\n', 2, "line 2: unexpected end of data"),
    "a region in a transformer": ("kind,code,parent\nregion,R9,T1\n", 1, "does not lie in a"),
    "a parent that there is not": ("kind,code,parent\nzone,Z,R9\n", 1, "there is no place R9"),
    "a code with blanks": ("kind,code\nzone,Z 1\n", 1, "a code has letters"),
    "another kind than before": ("kind,code\nzone,SP1\n", 1, "it is a service-point already"),
}


@pytest.mark.parametrize(("text", "code", "why"), BAD_PLACES.values(), ids=BAD_PLACES)
def test_a_bad_table_of_places_enters_nothing(
    where: list[str], tmp_path: Path, text: str, code: int, why: str
) -> None:
    file = tmp_path / "bad.csv"
    head, _, rest = text.partition("\n")
    good = "zone,GOOD" + "," * (head.count(",") - 1)  # not even what is right is entered
    file.write_text(f"{head}\n{rest}{good}\n")
    ran = ami("place", "import", str(file), *where)
    assert ran.exit_code == code
    assert why in " ".join(ran.stderr.split())
    assert len(told("place", "list", *where)) == 4


def test_a_day_s_work_is_written_down_whole_or_not(where: list[str], tmp_path: Path) -> None:
    table = tmp_path / "monday.csv"
    table.write_text("meter,service_point,at,first_kwh\n1,SP1,2026-07-06T12:00Z,0.5\n2,SP1,,\n")
    ran = ami("place", "hang", str(table), *where)
    words = " ".join(ran.stderr.split())
    assert ran.exit_code == 1 and "line 3: meter 1 hangs at SP1" in words
    assert told("place", "show", "SP1", *where)["meters"] == []
    table.write_text(table.read_text().replace("2,SP1", "2,SP2"))
    assert told("place", "hang", str(table), *where) == {"meters": 2}
    (hung,) = told("place", "show", "SP1", *where)["meters"]
    assert (hung["since"], hung["first_read"]["value"]) == ("2026-07-06T12:00:00Z", "500")


BAD_TABLES = {
    "a time without its zone": ("1,SP1,2026-07-06T12:00,\n", 2, "line 2, at: "),
    "a time to come": ("1,SP1,2999-07-06T12:00Z,\n", 1, "line 2: 2999-07-06 12:00Z is still"),
    "a register of words": ("1,SP1,,much\n", 2, "line 2, first_kwh: 'much' is no number"),
    "a place that there is not": ("1,SP9,,\n", 1, "line 2: there is no place SP9"),
    "a meter that there is not": ("9,SP1,,\n", 1, "line 2: there is no meter 9"),
    "no meter": (",SP1,,\n", 2, "line 2, meter: it is empty"),
}


@pytest.mark.parametrize(("text", "code", "why"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_day_s_work(where: list[str], tmp_path: Path, text: str, code: int, why: str) -> None:
    table = tmp_path / "monday.csv"
    table.write_text(f"meter,service_point,at,first_kwh\n{text}2,SP2,,\n")
    ran = ami("place", "hang", str(table), *where)
    assert ran.exit_code == code and why in " ".join(ran.stderr.split())
    assert told("meter", "list", "--stage", "installed", *where) == []


WRONG = {
    "no such meter": (("meter", "install", "9", "SP1"), 2, "no-such-meter"),
    "no such place": (("meter", "install", "1", "SP9"), 2, "no-such-place"),
    "no such concentrator": (("meter", "link", "1", "C9"), 2, "no-such-concentrator"),
    "not to be removed": (("meter", "remove", "1", "--why", "x"), 1, "meter-in-stock"),
    "a time to come": (("meter", "install", "1", "SP1", "--at", "2999-01-01T00:00Z"), 2, "usage"),
    "a time without zone": (("meter", "install", "1", "SP1", "--at", "2026-01-01"), 2, "usage"),
    "no register": (("meter", "install", "1", "SP1", "--first-read", "12"), 2, "wrong-usage"),
    "no file": (("place", "import", "nowhere.csv"), 2, "no-file"),
}


@pytest.mark.parametrize(("arguments", "code", "error"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_told_with_a_code_and_a_next_step(
    where: list[str], arguments: tuple[str, ...], code: int, error: str
) -> None:
    ran = ami(*arguments, *where, "--json")
    assert ran.exit_code == code, ran.output
    assert error in json.loads(ran.stdout)["error"]["code"]
