"""A report's forms: CSV for programs, a spreadsheet, a page, and PDF.

Each gives the same octets for the same content: no clock is read, and the dates that the formats
want are the end of the report's period.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from headend.warehouse.content import Content, Figure, Kind, Language
from headend.warehouse.pdf import pdf
from headend.warehouse.words import told_word, words

NUMERIC = frozenset({"count", "number", "share"})
DIGITS = {"number": 3, "share": 6}
"""Behind the point, in CSV: what is divided has no end else.  A share of a million intervals still
tells one of them, a number of minutes its milliseconds."""
_XLSX = {"count": "#,##0", "number": "#,##0.0", "share": "0.00%", "time": "yyyy-mm-dd hh:mm",
         "day": "yyyy-mm-dd"}  # fmt: skip


def forms(content: Content) -> dict[str, bytes]:
    """All of them, by the name of the file."""
    tables = {
        f"{section.key}.csv": _csv(content, number)
        for number, (section, _) in enumerate(content.sections)
    }
    return {
        **tables,
        "report.html": page(content).encode(),
        "report.xlsx": _xlsx(content),
        "report.pdf": pdf(content, lambda kind, value: told(content, kind, value)),
    }


def told(content: Content, kind: Kind, value: Any) -> str:
    """A value as people read it, in the report's language and the utility's time."""
    if value is None:
        return "-"
    match kind:
        case "count":
            return _separated(f"{value:,}", content.language)
        case "number":
            return _separated(f"{value:,.1f}", content.language)
        case "share":
            # Never 100 % where something is missing.
            shown = min(value, 0.9999) if value < 1 else value
            return _separated(f"{shown * 100:.2f}", content.language) + " %"
        case "time":
            return f"{value.astimezone(ZoneInfo(content.zone)):%Y-%m-%d %H:%M}"
        case "day":
            return str(value.isoformat())
        case "word":
            return told_word(str(value), content.language)
        case _:
            return str(value)


def reached(figure: Figure, value: Any) -> bool | None:
    """Whether its goal is; None where it has none, or there is nothing to say."""
    return None if figure.least is None or value is None else bool(value >= figure.least)


def page(content: Content) -> str:
    """A page that needs nothing else."""
    return _page().render(
        c=content, w=words(content.language), t=content.words, told=told, reached=reached,
        numeric=NUMERIC,
    )  # fmt: skip


@cache
def _page() -> Template:
    pages = Environment(
        loader=PackageLoader("headend.warehouse", "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("report.html")


def _separated(text: str, language: Language) -> str:
    return text.translate(str.maketrans(",.", ".,")) if language == "es" else text


def _csv(content: Content, number: int) -> bytes:
    """Names of columns in their first line; times in UTC, numbers as programs write them."""
    section, rows = content.sections[number]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180, 2
    writer.writerow([column.name for column in section.columns])
    kinds = [column.kind for column in section.columns]
    writer.writerows([[_plain(*cell) for cell in zip(kinds, row, strict=True)] for row in rows])
    return text.getvalue().encode()


def _plain(kind: Kind, value: Any) -> Any:
    if kind in DIGITS and isinstance(value, (float, Decimal)):
        # As on the page: never all of it where something is missing.
        most = 1 - 10.0 ** -DIGITS[kind] if kind == "share" and value < 1 else value
        return round(float(min(value, most)), DIGITS[kind])
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value != "-":
        return "'" + value  # a spreadsheet would take it for a formula
    return "" if value is None else value


def _xlsx(content: Content) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(
        sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    ends = datetime.combine(content.period.last, time())
    book.set_properties({"title": content.words(content.definition.title), "created": ends})
    bold = book.add_format({"bold": True})
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    formats = {kind: book.add_format({"num_format": text}) for kind, text in _XLSX.items()}
    names = words(content.language)
    sheet = book.add_worksheet(names["summary"])
    sheet.set_column(0, 0, 42)
    sheet.set_column(1, 3, 16)
    sheet.write_string(0, 0, content.words(content.definition.title), bold)
    sheet.write_string(1, 0, f"{content.period.first} – {content.period.last}")
    sheet.write_string(2, 0, f"{names['data']} {content.data[:16]}")
    for place, name in enumerate(("figure", "value", "goal", "reached")):
        sheet.write_string(4, place, names[name], head)
    for row, (figure, value) in enumerate(content.figures, 5):
        sheet.write_string(row, 0, content.words(figure.label))
        _cell(sheet, row, 1, value, figure.kind, formats, content)
        _cell(sheet, row, 2, figure.least, figure.kind, formats, content)
        met = reached(figure, value)
        sheet.write_string(row, 3, "" if met is None else names["yes" if met else "no"])
    for section, rows in content.sections:
        sheet = book.add_worksheet(section.key[:31])
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(section.columns):
            sheet.set_column(place, place, 24 if column.kind in ("text", "word") else 16)
            sheet.write_string(0, place, content.words(column.label), head)
            for number, values in enumerate(rows, 1):
                _cell(sheet, number, place, values[place], column.kind, formats, content)
    book.close()
    return sink.getvalue()


def _cell(
    sheet: Any, row: int, place: int, value: Any, kind: Kind, formats: dict[str, Any], c: Content
) -> None:
    if value is None:
        return
    if kind in NUMERIC:
        sheet.write_number(row, place, value, formats[kind])
    elif isinstance(value, datetime):
        local = value.astimezone(ZoneInfo(c.zone)).replace(tzinfo=None)
        sheet.write_datetime(row, place, local, formats["time"])
    elif isinstance(value, date):
        midnight = datetime.combine(value, time())
        sheet.write_datetime(row, place, midnight, formats["day"])
    else:
        sheet.write_string(row, place, told(c, kind, value))
