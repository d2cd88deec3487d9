"""A profile's buffer for people: how many rows, of when, and what is odd about their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from protocols.dlms import tolerant
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.objects import shape
from protocols.dlms.objects.capture import read_capture_objects
from protocols.dlms.objects.profile import Row, clock_column, newest_first, rows_of
from protocols.dlms.row_times import DATE_TIME_SIZE, flaws_of, row_times, time_octets
from protocols.dlms.services import GetResult
from protocols.dlms.values import Value

LAYOUT_ATTRIBUTES = (3, 4, 5)  # capture_objects, capture_period, sort_method


@dataclass(frozen=True, slots=True)
class Layout:
    """What must be known of a profile to tell when its rows were captured."""

    clock: int | None = None  # the column of the clock
    period_s: int = 0
    newest_first: bool | None = False  # None: in no order of time


@dataclass(frozen=True, slots=True)
class RowsTold:
    """What a buffer holds."""

    text: str
    flaws: Flaw


def layout_of(attributes: Sequence[GetResult]) -> Layout | None:
    """From what the meter gave of `LAYOUT_ATTRIBUTES`; None where that says nothing."""
    if len(attributes) != len(LAYOUT_ATTRIBUTES):
        return None
    captured, period, sort = attributes
    if (
        isinstance(captured, DataAccessResult)
        or isinstance(period, DataAccessResult)
        or isinstance(sort, DataAccessResult)
    ):
        return None
    try:
        clock = clock_column(read_capture_objects(captured))
        period_s, method = shape.integer(period, "period"), shape.integer(sort, "sort_method")
    except shape.Misshapen:
        return None
    return Layout(clock, period_s, newest_first(method))


def told_rows(
    buffer: Value,
    layout: Layout | None = None,
    *,
    near: datetime | None = None,
    zone: tzinfo | None = None,
) -> RowsTold | None:
    """None for what is no buffer.  Without a layout, it is guessed from the rows themselves."""
    try:
        rows = rows_of(buffer)
    except shape.Misshapen:
        return None
    layout = layout or _guessed(rows)
    text = f"{len(rows)} rows"
    if layout.clock is None:
        return RowsTold(text, Flaw.NONE)
    times = row_times(
        [time_octets(row[layout.clock]) if layout.clock < len(row) else b"" for row in rows],
        layout.period_s,
        zone=zone,
        near=near,
        newest_first=layout.newest_first,
    )
    known = sorted((each for each in times if each.value is not None), key=_when)
    if known:
        text += f", {_shown(known[0])} to {_shown(known[-1])}"
    return RowsTold(text, flaws_of(times))


def _guessed(rows: Sequence[Row]) -> Layout:
    """The column that holds date-times; the newest row is the first or the last."""
    clock = next((at for at, cell in enumerate(rows[0]) if _is_time(cell)), None) if rows else None
    if clock is None:
        return Layout()
    octets = [time_octets(row[clock]) if clock < len(row) else b"" for row in rows]
    values = [each.value for each in row_times(octets, 0) if each.value is not None]
    return Layout(clock, newest_first=values[0] > values[-1])


def _is_time(cell: Value) -> bool:
    octets = time_octets(cell)
    return len(octets) == DATE_TIME_SIZE and tolerant.moment(octets).value is not None


def _when(told: Told[datetime | None]) -> datetime:
    assert told.value is not None
    return told.value


def _shown(told: Told[datetime | None]) -> str:
    """ISO 8601; without a deviation where the meter gives none and nothing else is known."""
    value = _when(told)
    local = Flaw.DEVIATION_DOUBTFUL in told.flaws
    return (value.replace(tzinfo=None) if local else value).isoformat()
