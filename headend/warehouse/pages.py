"""Pages of profiles as rows of `readings` and `validated`: one row for a meter, time and channel.

Rows of one layout are turned on their side first, so that a channel of a day is one list; a day of
two thousand meters is more than a million values.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from headend.domain.interval import Row, RowQuality
from headend.domain.validation import Estimate, Finding
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms.objects.units import UNITS

_CLOCK_CLASS = 8
_NOT_STANDING = int(RowQuality.CHANGED | RowQuality.OFF_PERIOD)
_INT_MAX = 2**63
_MICROSECONDS = 1_000_000
_LATEST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


@dataclass(slots=True)
class Carried:
    """What came of a page: values by column, what was refused, and the source's own counts."""

    columns: dict[str, list[Any]]
    refused: list[tuple[str, str, int, str]] = field(default_factory=list)  # key, why, rows, what
    source: int = 0
    sums: Counter[str] = field(default_factory=Counter)  # of counts, by channel


@dataclass(frozen=True, slots=True)
class Looked:
    """What validation made of a day."""

    findings: tuple[Finding, ...]
    estimates: tuple[Estimate, ...]


READINGS = (
    "meter", "profile", "interval_end", "channel", "attribute", "raw", "scaler", "value", "unit",
    "text", "came_at", "quality",
)  # fmt: skip
VALIDATED = (
    "meter", "profile", "interval_end", "channel", "attribute", "raw", "scaler", "value", "unit",
    "origin", "method", "findings",
)  # fmt: skip


def readings(
    meter: str, profile: str, rows: Iterable[Row], layouts: Mapping[int, Layout]
) -> Carried:
    """Each value of each row that came.  A cell in which the meter gave none is no value."""
    carried = Carried({name: [] for name in READINGS})
    for layout, those in _channels(meter, profile, rows, layouts, carried):
        for place, column in enumerate(layout.columns):
            if column.class_id == _CLOCK_CLASS:
                continue
            cells = [(row, row.cells[place]) for row in those if row.cells[place] is not None]
            _values(carried, meter, profile, column, cells)
    return carried


def validated(
    meter: str,
    profile: str,
    rows: Iterable[Row],
    layouts: Mapping[int, Layout],
    looked: Looked,
) -> Carried:
    """Of each interval and channel the number that stands, and estimates where there is none."""
    standing = [row for row in rows if not row.quality & _NOT_STANDING]
    carried = Carried({name: [] for name in VALIDATED})
    failed: dict[tuple[int, str], list[str]] = defaultdict(list)
    for finding in looked.findings:
        failed[finding.at, finding.channel].append(finding.check.value)
    scales: dict[str, ColumnTold] = {}
    for layout, those in _channels(meter, profile, standing, layouts, carried):
        for place, column in enumerate(layout.columns):
            if column.class_id == _CLOCK_CLASS or column.attribute != 2 or column.index:
                continue
            scales[column.name] = column
            cells = [(row, row.cells[place]) for row in those if _is_number(row.cells[place])]
            _numbers(carried, meter, profile, column, cells)
            carried.columns["origin"] += ["measured"] * len(cells)
            carried.columns["method"] += [None] * len(cells)
            carried.columns["findings"] += [
                ",".join(sorted({*failed.get((row.at, column.name), ()),
                                 *failed.get((row.at, ""), ())}))
                for row, _ in cells
            ]  # fmt: skip
    for made in looked.estimates:
        column = scales.get(made.channel) or _told_elsewhere(made.channel, profile, layouts)
        cells = [(Row(made.at, 0, 0, 0, ()), made.value)]
        _numbers(carried, meter, profile, column, cells)
        carried.columns["origin"].append("estimated")
        carried.columns["method"].append(made.method.value)
        carried.columns["findings"].append("")
    return carried


def _channels(
    meter: str,
    profile: str,
    rows: Iterable[Row],
    layouts: Mapping[int, Layout],
    carried: Carried,
) -> Iterator[tuple[Layout, list[Row]]]:
    """Rows by their layout; those that fit none are refused."""
    by: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        layout = layouts.get(row.layout)
        why = None
        if layout is None:
            why = f"layout {row.layout} cannot be read"
        elif len(row.cells) != len(layout.columns):
            why = f"{len(row.cells)} values for {len(layout.columns)} columns"
        elif not 0 <= row.at < _LATEST or not 0 <= row.came < _LATEST:
            why = f"{row.at} is no time"
        if why is None:
            by[row.layout].append(row)
            continue
        values = max(1, sum(cell is not None for cell in row.cells))
        carried.source += values
        carried.refused.append((f"{meter} {profile} {row.at}", why, values, repr(row.cells)))
    for number in sorted(by):
        yield layouts[number], by[number]


def _values(
    carried: Carried,
    meter: str,
    profile: str,
    column: ColumnTold,
    cells: Sequence[tuple[Row, Any]],
) -> None:
    """A channel's values of a day, numbers or not."""
    taken = []
    for row, cell in cells:
        if (why := _why_not(cell)) is None:
            taken.append((row, cell))
        else:
            key = f"{meter} {profile} {row.at} {column.name}"
            carried.refused.append((key, why, 1, repr(cell)))
    carried.source += len(cells) - len(taken)
    _numbers(carried, meter, profile, column, taken)
    columns = carried.columns
    columns["text"] += [_text(cell) for _, cell in taken]
    columns["came_at"] += [row.came * _MICROSECONDS for row, _ in taken]
    columns["quality"] += [int(row.quality) for row, _ in taken]


def _numbers(
    carried: Carried,
    meter: str,
    profile: str,
    column: ColumnTold,
    cells: Sequence[tuple[Row, Any]],
) -> None:
    """What both tables have in common.  All cells are taken."""
    columns, many = carried.columns, len(cells)
    counts = [cell if isinstance(cell, int) else None for _, cell in cells]
    scaler, unit = column.scaler, _symbol(column.unit)
    columns["meter"] += [meter] * many
    columns["profile"] += [profile] * many
    columns["interval_end"] += [row.at * _MICROSECONDS for row, _ in cells]
    columns["channel"] += [column.name] * many
    columns["attribute"] += [column.attribute] * many
    columns["raw"] += counts
    columns["scaler"] += [scaler] * many
    columns["unit"] += [unit] * many
    columns["value"] += [_scaled(cell, scaler) for _, cell in cells]
    carried.source += many
    carried.sums[column.name] += sum(count for count in counts if count is not None)


def _told_elsewhere(name: str, profile: str, layouts: Mapping[int, Layout]) -> ColumnTold:
    """The column of a channel of which a day has nothing but estimates."""
    told = (
        column
        for _, layout in sorted(layouts.items(), reverse=True)
        if layout.profile == profile
        for column in layout.columns
        if column.name == name and column.attribute == 2
    )
    return next(told, ColumnTold(0, name, 2))


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and _why_not(cell) is None


def _why_not(cell: Any) -> str | None:
    """Why a cell is no value of the table; None where it is one."""
    if isinstance(cell, int):
        return None if -_INT_MAX <= cell < _INT_MAX else "a number of more than 64 bits"
    if isinstance(cell, float):
        return None if math.isfinite(cell) else "no finite number"
    return None if isinstance(cell, str | bytes) else f"a {type(cell).__name__}"


def _text(cell: Any) -> str | None:
    if isinstance(cell, bytes):
        return cell.hex()
    return cell if isinstance(cell, str) else None


def _scaled(cell: Any, scaler: int | None) -> float | None:
    """In the unit: the nearest number to the exact decimal, and not a product of roundings."""
    if not isinstance(cell, int | float):
        return None
    if not scaler:
        return float(cell)
    return float(cell * 10**scaler if scaler > 0 else cell / 10**-scaler)


@lru_cache(maxsize=256)
def _symbol(code: int | None) -> str | None:
    unit = None if code is None else UNITS.get(code)
    return None if unit is None else unit.symbol
