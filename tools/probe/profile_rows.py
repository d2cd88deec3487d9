"""A profile's rows as a table: engineering units, status in words, and what is odd about them."""

from __future__ import annotations

from datetime import UTC, datetime

from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.obis import describe
from protocols.dlms.objects.profile import Profile, Row
from protocols.dlms.objects.row_status import is_status, status_text
from protocols.dlms.procedures.wanted import words_of
from protocols.dlms.row_times import flaws_of
from tools.probe.desk import Desk
from tools.probe.gaps import Gap, gaps
from tools.probe.report import Cell, Column, Table
from tools.probe.values import cell_of, date_time_text

TIME = Column("time", "time")
ODD_COLUMNS = (Column("quality", "dirty"), Column("time_octets", "time as it came"))


def gaps_of(found: Profile) -> list[Gap]:
    """Rows that are missing between others, wherever those stand."""
    times = [local for told in found.times() if (local := wall(told)) is not None]
    times.sort(key=lambda time: time if time.tzinfo else time.replace(tzinfo=UTC))
    return list(gaps(times, found.capture_period_s))


def wall(told: Told[datetime | None]) -> datetime | None:
    """A row's time; without a zone where the meter gives none."""
    if told.value is None or Flaw.DEVIATION_DOUBTFUL not in told.flaws:
        return told.value
    return told.value.replace(tzinfo=None)


def table_of(found: Profile, desk: Desk) -> Table:
    """The rows in engineering units, their status in words."""
    clock = found.clock_column
    columns: list[Column] = [TIME]
    for at, column in enumerate(found.columns):
        if at == clock:
            continue
        source = column.source
        key = str(source.instance)
        if source.attribute != 2:
            key += f"/{source.attribute}"
        if source.data_index:
            key += f"[{source.data_index}]"
        status = source.class_id == 1 and is_status(source.instance)
        label = "status" if status else describe(source.instance, desk.language)
        unit = "" if column.scale is None else column.scale.symbol
        columns.append(Column(key, label, unit, plotted=column.scale is not None))
    times = found.times()
    odd = clock is not None and bool(flaws_of(times))
    if odd:
        columns += ODD_COLUMNS
    rows = tuple(
        (*_row(found, row, told, clock, desk), *(_oddities(told) if odd else ()))
        for row, told in zip(found.rows, times, strict=True)
    )
    return Table("rows", "", tuple(columns), rows)


def _oddities(told: Told[datetime | None]) -> tuple[Cell, Cell]:
    """What is odd about a row's time, and the octets that it came in."""
    words = words_of(flaws_of([told]))
    return (", ".join(words), told.raw.hex().upper()) if words else (None, None)


def _row(
    found: Profile,
    row: Row,
    told: Told[datetime | None],
    clock: int | None,
    desk: Desk,
) -> tuple[Cell, ...]:
    time = found.time(row)
    cells: list[Cell] = [wall(told) or (None if time is None else date_time_text(time))]
    quantities = found.quantities(row)
    for at, (column, cell, quantity) in enumerate(
        zip(found.columns, row, quantities, strict=False)
    ):
        if at == clock:
            continue
        if quantity is not None:
            cells.append(quantity.number)
        elif column.source.class_id == 1 and is_status(column.source.instance):
            words = status_text(int(cell), desk.language) if isinstance(cell, int) else None
            cells.append(cell_of(cell) if words is None else words)
        else:
            cells.append(cell_of(cell))
    cells += [None] * (len(found.columns) - len(cells) + (clock is None))
    return tuple(cells)
