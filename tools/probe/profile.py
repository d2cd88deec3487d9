"""`ami probe profile`: rows of a load profile, their gaps and what they are worth, and a plot.

Long spans are read piece by piece: a bar shows how far it is, and where the line breaks in the
middle, what came before is kept and shown, with where to go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

import typer

from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import describe
from protocols.dlms.objects.profile import Profile
from protocols.dlms.procedures import (
    Entries,
    TimeRange,
    count_entries,
    read_clock,
    read_profile,
)
from protocols.dlms.procedures.wanted import words_of
from protocols.dlms.row_times import flaws_of
from protocols.dlms.services import AttributeDescriptor
from tools.probe import shown
from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.periods import span
from tools.probe.profile_rows import TIME, gaps_of, table_of
from tools.probe.progress import Bar, bar
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.talk import Stopped, Talk
from tools.probe.values import moment_of
from tools.probe.wanted import NotKnown, wanted
from tools.terminal import out, wrong_usage

ROWS_AT_ONCE = 96  # a day of quarter hours: some seconds over an optical probe
GAP_COLUMNS = (Column("after", "after"), Column("before", "before"), Column("missing", "rows"))


@verb("profile")
async def profile(
    desk: Desk,
    name: Annotated[
        str, typer.Argument(help="load-profile, daily-profile, or an OBIS code.")
    ] = "load-profile",
    since: Annotated[
        str, typer.Option("--from", help="First time, by the meter's clock: 2026-11-23T18:00.")
    ] = "",
    to: Annotated[str, typer.Option("--to", help="Last time; a day alone is meant whole.")] = "",
    last: Annotated[str, typer.Option("--last", help="Such as 12h, 7d.", show_default="1d")] = "",
    entries: Annotated[
        int, typer.Option("--entries", help="So many of the newest rows instead.", min=0)
    ] = 0,
    plot: Annotated[
        bool | None, typer.Option("--plot/--no-plot", help="Draw it.", show_default="on a terminal")
    ] = None,
) -> Report:
    """Read a profile, show its gaps and status, and plot it.

    Example: [bold]ami probe profile --last 7d --export week.parquet[/]
    """
    try:
        asked = wanted(name, desk.model())
    except NotKnown as error:
        wrong_usage(str(error))
    if entries and (since or to or last):
        wrong_usage("--entries and a span of time are two ways to say it. Try one of them")
    async with desk.talk() as talk:
        with bar("profile", silent=desk.quiet) as told:
            if entries:
                used, _ = await talk.do(count_entries(asked.name))
                parts: list[TimeRange | Entries] = list(
                    _pieces_of_entries(max(used - entries, 0) + 1, used)
                )
                about = f"the last {entries} rows"
            else:
                first, final = await _span(talk, since, to, last)
                parts = await pieces_of_time(talk, asked.name, first, final)
                about = f"{first:%Y-%m-%d %H:%M} to {final:%Y-%m-%d %H:%M}"
            read = await read_pieces(talk, asked.name, parts, told)
            travelled = told.all
    report = report_of(desk, asked.name, about, read)
    note = f"{travelled.apdus} blocks, {travelled.octets:,} octets"
    drawn = plot if plot is not None else out.is_terminal
    return replace(report, notes=(*report.notes, note), drawn=drawn)


@dataclass(frozen=True, slots=True)
class Read:
    """Rows, as far as they came; `stopped` is why no more did."""

    profile: Profile | None
    stopped: Stopped | None = None


async def _span(talk: Talk, since: str, to: str, last: str) -> tuple[datetime, datetime]:
    """What was asked for, by the meter's own clock."""
    return span(since, to, last, now=await wall_clock(talk), default="1d")


async def wall_clock(talk: Talk) -> datetime:
    """What the meter's own clock shows, without a zone; ours where it shows no date.

    Up to the next whole second, so that what happened in this one is not left out.
    """
    clock = await talk.do(read_clock())
    now = moment_of(replace(clock.time, deviation_min=None)) or talk.desk.now()
    return now.replace(tzinfo=None, microsecond=0) + timedelta(seconds=1)


async def pieces_of_time(
    talk: Talk, name: LogicalName, first: datetime, last: datetime
) -> list[TimeRange | Entries]:
    """The span in pieces of about as many rows as are read at once."""
    (period,) = await talk.get(AttributeDescriptor(7, name, 4))
    period_s = int(period) if isinstance(period, int) and 0 < int(period) <= 86_400 else 3600
    step = timedelta(seconds=period_s * ROWS_AT_ONCE)
    pieces: list[TimeRange | Entries] = []
    begin = first
    while begin <= last:
        end = min(begin + step - timedelta(seconds=1), last)
        pieces.append(TimeRange(DateTime.from_datetime(begin), DateTime.from_datetime(end)))
        begin = end + timedelta(seconds=1)
    return pieces


def _pieces_of_entries(first: int, last: int) -> Iterator[Entries]:
    for begin in range(first, last + 1, ROWS_AT_ONCE):
        yield Entries(begin, min(begin + ROWS_AT_ONCE - 1, last))


async def read_pieces(
    talk: Talk, name: LogicalName, parts: Sequence[TimeRange | Entries], told: Bar
) -> Read:
    """Piece after piece.  A meter that cannot select sends all at the first, and is asked once."""
    found: Profile | None = None
    for done, part in enumerate(parts):
        told.step(done, len(parts))
        try:
            piece = await talk.do(
                read_profile(name, part, with_units=found is None), told.travelled
            )
            if piece.whole_buffer and len(parts) > 1:
                everything = _joined(parts)
                piece = await talk.do(read_profile(name, everything), told.travelled)
                return Read(piece)
        except Stopped as stopped:
            if found is None or not found.rows:
                raise
            return Read(found, stopped)
        found = piece if found is None else _with(found, piece)
    told.step(len(parts), len(parts))
    return Read(found)


def _with(found: Profile, piece: Profile) -> Profile:
    return replace(found, rows=found.rows + piece.rows, flaws=found.flaws | piece.flaws)


def _joined(parts: Sequence[TimeRange | Entries]) -> TimeRange | Entries:
    first, last = parts[0], parts[-1]
    if isinstance(first, TimeRange) and isinstance(last, TimeRange):
        return TimeRange(first.first, last.last)
    assert isinstance(first, Entries) and isinstance(last, Entries)
    return Entries(first.first, last.last)


def report_of(desk: Desk, name: LogicalName, about: str, read: Read) -> Report:
    """Rows, gaps, and how it ended."""
    found = read.profile
    title = f"{describe(name, desk.language)} {name}: {about}"
    if found is None:
        return desk.report(title, tables=(Table("rows", "", (TIME,), ()),), journal={"rows": 0})
    table = table_of(found, desk)
    missing = gaps_of(found)
    rows = tuple((gap.after, gap.before, gap.missing) for gap in missing)
    spanish = desk.language == "es"
    every = "cada" if spanish else "every"
    period = f" {every} {found.capture_period_s} s" if found.capture_period_s else ""
    words = "{} filas{}, faltan {}" if spanish else "{} rows{}, {} missing"
    notes = [words.format(len(found.rows), period, sum(gap.missing for gap in missing))]
    odd = words_of(found.flaws | flaws_of(found.times()))
    facts = (Fact("quality", "dirty", ", ".join(odd), style="warn"),) if odd else ()
    if found.whole_buffer:
        notes.append("the meter cannot select: its whole buffer travelled")
    if read.stopped is not None:
        until = table.rows[-1][0]
        notes.append(f"read until {shown.cell_text(until)}: {read.stopped.failure}")
        notes.append("what came before is shown; go on from there with --from")
    tables = (table, Table("gaps", "Missing", GAP_COLUMNS, rows)) if rows else (table,)
    return desk.report(
        title,
        facts=facts,
        tables=tables,
        notes=tuple(notes),
        done=read.stopped is None,
        result="done" if read.stopped is None else "broken off",
        journal={"profile": str(name), "rows": len(found.rows), "missing": len(missing)},
    )
