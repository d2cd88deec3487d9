"""The ledger of completeness out of what is stored: registry, meters' lives, and pages of rows.

Counts come from the pages' own; rows are read only where a day was not served whole, or is still
under way, where a day has no more than one row, and where gaps or times of arrival are asked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from headend.domain.interval import Row, RowQuality, Span
from headend.domain.ledger import Curve, Entry, Gap, first_rows, gaps, joined_gaps, periods, served
from headend.domain.life_cycle import LifeLine
from headend.domain.meter import Meter
from headend.domain.place import PlaceKind
from headend.domain.utility_day import DAY_S, days, period_of, span_of
from headend.domain.validation import ValidatedDay
from headend.store.collected import DAY
from headend.store.collected_queries import layout
from headend.store.life import LIFE
from headend.store.meter_filter import AT_ONCE, MeterFilter, meters
from headend.store.places import INSTALLATION, PLACE
from headend.store.retention_schema import past_days
from headend.store.validated import VALIDATED

__all__ = [
    "ChannelHeld",
    "MeterFilter",
    "Wanted",
    "channels",
    "curve",
    "ledger",
    "ledger_of",
    "missing",
    "rows_of",
    "validated",
    "zones_of",
]

_d, _l, _i, _p = DAY.table.c, LIFE.table.c, INSTALLATION.table.c, past_days.c
_place = PLACE.table.c
_CLOCK_CLASS = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the ledger is asked for.  `zone` is the utility's, whose days they are.

    `period_s` is the capture period of meters of which nothing has come yet; the others' pages tell
    theirs.  What has ended by `now` is due.
    """

    profile: str
    first: date
    last: date
    zone: ZoneInfo
    now: datetime
    period_s: int = 900
    which: MeterFilter = MeterFilter()

    @property
    def spans(self) -> dict[date, Span]:
        """Begin and end of each day."""
        return {day: span_of(day, self.zone) for day in days(self.first, self.last)}


@dataclass(frozen=True, slots=True)
class ChannelHeld:
    """How much of one column of a profile is here of a meter and day."""

    name: str  # logical name
    attribute: int
    due: int
    received: int  # intervals in which it has a value


def ledger(connection: Connection, wanted: Wanted, after: str = "") -> Iterator[Entry]:
    """The entries of all meters that are asked for, by meter and day; those of which nothing came
    are among them, and those of which nothing is expected.  `after` begins behind a meter."""
    for group in _groups(connection, wanted.which, after):
        yield from ledger_of(connection, wanted, group)


def ledger_of(
    connection: Connection,
    wanted: Wanted,
    group: Sequence[Meter],
    since: Mapping[str, date] | None = None,
) -> Iterator[Entry]:
    """The entries of some meters, so many as a question can name; `since` tells from which day on
    they are wanted of each."""
    spans, names = wanted.spans, [meter.name for meter in group]
    lives, counts = _lives(connection, names), _counts(connection, wanted, names)
    known = _periods(connection, wanted, names)
    for meter in group:
        life, period_s = lives[meter.name], known.get(meter.name, wanted.period_s)
        begin = wanted.first if since is None else since[meter.name]
        for day, span in spans.items():
            if day < begin:
                continue
            held = counts.get((meter.name, day), _NOTHING)
            mine = served(meter, life, span)
            yield _entry(connection, wanted, meter, day, span, mine, held, period_s)


@dataclass(frozen=True, slots=True)
class _Held:
    """A page's counts, or those that are left of it (`past`)."""

    expected: int = 0
    received: int = 0
    late: int = 0
    changed: int = 0
    past: bool = False

    def or_more(self, other: _Held) -> _Held:
        """Of a past day of which rows came since: nobody knows which of them had come before."""
        received = max(self.received, other.received)
        late, changed = max(self.late, other.late), max(self.changed, other.changed)
        return _Held(self.expected, received, late, changed, past=True)


_NOTHING = _Held()


def _entry(
    connection: Connection,
    wanted: Wanted,
    meter: Meter,
    day: date,
    span: Span,
    mine: Sequence[Span],
    held: _Held,
    period_s: int,
) -> Entry:
    if held.expected != 1:
        period_s = period_of(span, held.expected) or period_s
    ends = tuple(periods(mine, span, period_s, wanted.zone, wanted.now.timestamp()))
    entry = Entry(
        meter.name,
        meter.concentrator,
        wanted.profile,
        day,
        period_s,
        expected=sum(map(len, periods(mine, span, period_s, wanted.zone))),
        due=sum(map(len, ends)),
        received=held.received,
        late=held.late,
        changed=held.changed,
        ends=ends,
        past=held.past,
    )
    if held.past:
        return replace(entry, received=min(held.received, entry.due))
    counted = held.expected > 1 and held.received <= held.expected == entry.due
    if held.received and not counted:
        return _recounted(entry, rows_of(connection, entry))
    return entry


def _recounted(entry: Entry, rows: Sequence[Row]) -> Entry:
    """Counts of what fills the intervals that are due, and of nothing else."""
    first = list(first_rows(rows, entry.ends))
    changed = sum(
        bool(row.quality & RowQuality.CHANGED) and any(row.at in ends for ends in entry.ends)
        for row in rows
    )
    late = sum(bool(row.quality & RowQuality.LATE) for row in first)
    return replace(entry, received=len(first), late=late, changed=changed)


def missing(connection: Connection, wanted: Wanted, after: str = "") -> Iterator[Gap]:
    """What has ended and is not here, by meter and time, of those behind `after`; of past days
    nobody knows."""
    found = (
        gap
        for entry in ledger(connection, wanted, after)
        if entry.missing and not entry.past
        for gap in gaps(entry, rows_of(connection, entry) if entry.received else ())
    )
    return joined_gaps(found)


def missing_after(connection: Connection, wanted: Wanted, place: tuple[str, int]) -> Iterator[Gap]:
    """Likewise, behind the gap of this meter that began at this time."""
    meter, begin = place
    if wanted.which.meter in (None, meter):
        rest = replace(wanted, which=replace(wanted.which, meter=meter))
        yield from (gap for gap in missing(connection, rest) if gap.begin > begin)
    yield from missing(connection, wanted, meter)


def curve(connection: Connection, wanted: Wanted) -> Curve:
    """When the intervals that are expected of these days came; of past ones nobody knows."""
    expected, came = 0, Counter[int]()
    for entry in ledger(connection, wanted):
        if entry.past:
            continue
        expected += entry.expected
        if entry.received:
            rows = first_rows(rows_of(connection, entry), entry.ends)
            came.update(row.came for row in rows)
    return Curve.of(expected, came.items())


def channels(connection: Connection, entry: Entry) -> list[ChannelHeld]:
    """Column by column, how much of an entry's day is here.  The clock is no channel."""
    here: dict[tuple[str, int], int] = {}
    columns = {}
    for row in first_rows(rows_of(connection, entry), entry.ends):
        if row.layout not in columns:
            columns[row.layout] = layout(connection, row.layout).columns
        for column, cell in zip(columns[row.layout], row.cells, strict=True):
            if column.class_id != _CLOCK_CLASS:
                key = column.name, column.attribute
                here[key] = here.get(key, 0) + (cell is not None)
    return [ChannelHeld(*key, entry.due, count) for key, count in here.items()]


def rows_of(connection: Connection, entry: Entry) -> Sequence[Row]:
    """All rows on an entry's page."""
    query = DAY.select().where(
        _d.meter == entry.meter, _d.profile == entry.profile, _d.day == entry.day
    )
    page = connection.execute(query).first()
    return () if page is None else DAY.read(page).rows


def zones_of(connection: Connection, names: Sequence[str], until: datetime) -> dict[str, str]:
    """By meter, the code of the zone in which it hung last before then."""
    found: dict[str, str] = {}
    for begin in range(0, len(names), AT_ONCE):
        found |= _zones(connection, names[begin : begin + AT_ONCE], until)
    return found


def _zones(connection: Connection, names: Sequence[str], until: datetime) -> dict[str, str]:
    climbing = (
        select(_i.meter, _i.since, _place.code, _place.kind, _place.parent)
        .join(PLACE.table, _place.code == _i.service_point)
        .where(_i.meter.in_(names), _i.since < until)
        .cte("climbing", recursive=True)
    )
    up = select(climbing.c.meter, climbing.c.since, _place.code, _place.kind, _place.parent)
    climbing = climbing.union(up.join(PLACE.table, _place.code == climbing.c.parent))
    here = climbing.c
    query = select(here.meter, here.code).where(here.kind == PlaceKind.ZONE).order_by(here.since)
    return {row[0]: row[1] for row in connection.execute(query)}


def _groups(connection: Connection, which: MeterFilter, after: str) -> Iterator[list[Meter]]:
    """The meters, so many at once as a question can name."""
    while group := meters(connection, which, after=after, limit=AT_ONCE):
        yield group
        after = group[-1].name


def _lives(connection: Connection, names: Sequence[str]) -> dict[str, list[LifeLine]]:
    query = LIFE.select().where(_l.meter.in_(names)).order_by(_l.meter, _l.line)
    found: dict[str, list[LifeLine]] = defaultdict(list)
    for row in connection.execute(query):
        line = LIFE.read(row)
        found[line.meter].append(line)
    return found


def _counts(
    connection: Connection, wanted: Wanted, names: Sequence[str]
) -> dict[tuple[str, date], _Held]:
    query = select(_d.meter, _d.day, _d.expected, _d.received, _d.late, _d.changed).where(
        _d.meter.in_(names),
        _d.profile == wanted.profile,
        _d.day.between(wanted.first, wanted.last),
    )
    found = {(row[0], row[1]): _Held(*row[2:]) for row in connection.execute(query)}
    past = select(_p.meter, _p.day, _p.expected, _p.received, _p.late, _p.changed).where(
        _p.meter.in_(names),
        _p.profile == wanted.profile,
        _p.day.between(wanted.first, wanted.last),
    )
    for meter, day, *counts in connection.execute(past):
        left = _Held(*counts)
        found[meter, day] = left.or_more(found.get((meter, day), left))
    return found


def _periods(connection: Connection, wanted: Wanted, names: Sequence[str]) -> dict[str, int]:
    """The capture period of each meter of which a page is here, by its newest."""
    newest = (
        select(_d.meter, func.max(_d.day).label("day"))
        .where(_d.meter.in_(names), _d.profile == wanted.profile, _d.expected > 0)
        .group_by(_d.meter)
        .subquery()
    )
    query = (
        select(_d.meter, _d.day, _d.expected)
        .where(_d.profile == wanted.profile)
        .join(newest, (newest.c.meter == _d.meter) & (newest.c.day == _d.day))
    )
    found, told = {}, {}
    for meter, day, expected in connection.execute(query).all():
        period_s = period_of(span_of(day, wanted.zone), expected)
        if period_s == DAY_S:  # or a month, which only the meter can tell
            number = _row_on(connection, meter, wanted.profile, day).layout
            if number not in told:
                told[number] = layout(connection, number).period_s
            period_s = told[number]
        found[meter] = period_s
    return found


def _row_on(connection: Connection, meter: str, profile: str, day: date) -> Row:
    """The newest of the rows on a page."""
    query = DAY.select().where(_d.meter == meter, _d.profile == profile, _d.day == day)
    return DAY.read(connection.execute(query).one()).rows[-1]


def validated(connection: Connection, wanted: Wanted) -> Iterator[ValidatedDay]:
    """The days that were looked at and in which something was found odd, or estimated."""
    table = VALIDATED.table.c
    for group in _groups(connection, wanted.which, ""):
        query = (
            VALIDATED.select()
            .where(
                table.meter.in_([meter.name for meter in group]),
                table.profile == wanted.profile,
                table.day.between(wanted.first, wanted.last),
            )
            .order_by(table.meter, table.day)
        )
        for row in connection.execute(query):
            day = VALIDATED.read(row)
            if day.findings or day.estimates:
                yield day
