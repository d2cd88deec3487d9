"""A report on the terminal, and failures in the reader's language."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from rich.table import Table as Rendered
from rich.text import Text

from headend.app.probe import REASONS, Failure, ReasonCode
from protocols.dlms.obis import Language
from tools.probe.report import Cell, Report
from tools.probe.values import shown_number
from tools.terminal import err, out, show

STYLES = {"good": "green", "bad": "bold red", "warn": "yellow", "": ""}
ROWS_MAX = 200  # of a table on a terminal; files and JSON have them all
_LONG = 60
DRAWN_WIDTH, DRAWN_HEIGHT = 100, 16


def show_report(report: Report) -> None:
    """Facts, tables, notes: results on stdout, notes on stderr."""
    if report.title:
        out.print(Text(report.title, style="bold"))
    if report.facts:
        table = Rendered(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim")
        table.add_column()
        for fact in report.facts:
            unit = f" {fact.unit}" if fact.unit else ""
            table.add_row(fact.label, Text(cell_text(fact.value) + unit, STYLES[fact.style]))
        show(table)
    for found in report.tables:
        _show_table(found.title, found.columns, found.rows)
    if report.drawn:
        from tools.probe.plots import plotted

        drawn = plotted(report.tables[0], width=min(out.width, DRAWN_WIDTH), height=DRAWN_HEIGHT)
        out.print(drawn, soft_wrap=True)
    for note in report.notes:
        err.print(Text(note, style="dim"), soft_wrap=True)


def _show_table(title: str, columns: tuple, rows: tuple) -> None:  # type: ignore[type-arg]
    table = Rendered(title=title or None, title_justify="left", title_style="bold", box=None,
                     header_style="dim", padding=(0, 2, 0, 0))  # fmt: skip
    for at, column in enumerate(columns):
        heading = f"{column.label} [{column.unit}]" if column.unit else column.label
        numbers = any(isinstance(row[at], int | Decimal) and not isinstance(row[at], bool)
                      for row in rows[:ROWS_MAX])  # fmt: skip
        table.add_column(Text(heading), justify="right" if numbers else "left", overflow="fold")
    for row in rows[-ROWS_MAX:] if out.is_terminal else rows:
        table.add_row(*(Text(_short(cell_text(cell))) for cell in row))
    show(table)
    if out.is_terminal and len(rows) > ROWS_MAX:
        err.print(f"the last {ROWS_MAX} of {len(rows)}; --export FILE has them all", style="dim")


def _short(text: str) -> str:
    if not out.is_terminal or len(text) <= 2 * _LONG:
        return text
    return text[: 2 * _LONG - 1] + "…"


def cell_text(cell: Cell) -> str:
    """One value, for people."""
    match cell:
        case None:
            return "-"
        case bool():
            return "yes" if cell else "no"
        case Decimal():
            return shown_number(cell)
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}" + (f" {cell:%z}" if cell.tzinfo else "")
    return str(cell)


def failure_text(failure: Failure, language: Language) -> str:
    """What happened and why, without the next step."""
    reason = REASONS[failure.reason]
    text = reason.spanish if language == "es" else reason.text
    if failure.reason is ReasonCode.CANCELLED:  # the table tells of the commercial system
        text = "sin confirmar" if language == "es" else "not confirmed"
    if failure.why:
        text += f": {failure.why}"
    if failure.acted:
        text += (
            "; se envió un comando y no se conoce su efecto"
            if language == "es"
            else "; a command was sent, its effect is not known"
        )
    return text
