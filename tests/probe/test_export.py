"""Files: every format holds the same, also of what is awkward to write."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import duckdb
import pytest

from tests.probe.bench import NOBODY, Bench, Probe
from tools.probe import export
from tools.probe.report import Column, Fact, Report, Table

AT = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
COLUMNS = (
    Column("time", "time"),
    Column("1.0.1.8.0.255", "energy", "Wh"),
    Column("text", "text"),
    Column("whole", "whole"),
    Column("yes", "yes"),
    Column("nothing", "nothing"),
)
ROWS = (
    (AT, Decimal("230.1"), "=1+1", 7, True, None),
    (AT, None, "bell\x07 <&> é", 8, False, None),
    (None, Decimal("-0.5"), "-5", 9, None, None),
)
REPORT = Report(
    "profile",
    "a title",
    "4711",
    AT,
    (Fact("limit", "limit", Decimal("3300"), "W"),),
    (Table("rows", "Rows", COLUMNS, ROWS),),
    ("a note",),
)


def test_csv_reads_back_and_holds_no_formula() -> None:
    octets = export.as_csv(REPORT)
    read = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"))))
    assert read[0][:3] == ["time", "1.0.1.8.0.255 [Wh]", "text"]
    assert read[1] == ["2026-11-23T18:00:00+00:00", "230.1", "'=1+1", "7", "true", ""]
    assert read[3] == ["", "-0.5", "-5", "9", "", ""]


def test_json_keeps_every_digit() -> None:
    told = json.loads(export.as_json(REPORT), parse_float=Decimal)
    assert told["rows"][0]["1.0.1.8.0.255"] == Decimal("230.1") and told["limit"] == 3300
    assert told["units"] == {"limit": "W", "rows.1.0.1.8.0.255": "Wh"}
    assert json.loads(export.one_line(REPORT))["rows"][1]["text"] == ROWS[1][2]


def test_parquet_has_types(tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    export.export(REPORT, path)
    with duckdb.connect() as database:
        read = database.execute("FROM read_parquet(?)", [str(path)])
        assert read.description is not None
        types = {name: str(kind) for name, kind, *_ in read.description}
        rows = read.fetchall()
    assert rows[0][:4] == (AT.replace(tzinfo=None), 230.1, "=1+1", 7)
    assert rows[1][1] is None and rows[2][0] is None and [row[5] for row in rows] == [None] * 3
    assert types["whole"] == "BIGINT" and types["1.0.1.8.0.255"] == "DOUBLE"


def test_xml_is_well_formed_whatever_a_meter_says() -> None:
    root = ET.fromstring(export.as_xml(REPORT))
    space = {"r": export.NAMESPACE}
    assert root.get("meter") == "4711" and root.get("done") == "true"
    cells = [cell.text for cell in root.findall("r:table/r:row[2]/r:cell", space)]
    assert cells[2] == "bell\N{REPLACEMENT CHARACTER} <&> é"
    (column,) = root.findall("r:table/r:column[@unit='Wh']", space)
    assert column.get("name") == "1.0.1.8.0.255"
    assert [note.text for note in root.findall("r:note", space)] == ["a note"]


@pytest.mark.parametrize("ending", sorted(export.FORMATS))
def test_a_report_of_facts_alone_is_written_too(
    ending: str, probe: Probe, meter: Bench, tmp_path: Path
) -> None:
    path = tmp_path / f"report{ending}"
    result = probe("identify", "--port", meter.port, "--export", path)
    assert result.exit_code == 0 and str(path) in result.stderr
    octets = path.read_bytes()
    assert meter.number.encode() in octets or ending == ".parquet"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize("name, why", [("x.xls", "no such format"), ("no/x.csv", "no folder")])
def test_a_file_that_cannot_be_is_told_before_the_meter_is_asked(
    name: str, why: str, probe: Probe, tmp_path: Path
) -> None:
    result = probe("identify", "--port", NOBODY, "--export", tmp_path / name)
    assert result.exit_code == 2 and why in result.stderr


def test_a_profile_in_parquet(probe: Probe, meter: Bench, tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    told = probe.json("profile", "--port", meter.port, "--export", path, env=meter.password())
    with duckdb.connect() as database:
        count, least = database.execute(
            'SELECT count(*), min("1.0.1.8.0.255") FROM read_parquet(?)', [str(path)]
        ).fetchone() or (0, 0)
    assert count == len(told["rows"]) and least == told["rows"][0]["1.0.1.8.0.255"]
