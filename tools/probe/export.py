"""A report as a file: CSV, Parquet, JSON or XML, by what its name ends in.

CSV and Parquet hold one table, the first; a report without one gives its facts as rows.  JSON and
XML hold everything.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

from tools.probe.report import Cell, Column, Report, Table

NAMESPACE = "urn:ami:probe:report:1"
_JSON = msgspec.json.Encoder(decimal_format="number")


class CannotExport(ValueError):
    """The file cannot be written; the text says what to do."""


def export(report: Report, path: Path) -> None:
    """Write the report; a file that is there is replaced as a whole.  Raises `CannotExport`."""
    write = check(path)
    octets = write(report)
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(octets)
        os.replace(fresh, path)
    except OSError as error:
        raise CannotExport(f"{path}: {error.strerror}") from error


def check(path: Path) -> Callable[[Report], bytes]:
    """How this file is written.  Raises `CannotExport` for an ending that nobody knows."""
    if (write := FORMATS.get(path.suffix.lower())) is None:
        known = ", ".join(sorted(FORMATS))
        raise CannotExport(f"{path}: no such format. Try a name that ends in {known}")
    if not path.absolute().parent.is_dir():
        raise CannotExport(f"{path}: there is no folder {path.parent}")
    return write


def as_json(report: Report) -> bytes:
    """Everything, indented."""
    return msgspec.json.format(_JSON.encode(report.as_json()), indent=2) + b"\n"


def one_line(report: Report) -> str:
    """Everything on one line."""
    return _JSON.encode(report.as_json()).decode()


def as_csv(report: Report) -> bytes:
    """The main table, units in its header.  UTF-8 with the mark that spreadsheets look for."""
    table, text = main_table(report), io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_heading(column) for column in table.columns])
    for row in table.rows:
        writer.writerow([_harmless(_text(cell)) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def as_parquet(report: Report) -> bytes:
    """The main table by DuckDB, which is handed columns and never asks the network."""
    import tempfile

    import duckdb

    table = main_table(report)
    columns = {
        column.name: _array([row[at] for row in table.rows])
        for at, column in enumerate(table.columns)
    }
    with tempfile.TemporaryDirectory(prefix="ami-probe-") as folder:
        path = Path(folder) / "report.parquet"
        settings: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        with duckdb.connect(config=settings) as database:
            database.register("report", columns)
            target = str(path).replace("'", "''")
            database.execute(f"COPY (FROM report) TO '{target}' (FORMAT parquet)")
        return path.read_bytes()


def as_xml(report: Report) -> bytes:
    """Everything, in our own namespace."""
    ET.register_namespace("", NAMESPACE)
    root = _element("report", action=report.action, at=_text(report.at))
    root.set("done", _text(report.done))
    if report.meter is not None:
        root.set("meter", report.meter)
    for fact in report.facts:
        given = {"name": fact.name, "label": fact.label} | (
            {"unit": fact.unit} if fact.unit else {}
        )
        _add(root, "fact", _text(fact.value), **given)
    for table in report.tables:
        branch = _add(root, "table", name=table.name, title=table.title)
        for column in table.columns:
            unit = {"unit": column.unit} if column.unit else {}
            _add(branch, "column", name=column.name, label=column.label, **unit)
        for row in table.rows:
            twig = _add(branch, "row")
            for cell in row:
                _add(twig, "cell", _text(cell))
    for note in report.notes:
        _add(root, "note", note)
    ET.indent(root)
    octets: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return octets + b"\n"


FORMATS: dict[str, Callable[[Report], bytes]] = {
    ".csv": as_csv,
    ".json": as_json,
    ".parquet": as_parquet,
    ".xml": as_xml,
}


def main_table(report: Report) -> Table:
    """The first table, or the facts as one."""
    if report.tables:
        return report.tables[0]
    columns = (Column("name", "name"), Column("value", "value"), Column("unit", "unit"))
    rows = tuple((fact.name, _text(fact.value), fact.unit) for fact in report.facts)
    return Table("facts", report.title, columns, rows)


def _heading(column: Column) -> str:
    return f"{column.name} [{column.unit}]" if column.unit else column.name


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case datetime():
            return cell.isoformat()
        case Decimal():
            return f"{cell:f}"
    return str(cell)


def _harmless(text: str) -> str:
    """A meter's text must not become a formula of whoever opens the file."""
    number = text.lstrip("+-").replace(".", "", 1).isdigit()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not number else text


def _array(cells: list[Cell]) -> Any:
    """A column for DuckDB: numbers as doubles or integers, moments in UTC, all else as text."""
    present = [cell for cell in cells if cell is not None]
    if present and all(isinstance(cell, datetime) for cell in present):
        return np.array([_moment(cell) for cell in cells], dtype="datetime64[us]")
    numbers = all(isinstance(c, int | float | Decimal) and not isinstance(c, bool) for c in present)
    if present and numbers:
        if len(present) == len(cells) and all(isinstance(cell, int) for cell in present):
            return np.array(cells, dtype=np.int64)
        return np.ma.masked_invalid(
            np.array([np.nan if c is None else float(c) for c in cells], dtype=np.float64)  # type: ignore[arg-type]
        )
    return np.array([None if cell is None else _text(cell) for cell in cells], dtype=object)


def _moment(cell: Cell) -> Any:
    if not isinstance(cell, datetime):
        return np.datetime64("NaT")
    aware = cell.astimezone(UTC).replace(tzinfo=None) if cell.tzinfo else cell
    return np.datetime64(aware, "us")


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(f"{{{NAMESPACE}}}{tag}", {k: _printable(v) for k, v in attributes.items()})


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = _element(tag, **attributes)
    child.text = None if text is None else _printable(text)
    parent.append(child)
    return child


def _printable(text: str) -> str:
    """XML knows no control characters; a meter's dirty text may hold them."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
                   for each in text)  # fmt: skip
