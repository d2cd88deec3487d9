"""Rows of profiles and readings of registers as series of a quantity's values (IEC 61968-9).

What stands is what the meter gave first; of a missing interval the estimate, where there is one.
Energy of an interval is the difference of the register's two ends: without either there is none.
Counting is in whole numbers as the meter counts; only the text has a decimal point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from headend.domain.interval import IntervalDay, RowQuality
from headend.domain.reading import Reading
from headend.domain.validation import Check, ValidatedDay
from protocols.cim import quality_types as q
from protocols.cim.meter_readings import Value
from protocols.cim.reading_type_table import Quantity, Taken
from protocols.concentrator.collecting import Layout

QUARTER_S, DAY_S = 900, 86_400
_CHANGED, _OFF, _CLOCK = map(
    int, (RowQuality.CHANGED, RowQuality.OFF_PERIOD, RowQuality.CLOCK_DOUBTFUL)
)
_PERIOD_OF = {2: QUARTER_S, 7: 3600}
"""By measuringPeriod, how long an interval is."""
_QUALITY = {Check.SPIKE: q.OUTSIDE_RANGE}
_VALID, _ESTIMATED = (q.VALIDATED,), (q.ESTIMATED,)

Point = tuple[int, int, tuple[str, ...]]
"""When (POSIX seconds), the count, and its quality."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Points of one channel, and the power of ten of their counts."""

    points: tuple[Point, ...]
    power: int


def period_s(quantity: Quantity) -> int:
    """How long the intervals of a quantity are; 0 where it has none."""
    of = quantity.reading_type
    return DAY_S if of.macro_period == 11 else _PERIOD_OF.get(of.measuring_period, 0)


@dataclass(frozen=True, slots=True)
class Rows:
    """The days of one profile of one meter, by day.  `estimates` False leaves what nobody measured
    out."""

    days: Sequence[IntervalDay]
    looked: Sequence[ValidatedDay]
    layouts: Mapping[int, Layout]
    estimates: bool = True

    def channel(self, name: str, period: int) -> Scaled | None:
        """What stands of a channel; None where the profile has it not.  With a `period` only rows
        of a layout with that capture period count."""
        raw_at = {day.day: day.raw_at.timestamp() for day in self.looked}
        found: dict[int, tuple[int, tuple[str, ...]]] = {}
        power: int | None = None
        failed = self._failed(name)
        columns: dict[int, tuple[int, int] | None] = {}
        for day in self.days:
            seen_until = raw_at.get(day.day, 0.0)
            for row in day.rows:
                quality = row.quality
                if quality & _CHANGED or (period and quality & _OFF) or row.at in found:
                    continue
                number = row.layout
                if number not in columns:
                    columns[number] = _column(self.layouts[number], name, period)
                place = columns[number]
                if place is None:
                    continue
                count = row.cells[place[0]]
                if not isinstance(count, int):
                    continue
                if power is None:
                    power = place[1]
                elif place[1] != power:
                    count, power = _in_one(found, count, place[1], power)
                if row.came <= seen_until:
                    told = failed.get(row.at, _VALID)
                else:
                    told = ()
                if quality & _CLOCK:
                    told = (*told, q.CLOCK_DOUBTFUL)
                found[row.at] = (count, told)
        if power is None:
            return None
        if self.estimates:
            for looked in self.looked:
                for made in looked.estimates:
                    if made.channel == name and made.at not in found:
                        found[made.at] = (made.value, _ESTIMATED)
        return Scaled(tuple((at, *found[at]) for at in sorted(found)), power)

    def _failed(self, name: str) -> dict[int, tuple[str, ...]]:
        failed: dict[int, tuple[str, ...]] = {}
        for day in self.looked:
            for finding in day.findings:
                if finding.channel in ("", name):
                    code = _QUALITY.get(finding.check, q.SUSPECT)
                    failed[finding.at] = tuple(dict.fromkeys((*failed.get(finding.at, ()), code)))
        return failed


def of_profile(quantity: Quantity, rows: Rows, start: int, end: int) -> list[Value] | None:
    """A quantity's values after `start`, up to and with `end` (POSIX seconds); None where the
    meter's profile does not have it."""
    period = period_s(quantity)
    channel = rows.channel(quantity.name, period)
    if channel is None:
        return None
    points = channel.points
    if quantity.taken is Taken.DIFFERENCE:
        points = tuple(_differences(points, period))
    power = channel.power - quantity.reading_type.multiplier
    return [
        Value(at=datetime.fromtimestamp(at, UTC), value=text_of(count, power), qualities=told)
        for at, count, told in points
        if start < at <= end
    ]


def of_registers(quantity: Quantity, readings: Iterable[Reading]) -> list[Value]:
    """A register's values as it was read, by time; those that are no numbers left out."""
    power = quantity.reading_type.multiplier
    found = []
    for reading in readings:
        if reading.name != quantity.name or reading.attribute != 2 or reading.value is None:
            continue
        try:
            value = Decimal(reading.value)
        except InvalidOperation:
            continue
        if value.is_finite():
            found.append(Value(at=reading.at, value=format(value.scaleb(-power), "f")))
    return sorted(found, key=lambda value: value.at)


def text_of(count: int, power: int) -> str:
    """count times ten to the power, as decimal text with all its digits."""
    if power >= 0:
        return str(count * 10**power)
    digits = str(abs(count)).zfill(1 - power)
    return f"{'-' if count < 0 else ''}{digits[:power]}.{digits[power:]}"


def _differences(points: Sequence[Point], period: int) -> Iterable[Point]:
    """What a register gained over each interval of which both ends are known.  A day has 23, 24 or
    25 hours.  One that ran back tells nothing."""
    for (begin, before, first), (end, after, last) in zip(points, points[1:], strict=False):
        off = abs(end - begin - period)
        if off and (period < DAY_S or off > 3600):
            continue
        if after >= before:
            yield end, after - before, _worse(first, last)


def _worse(first: tuple[str, ...], last: tuple[str, ...]) -> tuple[str, ...]:
    """The quality of a difference: valid where both ends are, else what either is suspected of."""
    if first == last:
        return last
    both = dict.fromkeys((*last, *first))
    both.pop(q.VALIDATED, None)
    return tuple(both)


def _column(layout: Layout, name: str, period: int) -> tuple[int, int] | None:
    if period and layout.period_s != period:
        return None
    for place, column in enumerate(layout.columns):
        if column.name == name and column.attribute == 2 and not column.index:
            return None if column.scaler is None else (place, column.scaler)
    return None


def _in_one(
    found: dict[int, tuple[int, tuple[str, ...]]], count: int, power: int, known: int
) -> tuple[int, int]:
    """A count in the power of those that are here; they in its power, where that is the finer."""
    if power >= known:
        return count * 10 ** (power - known), known
    for at, (value, told) in found.items():
        found[at] = (value * 10 ** (known - power), told)
    return count, power
