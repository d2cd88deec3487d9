"""The ledger of completeness: what is expected of each meter, profile and day, and what is here.

Expected is what a meter could have recorded while it was ours to read: from the moment at which it
proved what it is until it was taken down, but not while it was blocked.  It is so whether anything
ever came of it or not.  An interval counts where all of it lies in that time: of a meter exchanged
at 12:07 those up to 12:00, of the one that follows it those from its commissioning on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from itertools import accumulate

from headend.domain.interval import Row, RowQuality, Span
from headend.domain.life_cycle import COMMISSIONED, LifeLine, stage_of
from headend.domain.meter import Meter
from headend.domain.utility_day import ends_in

_NOT_COUNTED = int(RowQuality.CHANGED | RowQuality.OFF_PERIOD)


@dataclass(frozen=True, slots=True)
class Entry:
    """One meter, profile and day.

    `expected` counts the intervals of the whole day, `due` those of them that have ended by now,
    `received` those that are here; `late` and `changed` are of these.  Of a day that is `past` the
    rows have outlived their span: the counts are all that is left, and nobody looks for the rest.
    """

    meter: str
    concentrator: str | None
    profile: str
    day: date
    period_s: int
    expected: int
    due: int
    received: int
    late: int = 0
    changed: int = 0
    ends: tuple[range, ...] = field(default=(), repr=False)  # of the intervals that are due
    past: bool = False

    @property
    def missing(self) -> int:
        """Intervals that have ended and are not here."""
        return max(0, self.due - self.received)

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def silent(self) -> bool:
        """Whether nothing has come although something should."""
        return bool(self.due) and not self.received


@dataclass(frozen=True, slots=True)
class Summary:
    """Entries taken together under a name.  `share` is None where nothing is due."""

    name: str
    meters: int
    complete: int  # meters
    silent: int  # meters
    expected: int
    due: int
    received: int  # of those due
    late: int
    changed: int

    @property
    def share(self) -> float | None:
        return self.received / self.due if self.due else None


@dataclass(frozen=True, slots=True)
class Gap:
    """Intervals of one meter and profile that are not here: those that end after `begin`, up to and
    with `end`, POSIX seconds."""

    meter: str
    concentrator: str | None
    profile: str
    begin: int
    end: int
    intervals: int


@dataclass(frozen=True, slots=True)
class Curve:
    """When a day's intervals came.  `arrivals` are (POSIX seconds, how many are here since)."""

    expected: int
    arrivals: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, expected: int, came: Iterable[tuple[int, int]]) -> Curve:
        """`came` tells how many came when, in any order."""
        ordered = sorted(came)
        totals = accumulate(count for _, count in ordered)
        here = {at: total for (at, _), total in zip(ordered, totals, strict=True)}
        return cls(expected, tuple(here.items()))

    def share_at(self, at: float) -> float | None:
        """How much of the day was here by then; None of a day of which nothing is expected."""
        if not self.expected:
            return None
        place = bisect_right(self.arrivals, at, key=lambda each: each[0])
        return self.arrivals[place - 1][1] / self.expected if place else 0.0

    def reached(self, share: float) -> int | None:
        """When so much of the day was here; None where it is not yet."""
        if not self.expected:
            return None
        return next((at for at, here in self.arrivals if here >= share * self.expected), None)


def served(meter: Meter, lines: Sequence[LifeLine], within: Span) -> tuple[Span, ...]:
    """The parts of a time in which a meter was ours to read.

    `lines` are all of its life, in the order in which they were written.  Where nobody keeps its
    life, it was as it stands now; and so it is since the last line.
    """
    first = stage_of(meter) if not lines else lines[0].was
    reads, since, latest = first in COMMISSIONED, within.begin, within.begin
    found: list[Span] = []
    for number, line in enumerate(lines, 1):
        # A step may be told later than it was taken; none is before the one it follows.
        latest = min(max(latest, round(line.at.timestamp())), within.end)
        after = line.stage if number < len(lines) else stage_of(meter)
        if (after in COMMISSIONED) is reads:
            continue
        if reads and latest > since:
            found.append(Span(since, latest))
        reads, since = not reads, latest
    if reads and within.end > since:
        found.append(Span(since, within.end))
    return _joined(found)


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans that touch, as one: a meter that is taken down and hung up in the same second."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].end == span.begin:
            found[-1] = Span(found[-1].begin, span.end)
        else:
            found.append(span)
    return tuple(found)


def periods(
    spans: Iterable[Span], day: Span, period_s: int, zone: tzinfo, until: float | None = None
) -> list[range]:
    """The ends of the capture periods of a day that lie within spans of it as a whole, each range
    with their length as its step; with `until`, only those that have ended by then.

    One that began before the day is this day's, as it ends in it; a meter that is ours at midnight
    is taken to have been so when it began.
    """
    ends, found = ends_in(day, period_s, zone), []
    for span in spans:
        last = span.end if until is None else min(span.end, int(until))
        first = 0
        if span.begin != day.begin:
            first = bisect_left(ends, span.begin + ends.step)
        mine = ends[first : bisect_right(ends, last)]
        if mine:
            found.append(mine)
    return found


def first_rows(rows: Iterable[Row], ends: Sequence[range]) -> Iterator[Row]:
    """The rows that fill the intervals ending then: of each interval the one that stands."""
    for row in rows:
        if not row.quality & _NOT_COUNTED and any(row.at in each for each in ends):
            yield row


def gaps(entry: Entry, rows: Iterable[Row]) -> Iterator[Gap]:
    """What of an entry's day has ended and is not here, in one piece where it lies together."""
    here = {row.at for row in rows if not row.quality & _NOT_COUNTED}
    found: Gap | None = None
    for at, length_s in ((at, ends.step) for ends in entry.ends for at in ends):
        if at in here:
            continue
        if found is not None and at - length_s != found.end:
            yield found
            found = None
        begin, count = (at - length_s, 0) if found is None else (found.begin, found.intervals)
        found = Gap(entry.meter, entry.concentrator, entry.profile, begin, at, count + 1)
    if found is not None:
        yield found


def joined_gaps(found: Iterable[Gap]) -> Iterator[Gap]:
    """Gaps of one meter that go on over midnight, as one; the gaps of each come in order."""
    last: Gap | None = None
    for gap in found:
        if last is not None and (last.meter, last.profile, last.end) == (
            gap.meter, gap.profile, gap.begin,
        ):  # fmt: skip
            last = Gap(
                gap.meter, gap.concentrator, gap.profile, last.begin, gap.end,
                last.intervals + gap.intervals,
            )  # fmt: skip
            continue
        if last is not None:
            yield last
        last = gap
    if last is not None:
        yield last


def summed(entries: Iterable[Entry], name: Callable[[Entry], str]) -> list[Summary]:
    """Entries under the names that they are given, by name.  A meter is complete, or silent, where
    it is so in all of its days of that name."""
    totals: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        if entry.expected:
            totals[name(entry)][entry.meter].append(entry)
    return [_summary(each, meters) for each, meters in sorted(totals.items())]


def _summary(name: str, meters: dict[str, list[Entry]]) -> Summary:
    entries = [entry for of_meter in meters.values() for entry in of_meter]
    return Summary(
        name,
        meters=len(meters),
        complete=sum(all(each.complete for each in of_meter) for of_meter in meters.values()),
        silent=sum(
            any(each.due for each in of_meter) and not any(each.received for each in of_meter)
            for of_meter in meters.values()
        ),
        expected=sum(each.expected for each in entries),
        due=sum(each.due for each in entries),
        received=sum(min(each.received, each.due) for each in entries),
        late=sum(each.late for each in entries),
        changed=sum(each.changed for each in entries),
    )
