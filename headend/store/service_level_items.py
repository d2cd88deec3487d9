"""What each goal counts on one day, out of what the head-end received: pages, orders, clocks,
events.  Nothing here is estimated, and nothing told by a simulation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, func, select

from headend.domain.interval import Row
from headend.domain.ledger import Entry, first_rows
from headend.domain.order import FINAL, SCHEDULED, Kind, State
from headend.domain.service_level import Count, Goal, Item, Measure, judged
from headend.domain.utility_day import span_of
from headend.store import schema
from headend.store.collected_schema import interval_days
from headend.store.event_schema import events
from headend.store.ledger_queries import Wanted, ledger
from headend.store.meter_clocks import meter_clocks
from headend.store.upkeep_schema import concentrator_clocks

AT_ONCE = 400  # meters whose pages are unpacked together
CLOCKS_DIFFER = timedelta(hours=1)
"""Between workers that number orders: an order's number and its time agree as far as this."""
_NOT_DONE_BY_US = (State.REJECTED, State.CANCELLED)
_o, _j, _e = schema.orders.c, schema.journal.c, events.c
_c, _r, _d, _k = concentrator_clocks.c, schema.readings.c, interval_days.c, meter_clocks.c

Counts = dict[str, Count]
"""By device."""


@dataclass(frozen=True, slots=True)
class OfDay:
    """A day of the utility's calendar, looked at at a time."""

    day: date
    zone: ZoneInfo
    now: datetime

    @property
    def begin(self) -> datetime:
        return datetime.fromtimestamp(span_of(self.day, self.zone).begin, UTC)

    @property
    def end(self) -> datetime:
        return datetime.fromtimestamp(span_of(self.day, self.zone).end, UTC)

    def holds(self, column: ColumnElement[datetime]) -> ColumnElement[bool]:
        return and_(column >= self.begin, column < self.end)


def counted(connection: Connection, goal: Goal, of: OfDay) -> list[Counts]:
    """The counts of a goal's levels, in their order."""
    if goal.measures is Measure.INTERVALS:
        return _intervals(connection, goal, of)
    items = list(_ITEMS[goal.measures](connection, goal, of))
    now = of.now.timestamp()
    return [judged(items, level.within_s, now) for level in goal.levels]


# --- intervals ---


def _intervals(connection: Connection, goal: Goal, of: OfDay) -> list[Counts]:
    """Intervals are counted page by page: as single things they would be millions."""
    wanted = Wanted(goal.profile, of.day, of.day, of.zone, of.now)
    entries = (entry for entry in ledger(connection, wanted) if entry.due)
    found: list[Counts] = [{} for _ in goal.levels]
    now = of.now.timestamp()
    while group := list(islice(entries, AT_ONCE)):
        pages = _pages(connection, goal.profile, of.day, group)
        for entry in group:
            rows = list(first_rows(pages.get(entry.meter, ()), entry.ends))
            for counts, level in zip(found, goal.levels, strict=True):
                counts[entry.meter] = _of_page(entry, rows, level.within_s, now)
    return found


def _of_page(entry: Entry, rows: list[Row], within_s: int, now: float) -> Count:
    ripe = now - within_s  # what ended by then has had its time
    return Count(
        entry.due,
        sum(1 for ends in entry.ends for end in ends if end <= ripe),
        sum(1 for row in rows if row.at <= ripe and row.came - row.at <= within_s),
    )


def _pages(
    connection: Connection, profile: str, day: date, entries: Iterable[Entry]
) -> dict[str, tuple[Row, ...]]:
    names = [entry.meter for entry in entries if entry.received]
    query = select(_d.meter, _d.rows).where(
        _d.profile == profile, _d.day == day, _d.meter.in_(names)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


# --- orders and reads ---


def _orders(connection: Connection, goal: Goal, of: OfDay) -> Iterator[Item]:
    yield from _done(connection, of, _o.kind.in_(goal.kinds))


def _reads(connection: Connection, goal: Goal, of: OfDay) -> Iterator[Item]:
    yield from _done(connection, of, and_(_o.kind == Kind.READ, _o.priority < SCHEDULED))


def _done(connection: Connection, of: OfDay, which: ColumnElement[bool]) -> Iterator[Item]:
    """Orders that the field has to answer for: what was rejected or cancelled is not among them."""
    query = select(_o.meter, _o.accepted_at, _o.ready_at, _o.state, _o.ended_at).where(
        accepted_in(connection, of), which, _o.state.not_in(_NOT_DONE_BY_US)
    )
    for meter, accepted_at, ready_at, state, ended_at in connection.execute(query):
        since = max(accepted_at, ready_at)
        took_s = (ended_at - since).total_seconds() if state is State.DONE else None
        yield Item(meter, since.timestamp(), took_s)


def _outcomes(connection: Connection, goal: Goal, of: OfDay) -> Iterator[Item]:
    ends = (
        select(_j.order, func.count().label("ends"))
        .where(_j.state.in_(sorted(FINAL)), _numbered_in(connection, of, _j.order))
        .group_by(_j.order)
        .subquery()
    )
    query = (
        select(_o.meter, _o.deadline, _o.ended_at, ends.c.ends)
        .outerjoin(ends, ends.c.order == _o.number)
        .where(accepted_in(connection, of), _o.kind.in_(goal.kinds))
    )
    for meter, deadline, ended_at, count in connection.execute(query):
        took_s = None
        if count == 1 and ended_at is not None:
            took_s = max(0.0, (ended_at - deadline).total_seconds())
        yield Item(meter, deadline.timestamp(), took_s)


def accepted_in(connection: Connection, of: OfDay) -> ColumnElement[bool]:
    return and_(_numbered_in(connection, of, _o.number), of.holds(_o.accepted_at))


def _numbered_in(
    connection: Connection, of: OfDay, column: ColumnElement[int]
) -> ColumnElement[bool]:
    """The numbers that a day's orders have, and some more: times of acceptance have no index."""
    first = _first_number(connection, of.begin - CLOCKS_DIFFER)
    return and_(column >= first, column < _first_number(connection, of.end + CLOCKS_DIFFER))


def _first_number(connection: Connection, at: datetime) -> int:
    """The first number of those accepted since, as numbers grow with time; found by halving."""
    low, high = 0, (connection.execute(select(func.max(_o.number))).scalar_one() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        query = select(_o.accepted_at).where(_o.number >= middle).order_by(_o.number).limit(1)
        found = connection.execute(query).scalar_one_or_none()
        if found is None or found >= at:
            high = middle
        else:
            low = middle + 1
    return low


# --- clocks ---


def _clocks(connection: Connection, goal: Goal, of: OfDay) -> Iterator[Item]:
    """Clocks that are looked after: of concentrators as they were found, but for the first look,
    as nobody had set it before; of meters as they were left, and as they were read since."""
    first = (
        select(_c.concentrator, func.min(_c.at).label("at")).group_by(_c.concentrator).subquery()
    )
    query = (
        select(_c.concentrator, _c.at, _c.offset_s)
        .join(first, first.c.concentrator == _c.concentrator)
        .where(of.holds(_c.at), _c.at > first.c.at)
    )
    for name, at, offset_s in connection.execute(query):
        yield Item(name, at.timestamp(), abs(offset_s))
    left = select(_k.meter, _k.at, func.coalesce(_k.after_s, _k.before_s)).where(of.holds(_k.at))
    for meter, at, off_s in connection.execute(left):
        if off_s is not None:
            yield Item(meter, at.timestamp(), abs(off_s))
    set_before = select(_k.meter).where(_k.meter == _r.meter, _k.at < _r.received_at)
    read = select(_r.meter, _r.received_at, _r.value).where(
        _r.word == "clock",
        _r.value.is_not(None),
        of.holds(_r.received_at),
        set_before.exists(),
    )
    for meter, received_at, value in connection.execute(read):
        shown = _moment(value)
        if shown is not None:
            off_s = abs((shown - received_at).total_seconds())
            yield Item(meter, received_at.timestamp(), off_s)


def _moment(text: str) -> datetime | None:
    """A clock that was read; None of one that tells no zone, or nothing that can be read."""
    try:
        shown = datetime.fromisoformat(text)
    except ValueError:
        return None
    return shown if shown.tzinfo else None


# --- alarms ---


def _alarms(connection: Connection, goal: Goal, of: OfDay) -> Iterator[Item]:
    severe = _e.severity.in_(goal.severity.and_above)
    query = select(_e.device, _e.at, _e.received_at).where(of.holds(_e.at), severe)
    for device, at, received_at in connection.execute(query):
        yield Item(device, at.timestamp(), (received_at - at).total_seconds())


_ITEMS = {
    Measure.ORDERS: _orders,
    Measure.OUTCOMES: _outcomes,
    Measure.READS: _reads,
    Measure.CLOCKS: _clocks,
    Measure.ALARMS: _alarms,
}
