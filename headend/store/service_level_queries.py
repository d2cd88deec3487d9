"""Service levels out of what is stored: measured, day by day, and what was measured before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from headend.domain.interval import Span
from headend.domain.ledger import served
from headend.domain.life_cycle import LifeLine
from headend.domain.service_level import (
    By,
    Count,
    Goal,
    Measure,
    Measured,
    ServiceLevels,
    apart,
    grouped,
)
from headend.domain.utility_day import days, span_of
from headend.store import schema
from headend.store.collected_schema import interval_days
from headend.store.image_schema import meter_firmware
from headend.store.ledger_queries import zones_of
from headend.store.life import LIFE
from headend.store.meter_filter import AT_ONCE
from headend.store.rows import METER
from headend.store.service_level_items import OfDay, counted
from headend.store.service_level_signs import heard, newest_change
from headend.store.service_levels import MEASURED

_m, _d, _s, _l = schema.meters.c, interval_days.c, MEASURED.table.c, LIFE.table.c
_f = meter_firmware.c
OVERLAP = timedelta(minutes=10)
"""A transaction may end after one that began later: what came shortly before is looked at again."""
ORDERS_WAIT_S = 86_400
"""So long after it was accepted an order's time may begin, or its deadline be."""
_OF_ORDERS = (Measure.ORDERS, Measure.OUTCOMES)


def measured(
    connection: Connection, levels: ServiceLevels, day: date, zone: ZoneInfo, now: datetime
) -> list[Measured]:
    """All counts of one day, in every way of grouping; of a level of which there is nothing, one
    row of noughts, which says that somebody has looked."""
    of = OfDay(day, zone, now)
    silent = _silent(connection, levels, of)
    counts = [
        (goal, level.within_s, count)
        for goal in levels.goals
        for level, count in zip(goal.levels, counted(connection, goal, of), strict=True)
    ]
    devices = sorted({device for _, _, count in counts for device in count})
    groups = _groups(connection, devices, of.end)
    found = []
    for goal, within_s, count in counts:
        totals = grouped(apart(count, silent), groups) or {(By.ALL, ""): Count()}
        found += [_row(of, goal, within_s, *key, total) for key, total in sorted(totals.items())]
    return found


def _row(of: OfDay, goal: Goal, within_s: int, by: By, name: str, total: Count) -> Measured:
    return Measured(
        of.day, goal.name, within_s, by, name,
        total.items, total.judged, total.met, total.apart, total.silent, goal.measured, of.now,
    )  # fmt: skip


# --- who is counted where ---


def _groups(
    connection: Connection, devices: Sequence[str], until: datetime
) -> dict[str, dict[By, str]]:
    """The groups of meters and concentrators: as the registry is now, zones as they were then."""
    found: dict[str, dict[By, str]] = {}
    for begin in range(0, len(devices), AT_ONCE):
        names = devices[begin : begin + AT_ONCE]
        query = (
            select(_m.name, _m.concentrator, _m.recorded_phase, _f.version)
            .outerjoin(meter_firmware, _f.meter == _m.name)
            .where(_m.name.in_(names))
        )
        for name, concentrator, phase, version in connection.execute(query):
            found[name] = {
                By.CONCENTRATOR: concentrator or "",
                By.PHASE: phase or "",
                By.FIRMWARE: version or "",
            }
        known = schema.concentrators.c.name
        for name in connection.execute(select(known).where(known.in_(names))).scalars():
            found.setdefault(name, {By.CONCENTRATOR: name})
    for name, zone in zones_of(connection, devices, until).items():
        found.setdefault(name, {})[By.ZONE] = zone
    return found


def _silent(connection: Connection, levels: ServiceLevels, of: OfDay) -> frozenset[str]:
    """Meters that were ours to read for so long, and of which nothing came in all that time.  One
    whose life nobody keeps is not excused: nobody knows since when it should have spoken."""
    today = select(_d.meter).where(
        _d.profile.in_(_profiles(levels)), _d.day == of.day, _d.received > 0
    )
    end = round(of.end.timestamp())
    window = Span(end - levels.silent_s, end)
    quiet = (
        METER.select().where(_m.name.not_in(today), _m.name.in_(select(_l.meter))).order_by(_m.name)
    )
    meters = [METER.read(row) for row in connection.execute(quiet)]
    found: set[str] = set()
    for begin in range(0, len(meters), AT_ONCE):
        group = meters[begin : begin + AT_ONCE]
        lives: dict[str, list[LifeLine]] = defaultdict(list)
        query = LIFE.select().where(_l.meter.in_([each.name for each in group]))
        for row in connection.execute(query.order_by(_l.meter, _l.line)):
            line = LIFE.read(row)
            lives[line.meter].append(line)
        ours = {
            each.name
            for each in group
            if served(each, lives[each.name], window) == (window,)
            and lives[each.name][0].at.timestamp() <= window.begin
        }
        found |= ours - heard(connection, ours, of, levels.silent_s)
    return frozenset(found)


def _profiles(levels: ServiceLevels) -> list[str]:
    """Those that goals are about; where none is, the load profile tells who is silent."""
    return sorted(
        {each.profile for each in levels.goals if each.measures is Measure.INTERVALS}
        or {levels.goals[0].profile}
    )


# --- what was measured, and what is to be ---


def measured_days(
    connection: Connection, first: date, last: date, by: By = By.ALL
) -> list[Measured]:
    """What was measured of some days: all together, and by groups."""
    query = MEASURED.select().where(_s.day.between(first, last), _s.by.in_({By.ALL, by}))
    order = (_s.day, _s.goal, _s.within_s, _s.by, _s.name)
    return [MEASURED.read(row) for row in connection.execute(query.order_by(*order))]


def days_to_measure(
    connection: Connection,
    levels: ServiceLevels,
    first: date,
    last: date,
    zone: ZoneInfo,
    now: datetime,
) -> Iterator[date]:
    """Of some days those whose counts may be other ones by now: never measured, or for other goals;
    whatever had its time since; and where something came since."""
    wanted = {
        (goal.name, level.within_s, goal.measured) for goal in levels.goals for level in goal.levels
    }
    query = (
        select(_s.day, _s.goal, _s.within_s, _s.measured, func.min(_s.at))
        .where(_s.day.between(first, last))
        .group_by(_s.day, _s.goal, _s.within_s, _s.measured)
    )
    known: dict[date, set[tuple[str, int, str]]] = defaultdict(set)
    looked: dict[date, datetime] = {}
    for day, goal, within_s, of, at in connection.execute(query):
        known[day].add((goal, within_s, of))
        looked[day] = min(at, looked.get(day, at))
    profiles = _profiles(levels)
    for day in days(first, last):
        if known[day] != wanted or _ripened(levels, day, zone, looked[day], now):
            yield day
            continue
        came = newest_change(connection, OfDay(day, zone, now), profiles)
        if came is not None and came > looked[day] - OVERLAP:
            yield day


def _ripened(
    levels: ServiceLevels, day: date, zone: ZoneInfo, looked: datetime, now: datetime
) -> bool:
    """Whether anything of a day has had its time since somebody looked."""
    span = span_of(day, zone)
    before, after = looked.timestamp(), now.timestamp()
    return any(
        before < span.end + level.within_s + ORDERS_WAIT_S * (goal.measures in _OF_ORDERS)
        and after > span.begin + level.within_s
        for goal in levels.goals
        for level in goal.levels
    )
