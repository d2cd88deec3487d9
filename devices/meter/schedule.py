"""When something happens again and again by the meter's clock: every so often, daily, monthly.

Only the newest moments of a stretch are asked for, so a profile of forty days costs no more after
ten years than after one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from devices.meter.meter_clock import DAY_S, TimeRules
from devices.meter.timeline import Stretch, Timeline
from protocols.dlms.objects.row_status import RowStatus


class Schedule(Protocol):
    """Moments by the meter's clock."""

    def between(
        self, rules: TimeRules, begin: float, end: float, *, closed: bool, most: int
    ) -> Sequence[float]:
        """The newest `most` moments from `begin` until `end`, which counts only if `closed`."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Whole periods of local standard time."""

    period_s: int

    def between(
        self, rules: TimeRules, begin: float, end: float, *, closed: bool, most: int
    ) -> Sequence[float]:
        shift = 60 * rules.utc_offset_min
        first = math.ceil((begin + shift) / self.period_s)
        last = math.floor((end + shift) / self.period_s)
        if not closed and last * self.period_s - shift == end:
            last -= 1
        first = max(first, last + 1 - most)
        return range(
            first * self.period_s - shift, (last + 1) * self.period_s - shift, self.period_s
        )


@dataclass(frozen=True, slots=True)
class Daily:
    """Each midnight of local time."""

    def between(
        self, rules: TimeRules, begin: float, end: float, *, closed: bool, most: int
    ) -> Sequence[float]:
        last = rules.local_date(end)
        first = max(rules.local_date(max(begin, end - (most + 1) * DAY_S)), date(1970, 1, 2))
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return _within(map(rules.midnight, days), begin, end, closed)[-most:]


@dataclass(frozen=True, slots=True)
class Monthly:
    """Midnight of local time at the begin of one day in each month."""

    day: int = 1

    def between(
        self, rules: TimeRules, begin: float, end: float, *, closed: bool, most: int
    ) -> Sequence[float]:
        last = rules.local_date(end)
        newest = last.year * 12 + last.month - 1
        oldest = rules.local_date(max(begin, DAY_S))
        first = max(newest - most, oldest.year * 12 + oldest.month - 1)
        days = (date(n // 12, n % 12 + 1, self.day) for n in range(first, newest + 1))
        return _within(map(rules.midnight, days), begin, end, closed)[-most:]


@dataclass(frozen=True, slots=True)
class Never:
    """Only when somebody asks."""

    def between(
        self, rules: TimeRules, begin: float, end: float, *, closed: bool, most: int
    ) -> Sequence[float]:
        return ()


def _within(moments: map[float], begin: float, end: float, closed: bool) -> list[float]:
    return [each for each in moments if begin <= each < end or (closed and each == end)]


@dataclass(frozen=True, slots=True)
class Segment:
    """Moments within one stretch of the meter's time, oldest first."""

    stretch: Stretch
    times: Sequence[float]
    flags: RowStatus
    """What marks the first of them."""

    def status(self, place: int) -> RowStatus:
        """What a row captured at one of the moments is worth."""
        piece = self.stretch.piece
        status = RowStatus.OK if place else self.flags
        if status & (RowStatus.POWER_DOWN | RowStatus.CLOCK_ADJUSTED):
            status |= RowStatus.DATA_NOT_VALID  # its period was cut short
        if not piece.valid:
            status |= RowStatus.CLOCK_INVALID | RowStatus.DATA_NOT_VALID
        if piece.rules.daylight_saving(self.times[place]):
            status |= RowStatus.DAYLIGHT_SAVING
        return status

    def places(self, first: float, last: float) -> range:
        """Those between two moments of the meter's clock, both included."""
        return range(bisect_left(self.times, first), bisect_right(self.times, last))


def segments(
    timeline: Timeline,
    schedule: Schedule,
    *,
    after: float,
    until: float,
    most: int,
    besides: Sequence[float] = (),
) -> list[Segment]:
    """The newest `most` moments between two moments of the world, as segments, oldest first.

    `besides` are moments of the world at which somebody asked for one more.
    """
    found: list[Segment] = []
    for stretch in timeline.stretches(after, until):
        if not stretch.piece.powered:
            continue
        times = schedule.between(
            stretch.piece.rules,
            stretch.meter_begin,
            stretch.meter_end,
            closed=stretch.last,
            most=most,
        )
        if besides:
            asked = (
                stretch.piece.meter_time(each)
                for each in besides
                if stretch.begin <= each < stretch.end or (stretch.last and each == stretch.end)
            )
            times = sorted((*times, *asked))[-most:]
        whole = stretch.begin == stretch.piece.begin
        found.append(Segment(stretch, times, stretch.piece.cause if whole else RowStatus.OK))
        most -= len(times)
        if most <= 0:
            break
    return _carried(found[::-1])


def _carried(found: list[Segment]) -> list[Segment]:
    """What happened in a stretch too short for a row marks the next row."""
    kept: list[Segment] = []
    flags = RowStatus.OK
    for segment in found:
        flags |= segment.flags
        if segment.times:
            kept.append(Segment(segment.stretch, segment.times, flags))
            flags = RowStatus.OK
    return kept
