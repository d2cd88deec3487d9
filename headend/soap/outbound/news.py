"""What has come, in a subscriber's words: the values and events behind a stretch of changes.

Of a profile those values are told whose rows came with the change.  Energy of an interval is the
difference of two rows, so that a late row brings its own interval and the one behind it; what came
after a change is told by its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from headend.collection import series
from headend.collection.series import Rows
from headend.config.subscribers import ALL, Subscriber
from headend.domain.change import Arrived, Change, ChangeKind
from headend.domain.event import Event
from headend.domain.group import Group
from headend.soap.reading.events_told import names_of, severe
from headend.store import told_queries as queries
from headend.store.told_queries import Connection
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.meter_readings import Series
from protocols.cim.reading_type_table import QUANTITIES, Quantity, Taken, quantity
from protocols.concentrator.collecting import Layout

VALUES = "values"
"""What a change calls what arrived and is no profile's."""
SPAN_MAX = timedelta(days=31)
"""Of one change; a longer one is of a meter that was away for months, and is taken in parts."""


class BadSubscriber(ValueError):
    """It wants what there is not; the text says what."""


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscriber is told of.  `names` None: every event."""

    subscriber: Subscriber
    quantities: tuple[tuple[Quantity, str], ...]
    names: frozenset[str] | None
    group: Group


def interest(of: Subscriber) -> Interest:
    """Raises `BadSubscriber` for a reading type or an event type that we have not."""
    quantities: dict[str, tuple[Quantity, str]] = {}
    for text in of.readings:
        if text == ALL:
            quantities |= {row.code: (row, row.code) for row in QUANTITIES.values()}
            continue
        try:
            known = quantity(text)
        except ValueError:
            known = None
        if known is None:
            raise BadSubscriber(f"subscriber {of.name}: {text!r} is no reading type of ours")
        quantities[known.code] = (known, text.strip())
    names: frozenset[str] | None = None
    if ALL not in of.events:
        names, unknown = names_of(of.events)
        if unknown:
            raise BadSubscriber(f"subscriber {of.name}: {unknown[0]!r} is no event type of ours")
    group = Group(of.models, of.place, of.concentrators, of.meters)
    return Interest(of, tuple(quantities.values()), names, group)


@dataclass(frozen=True, slots=True)
class News:
    """What a stretch of changes brought, up to a position."""

    position: int
    series: tuple[Series, ...]
    events: tuple[Event, ...]


def news(
    connection: Connection,
    of: Interest,
    changes: Sequence[Change],
    layouts: Mapping[int, Layout],
    zone: ZoneInfo,
) -> News:
    """Raises `KeyError` for a layout that `layouts` does not have yet."""
    found = [*_arrivals(of, changes)]
    numbers = [c.number for c in changes if c.kind is ChangeKind.EVENT and c.what == "new"]
    events = queries.events_numbered(connection, [n for n in numbers if n is not None])
    events = [each for each in events if _wanted(of, each)] if of.subscriber.events else []
    if not of.group.everyone:
        named = {arrived.meter for arrived, _ in found} | {event.device for event in events}
        members = queries.of_group(connection, of.group, named)
        found = [each for each in found if each[0].meter in members]
        events = [each for each in events if each.device in members]
    told: list[Series] = []
    for arrived, at in found:
        told += _of(connection, of, arrived, at, layouts, zone)
    return News(changes[-1].position, tuple(told), tuple(events))


def _arrivals(of: Interest, changes: Iterable[Change]) -> Iterator[tuple[Arrived, datetime]]:
    profiles = {each.profile for each, _ in of.quantities}
    for change in changes:
        if change.kind is not ChangeKind.READINGS:
            continue
        for arrived in change.arrived:
            if (arrived.what if arrived.what != VALUES else "") in profiles:
                yield arrived, change.at


def _wanted(of: Interest, event: Event) -> bool:
    named = of.names is None or event.name in of.names
    return named and severe(event, of.subscriber.severity)


def _of(
    connection: Connection,
    of: Interest,
    arrived: Arrived,
    at: datetime,
    layouts: Mapping[int, Layout],
    zone: ZoneInfo,
) -> Iterator[Series]:
    if arrived.what == VALUES:
        yield from _registers(connection, of, arrived, at)
        return
    begin = arrived.first
    while begin <= arrived.last:
        part = replace(arrived, first=begin, last=min(arrived.last, begin + SPAN_MAX))
        yield from _rows(connection, of, part, at, layouts, zone)
        begin = part.last + timedelta(microseconds=1)


def _registers(
    connection: Connection, of: Interest, arrived: Arrived, at: datetime
) -> Iterator[Series]:
    wanted = [(each, code) for each, code in of.quantities if not each.profile]
    names = {each.name for each, _ in wanted}
    start = arrived.first - timedelta(microseconds=1)
    read = queries.registers_of(connection, [arrived.meter], names, start, arrived.last)
    came = [each for each in read.get(arrived.meter, ()) if each.received_at == at]
    for each, code in wanted:
        values = series.of_registers(each, came)
        if values:
            yield Series(reading_type=code, values=tuple(values), meter=MeterRef(arrived.meter))


def _rows(
    connection: Connection,
    of: Interest,
    arrived: Arrived,
    at: datetime,
    layouts: Mapping[int, Layout],
    zone: ZoneInfo,
) -> Iterator[Series]:
    day = timedelta(days=1)
    first = arrived.first.astimezone(zone).date() - 2 * day
    last = arrived.last.astimezone(zone).date() + 2 * day
    pages, _ = queries.days_of(connection, [arrived.meter], [arrived.what], first, last)
    came = int(at.timestamp())
    begin, end = round(arrived.first.timestamp()), round(arrived.last.timestamp())
    known = [
        replace(page, rows=tuple(row for row in page.rows if row.came <= came))
        for page in pages.get((arrived.meter, arrived.what), ())
    ]
    fresh = {
        row.at for page in known for row in page.rows if row.came == came and begin <= row.at <= end
    }
    rows = Rows(known, (), layouts, estimates=False)
    for each, code in of.quantities:
        if each.profile != arrived.what:
            continue
        reach = series.period_s(each) + 3600 if each.taken is Taken.DIFFERENCE else 0
        values = series.of_profile(each, rows, begin - 1, end + reach) or []
        if each.taken is Taken.DIFFERENCE:
            ends = _ends(rows, each, fresh)
            values = [value for value in values if round(value.at.timestamp()) in ends]
        else:
            values = [value for value in values if round(value.at.timestamp()) in fresh]
        if values:
            yield Series(reading_type=code, values=tuple(values), meter=MeterRef(arrived.meter))


def _ends(rows: Rows, of: Quantity, fresh: set[int]) -> set[int]:
    """The ends of the intervals that begin or end with a row that is new."""
    channel = rows.channel(of.name, series.period_s(of))
    times = [] if channel is None else [at for at, _, _ in channel.points]
    return {
        end for begin, end in zip(times, times[1:], strict=False) if begin in fresh or end in fresh
    }


def by_meter(found: Iterable[Series]) -> list[Series]:
    """The same, a meter's series together."""
    of: dict[str, list[Series]] = defaultdict(list)
    for one in found:
        of[one.meter.value if one.meter else ""].append(one)
    return [one for every in of.values() for one in every]
