"""Curves of a table over its time, drawn with characters.

A register that only ever grows (energy) is drawn as what was added in each interval, per hour:
watt-hours become watts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.text import Text

from tools.probe.gaps import difference
from tools.probe.report import Cell, Table

CURVES_MAX = 4
TICKS_MAX = 8
TICK_HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336)
_PER_HOUR = {"Wh": "W", "varh": "var", "VAh": "VA", "kWh": "kW"}
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Curve:
    """Numbers over time; None where there is none."""

    label: str
    unit: str
    times: tuple[datetime, ...]
    numbers: tuple[float | None, ...]


def curves(table: Table) -> list[Curve]:
    """What can be drawn of a table whose first column is the time."""
    found = []
    for at, column in enumerate(table.columns):
        if not column.plotted:
            continue
        points = [(row[0], _number(row[at])) for row in table.rows if isinstance(row[0], datetime)]
        times = tuple(time for time, _ in points if isinstance(time, datetime))
        numbers = tuple(number for _, number in points)
        if column.unit in _PER_HOUR:
            numbers, unit = _rates(times, numbers), _PER_HOUR[column.unit]
        else:
            unit = column.unit
        if sum(number is not None for number in numbers) >= 2:
            found.append(Curve(column.label, unit, times, numbers))
    return [curve for curve in found if any(curve.numbers)] or found


def _number(cell: Cell) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
        return None
    return float(cell)


def _rates(times: Sequence[datetime], numbers: Sequence[float | None]) -> tuple[float | None, ...]:
    """What was added in each interval, per hour; nothing where the register fell."""
    rates: list[float | None] = [None]
    for at in range(1, len(times)):
        before, now = numbers[at - 1], numbers[at]
        apart = difference(times[at - 1], times[at])
        if before is None or now is None or now < before or apart <= timedelta(0):
            rates.append(None)
        else:
            rates.append((now - before) * (_HOUR / apart))
    return tuple(rates[: len(times)])


def plotted(table: Table, *, width: int, height: int) -> Text:
    """The first curves that share a unit, as text with colours."""
    import plotext

    plotext.clear_figure()
    plotext.limit_size(False, False)  # the size is ours, not the terminal's
    plotext.plot_size(width, height)
    draw(plotext, curves(table))
    drawn: Text = Text.from_ansi(plotext.build())
    return drawn


def draw(figure: Any, found: Sequence[Curve]) -> None:
    """Draw into a figure of plotext, or of the screen."""
    figure.theme("clear")
    alike = [curve for curve in found if curve.unit == found[0].unit][:CURVES_MAX] if found else []
    if not alike:
        figure.title("nothing to draw")
        return
    figure.date_form("Y-m-d H:M")
    every = list(alike[0].times)
    across = difference(every[0], every[-1])
    form = "%H:%M" if across <= timedelta(days=1, hours=1) else "%d.%m. %Hh"
    if across > TICKS_MAX * timedelta(hours=12):
        form = "%d.%m."  # every tick is a midnight
    for curve, colour in zip(alike, ("cyan+", "orange+", "green+", "magenta+"), strict=False):
        places = [difference(every[0], time).total_seconds() for time in curve.times]
        points = [
            (at, number)
            for at, number in zip(places, curve.numbers, strict=True)
            if number is not None
        ]
        figure.plot(
            [at for at, _ in points],
            [number for _, number in points],
            label=f"{curve.label} [{curve.unit}]",
            color=colour,
            marker="braille",
        )
    every_number = [number for curve in alike for number in curve.numbers if number is not None]
    low, high = min(every_number), max(every_number)
    room = (high - low) or abs(high) or 1.0
    figure.ylim(low - room * 0.05, high + room * 0.06 * (2 + len(alike)))  # above: the legend
    marks = list(_round_numbers(low, high))
    figure.yticks(marks, [f"{mark:,g}".replace(",", " ") for mark in marks])
    ticks = [difference(every[0], at).total_seconds() for at in round_times(every[0], across)]
    figure.xticks(ticks, [format(every[0] + timedelta(seconds=at), form) for at in ticks])


def round_times(first: datetime, across: timedelta) -> list[datetime]:
    """Round hours or midnights, eight at most; the two ends of a span that has too few."""
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in TICK_HOURS:
        step = timedelta(hours=hours)
        if across / step <= TICKS_MAX:
            begin = midnight + step * math.ceil((first - midnight) / step)
            count = math.floor((across - (begin - first)) / step) + 1
            if count >= 2:
                return [begin + step * at for at in range(count)]
    return [first, first + across]


def _round_numbers(low: float, high: float) -> Iterator[float]:
    """A handful of round numbers from low to high; where both are one, that one."""
    if high <= low:
        yield high
        return
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step
