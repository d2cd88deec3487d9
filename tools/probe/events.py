"""`ami probe events`: every log of the meter, its codes in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import describe
from protocols.dlms.objects.association import ListedObject
from protocols.dlms.objects.event_codes import event_words, is_event_code, is_event_log
from protocols.dlms.objects.profile import PROFILE_CLASS, Profile
from protocols.dlms.procedures import TimeRange, read_event_log
from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.periods import span
from tools.probe.profile import wall_clock
from tools.probe.progress import bar
from tools.probe.report import Cell, Column, Report, Table
from tools.probe.talk import Stopped, Talk
from tools.probe.values import cell_of, moment_of, text_of
from tools.probe.wanted import NotKnown, listed, wanted
from tools.terminal import wrong_usage

COLUMNS = (
    Column("time", "time"),
    Column("log", "log"),
    Column("code", "code"),
    Column("event", "event"),
    Column("more", "more"),
)
Row = tuple[Cell, ...]


@verb("events")
async def events(
    desk: Desk,
    logs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LOG]...", help="event-log or OBIS codes.  Without: every log."),
    ] = None,
    since: Annotated[str, typer.Option("--from", help="First time, by the meter's clock.")] = "",
    to: Annotated[str, typer.Option("--to", help="Last time.")] = "",
    last: Annotated[
        str, typer.Option("--last", help="Such as 7d.", show_default="everything there is")
    ] = "",
) -> Report:
    """Show what the meter has written down: power failures, tampering, switching, voltage.

    Example: [bold]ami probe events --last 30d --lang es[/]
    """
    model = desk.model()
    try:
        asked = [wanted(log, model) for log in logs or ()]
        async with desk.talk() as talk:
            with bar("event logs", silent=desk.quiet) as shown:
                objects = await talk.objects(shown.travelled)
                for each in asked:
                    listed(replace(each, class_id=PROFILE_CLASS), objects)
                names = [each.name for each in asked] or logs_of(objects)
                part = await _part(talk, since, to, last) if since or to or last else None
                rows, notes = await read_logs(talk, names, part, shown.step)
    except NotKnown as error:
        wrong_usage(str(error))
    return desk.report(
        "",
        tables=(Table("events", "", COLUMNS, rows),),
        notes=tuple(notes),
        journal={"logs": len(names), "events": len(rows)},
    )


def logs_of(objects: Iterable[ListedObject]) -> list[LogicalName]:
    """The event logs among these objects."""
    return [
        each.instance
        for each in objects
        if each.class_id == PROFILE_CLASS and is_event_log(each.instance) and each.readable(2)
    ]


async def _part(talk: Talk, since: str, to: str, last: str) -> TimeRange:
    first, final = span(since, to, last, now=await wall_clock(talk), default="1d")
    return TimeRange(DateTime.from_datetime(first), DateTime.from_datetime(final))


async def read_logs(
    talk: Talk,
    names: Sequence[LogicalName],
    part: TimeRange | None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[tuple[Row, ...], list[str]]:
    """Every event of these logs, newest last, and what could not be read."""
    rows: list[Row] = []
    notes = []
    for done, name in enumerate(names):
        step(done, len(names))
        try:
            found = await talk.do(read_event_log(name, part))
        except Stopped as stopped:
            if not str(stopped.failure.reason).startswith("refused"):
                raise
            notes.append(f"{describe(name, talk.desk.language)}: {stopped.failure}")
            continue
        rows += _rows(found, name, talk)
    step(len(names), len(names))
    rows.sort(key=_when)
    return tuple(rows), notes


def _when(row: Row) -> str:
    """Rows without a time come first; meters of one log agree in their zone."""
    return row[0].isoformat() if isinstance(row[0], datetime) else ""


def _rows(found: Profile, name: LogicalName, talk: Talk) -> list[Row]:
    log = describe(name, talk.desk.language)
    clock = found.clock_column
    code_at = next(
        (at for at, column in enumerate(found.columns) if is_event_code(column.source.instance)),
        None,
    )
    rows: list[Row] = []
    for row in found.rows:
        code: Cell = None
        if code_at is not None and code_at < len(row):
            code = cell_of(row[code_at])
        words = event_words(code, talk.desk.language) if isinstance(code, int) else ""
        more = [
            f"{describe(column.source.instance, talk.desk.language)} {text_of(cell)}"
            for at, (column, cell) in enumerate(zip(found.columns, row, strict=False))
            if at not in (clock, code_at)
        ]
        rows.append((moment_of(found.time(row)), log, code, words, "; ".join(more)))
    return rows
