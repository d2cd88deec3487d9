"""Questions of many meters at once, for answers in pages: values, events, and who is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from headend.domain.event import Event
from headend.domain.group import Group
from headend.domain.interval import IntervalDay
from headend.domain.reading import Reading
from headend.domain.validation import ValidatedDay
from headend.store import collected_schema
from headend.store.collected import DAY
from headend.store.events import EVENT
from headend.store.group_queries import members
from headend.store.places import INSTALLATION, PLACE, hanging_in
from headend.store.readings import READING
from headend.store.rows import CONCENTRATOR, METER
from headend.store.schema import readings
from headend.store.validated import VALIDATED
from protocols.concentrator.collecting import Layout

__all__ = [
    "Connection",
    "Days",
    "Looks",
    "days_of",
    "events_numbered",
    "events_told",
    "known_meters",
    "layouts",
    "members_of",
    "meters_after",
    "meters_at",
    "of_group",
    "registers_of",
]

AT_ONCE = 500
"""Names in one statement."""
Days = dict[tuple[str, str], list[IntervalDay]]
"""By meter and profile."""
Looks = dict[tuple[str, str], list[ValidatedDay]]

_d, _v, _r, _m, _e = DAY.table.c, VALIDATED.table.c, readings.c, METER.table.c, EVENT.table.c
_i, _p, _l = INSTALLATION.table.c, PLACE.table.c, collected_schema.layouts.c


def known_meters(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of some names that are in the registry."""
    found: set[str] = set()
    for some in _some(names):
        found |= set(connection.execute(select(_m.name).where(_m.name.in_(some))).scalars())
    return found


def meters_at(connection: Connection, points: Collection[str]) -> dict[str, list[str]]:
    """The meters that hang at these service points now; nothing of a point nobody knows."""
    found: dict[str, list[str]] = {}
    for some in _some(points):
        query = (
            select(_p.code, _i.meter)
            .outerjoin(INSTALLATION.table, and_(_i.service_point == _p.code, _i.until.is_(None)))
            .where(_p.code.in_(some))
            .order_by(_p.code, _i.meter)
        )
        for code, meter in connection.execute(query):
            found.setdefault(code, [])
            if meter is not None:
                found[code].append(meter)
    return found


def members_of(connection: Connection, group: str) -> list[str] | None:
    """The meters that hang in a place, or behind a concentrator, of that name; None where there is
    neither."""
    wanted: ColumnElement[bool]
    if connection.execute(select(_p.code).where(_p.code == group)).first() is not None:
        wanted = _m.name.in_(hanging_in(group))
    else:
        concentrators = CONCENTRATOR.table.c
        named = select(concentrators.name).where(concentrators.name == group)
        if connection.execute(named).first() is None:
            return None
        wanted = _m.concentrator == group
    return list(connection.execute(select(_m.name).where(wanted).order_by(_m.name)).scalars())


def meters_after(connection: Connection, after: str, limit: int) -> list[str]:
    """Names of meters behind one, in order."""
    query = select(_m.name).where(_m.name > after).order_by(_m.name).limit(limit)
    return list(connection.execute(query).scalars())


def days_of(
    connection: Connection,
    meters: Collection[str],
    profiles: Collection[str],
    first: date,
    last: date,
) -> tuple[Days, Looks]:
    """The rows of some meters' profiles, and what came of looking at them, by day."""
    days: Days = defaultdict(list)
    looks: Looks = defaultdict(list)
    if not profiles:
        return days, looks
    for some in _some(meters):
        query = DAY.select().where(
            _d.meter.in_(some), _d.profile.in_(profiles), _d.day.between(first, last)
        )
        for row in connection.execute(query.order_by(_d.meter, _d.profile, _d.day)):
            page = DAY.read(row)
            days[page.meter, page.profile].append(page)
        query = VALIDATED.select().where(
            _v.meter.in_(some), _v.profile.in_(profiles), _v.day.between(first, last)
        )
        for row in connection.execute(query.order_by(_v.meter, _v.profile, _v.day)):
            look = VALIDATED.read(row)
            looks[look.meter, look.profile].append(look)
    return days, looks


def registers_of(
    connection: Connection,
    meters: Collection[str],
    names: Collection[str],
    start: datetime | None,
    end: datetime | None,
) -> dict[str, list[Reading]]:
    """What registers were read to show after `start`, up to and with `end`; with neither the
    newest value of each."""
    found: dict[str, list[Reading]] = defaultdict(list)
    if not names:
        return found
    for some in _some(meters):
        of_these = and_(
            _r.meter.in_(some), _r.name.in_(names), _r.attribute == 2, _r.value.is_not(None)
        )
        if start is None and end is None:
            place = func.row_number().over(
                partition_by=(_r.meter, _r.name), order_by=(_r.at.desc(), _r.line.desc())
            )
            ranked = select(*READING.columns, place.label("place")).where(of_these).subquery()
            query = select(*(ranked.c[name] for name in READING.names)).where(ranked.c.place == 1)
        else:
            query = READING.select().where(of_these).order_by(_r.at, _r.line)
            if start is not None:
                query = query.where(_r.at > start)
            if end is not None:
                query = query.where(_r.at <= end)
        for row in connection.execute(query):
            reading = READING.read(row)
            found[reading.meter].append(reading)
    return found


def layouts(connection: Connection) -> dict[int, Layout]:
    """Every layout by its number; there are few, and none ever changes."""
    return {row[0]: row[1] for row in connection.execute(select(_l.number, _l.layout))}


def events_told(
    connection: Connection,
    meters: Sequence[str] | None,
    names: Collection[str] | None,
    start: datetime | None,
    end: datetime | None,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[Event]:
    """Events after `start`, up to and with `end`, by their time; None restricts nothing.  `after`:
    behind the event of that time and number."""
    query = EVENT.select().order_by(_e.at, _e.number).limit(limit)
    if meters is not None:
        query = query.where(or_(*(_e.device.in_(some) for some in _some(meters))))
    if names is not None:
        query = query.where(_e.name.in_(names))
    if start is not None:
        query = query.where(_e.at > start)
    if end is not None:
        query = query.where(_e.at <= end)
    if after is not None:
        behind = or_(_e.at > after[0], and_(_e.at == after[0], _e.number > after[1]))
        query = query.where(_e.at >= after[0], behind)
    return [EVENT.read(row) for row in connection.execute(query)]


def events_numbered(connection: Connection, numbers: Collection[int]) -> list[Event]:
    """Those of some events that are still there, by number."""
    query = EVENT.select().where(_e.number.in_(sorted(numbers))).order_by(_e.number)
    return [EVENT.read(row) for row in connection.execute(query)] if numbers else []


def of_group(connection: Connection, group: Group, meters: Collection[str]) -> set[str]:
    """Those of some meters that are in a group now."""
    found: set[str] = set()
    for some in _some(meters):
        found |= {meter.name for meter in members(connection, group, among=some)}
    return found


def _some(names: Collection[str]) -> Iterator[list[str]]:
    every = sorted(set(names))
    for start in range(0, len(every), AT_ONCE):
        yield every[start : start + AT_ONCE]
