"""Why a meter is not reading, out of all that was heard of it: the last days, hour by hour, and
what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from headend.domain.cause import REGISTRY, Cause, InSpanish
from headend.domain.collecting import TaskTable
from headend.domain.event import Event, IncidentKind
from headend.domain.interval import Row
from headend.domain.ledger import Entry, first_rows
from headend.domain.life_cycle import COMMISSIONED
from headend.domain.service_level import LOAD_PROFILE
from headend.domain.utility_day import span_of
from headend.domain.why import IN_TIME, DayHeld, HourHeld, Why
from headend.store import event_queries, registry_queries
from headend.store.collected import DAY
from headend.store.event_queries import EventFilter
from headend.store.ledger_queries import Wanted, ledger, rows_of
from headend.store.meter_filter import MeterFilter
from headend.store.meter_queries import meter_page
from headend.store.upkeep_queries import ConcentratorPage, hours_of_meter

DAYS_SHOWN = 7
EVENTS_SHOWN = 50
HOUR_S = 3600
INSTANT = timedelta(microseconds=1)
_PLACES = {"transformer": "transformador", "concentrator": "concentrador"}
POWER_DOWN, POWER_UP = "power-down", "power-up"
_INCIDENTS = {
    IncidentKind.OUTAGE: ("an outage", "un corte de suministro"),
    IncidentKind.PHASE_LOSS: ("a loss of a phase", "una pérdida de fase"),
}
_d = DAY.table.c


def why(
    connection: Connection,
    name: str,
    zone: ZoneInfo,
    now: datetime,
    *,
    days: int = DAYS_SHOWN,
    profile: str = LOAD_PROFILE,
) -> Why | None:
    """All that tells why a meter is not reading, as far as it was heard by `now`; None where the
    registry, which is as it is today, does not know it."""
    page = meter_page(connection, name, now)
    if page is None:
        return None
    today = now.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    wanted = Wanted(profile, first, today, zone, now, which=MeterFilter(meter=name))
    ripe, missing, held = 0, 0, []
    until = (now - IN_TIME).timestamp()
    for entry in ledger(connection, wanted):
        if entry.past:  # its hours are not known any more
            ripe, missing = ripe + entry.due, missing + entry.missing
            held.append(replace(_day(entry, set(), zone), hours=()))
            continue
        came = (row for row in rows_of(connection, entry) if row.came <= now.timestamp())
        rows = list(first_rows(came, entry.ends))
        here = {row.at for row in rows}
        old = [end for ends in entry.ends for end in ends if end <= until]
        ripe += len(old)
        missing += sum(end not in here for end in old)
        held.append(_day(entry, here, zone))
    since = datetime.fromtimestamp(span_of(first, zone).begin, UTC)
    kept = event_queries.events(
        connection, EventFilter(device=name, since=since, until=now + INSTANT), limit=EVENTS_SHOWN
    )
    events = [each.event for each in kept if each.event.received_at <= now]
    home = page.concentrator
    last_at = _last(connection, name, profile, now)
    lacks = missing > 0 or last_at is None
    causes = [
        *(each for each in page.causes if each.evidence == REGISTRY),
        *_of_incident(connection, events, now),
        *_of_supply(events),
        *(each for each in page.causes if each.evidence != REGISTRY),
        *(_of_collecting(home, profile, now) if lacks and home is not None else ()),
    ]
    return Why(
        page.meter, profile, now, tuple(held), ripe, missing, last_at, tuple(causes),
        tuple(page.orders),
        tuple(events),
        tuple(each for each in hours_of_meter(connection, name) if since <= each.hour <= now),
        tuple(() if home is None else home.sessions),
        *_to_come(connection, wanted, held),
    )  # fmt: skip


def _to_come(
    connection: Connection, wanted: Wanted, held: Sequence[DayHeld]
) -> tuple[datetime | None, datetime | None]:
    """Since when a meter is ours of which nothing is due yet, and when its first interval ends."""
    if any(day.due for day in held):
        return None, None
    tomorrow = wanted.last + timedelta(days=1)
    later = datetime.fromtimestamp(span_of(tomorrow, wanted.zone).end, UTC)
    until = replace(wanted, first=wanted.last, last=tomorrow, now=later)
    for entry in ledger(connection, until):
        for end in (end for ends in entry.ends for end in ends):
            return _ours_since(connection, wanted), datetime.fromtimestamp(end, UTC)
    return None, None


def _ours_since(connection: Connection, wanted: Wanted) -> datetime | None:
    """Since when; None where that is longer ago, or nobody keeps the meter's life."""
    name = wanted.which.meter
    assert name is not None
    found = registry_queries.meter_file(connection, name)
    if found is None:
        return None
    begun = (
        line.at
        for line in found.life
        if line.stage in COMMISSIONED and line.was not in COMMISSIONED and line.at <= wanted.now
    )
    return max(begun, default=None)


def _day(entry: Entry, here: set[int], zone: ZoneInfo) -> DayHeld:
    span = span_of(entry.day, zone)
    ends = [end for ends in entry.ends for end in ends]
    hours = []
    for begin in range(span.begin, span.end, HOUR_S):
        mine = [end for end in ends if begin < end <= begin + HOUR_S]
        hours.append(HourHeld(len(mine), sum(end in here for end in mine)))
    return DayHeld(
        entry.day,
        datetime.fromtimestamp(span.begin, UTC),
        entry.expected,
        entry.due,
        entry.received if entry.past else len(here),
        tuple(hours),
    )


def _last(connection: Connection, meter: str, profile: str, now: datetime) -> datetime | None:
    """The end of the newest interval that was here."""
    query = (
        DAY.select()
        .where(
            _d.meter == meter,
            _d.profile == profile,
            _d.received > 0,
            _d.day <= now.date() + timedelta(days=1),  # in whatever zone
        )
        .order_by(_d.day.desc())
    )
    by = now.timestamp()
    for found in connection.execute(query):
        rows: Sequence[Row] = DAY.read(found).rows
        if ends := [row.at for row in rows if row.came <= by]:
            return datetime.fromtimestamp(max(ends), UTC)
    return None


# --- what only the last days tell ---


def _of_incident(connection: Connection, events: Sequence[Event], now: datetime) -> Iterator[Cause]:
    """An outage that it is a part of, and that is not over."""
    for number in dict.fromkeys(each.incident for each in events if each.incident is not None):
        kept = event_queries.incident(connection, number)
        ended_at = None if kept is None else kept.incident.ended_at
        if kept is None or (ended_at is not None and ended_at <= now):
            continue
        incident = kept.incident
        kind, kind_es = _INCIDENTS[incident.kind]
        look = f"ami incident show {number}"
        yield Cause(
            f"it is part of {kind} at {incident.place} that is not over",
            f"incident {number}, {incident.members} meters",
            InSpanish(
                f"es parte de {kind_es} en {_in_spanish(incident.place)} que no ha terminado",
                f"incidente {number}, {incident.members} medidores",
                f"ver quién más: {look}",
            ),
            incident.began_at,
            f"see who else: {look}",
        )


def _in_spanish(place: str) -> str:
    kind, _, code = place.partition(" ")
    return f"{_PLACES.get(kind, kind)} {code}".rstrip()


def _of_supply(events: Sequence[Event]) -> Iterator[Cause]:
    """Its supply went, and it has not told that it came back."""
    last = next((each for each in events if each.name in (POWER_DOWN, POWER_UP)), None)
    if last is not None and last.name == POWER_DOWN:
        yield Cause(
            "its supply went, and it has not told that it came back",
            "its event",
            InSpanish(
                "se le cortó el suministro, y no ha dicho que volvió",
                "su evento",
                "ver si sus vecinos tienen suministro; si lo tienen, enviar a alguien",
            ),
            last.at,
            "see whether its neighbours have supply; if they do, send somebody",
        )


def _of_collecting(home: ConcentratorPage, profile: str, now: datetime) -> Iterator[Cause]:
    """Nobody collects it, or what is collected does not come up."""
    name, table = home.concentrator.name, home.task_table
    if table is None or not _collects(table, profile):
        yield Cause(
            f"{name} was not told to collect this profile",
            "its task table",
            InSpanish(
                f"a {name} no se le pidió recoger este perfil",
                "su tabla de tareas",
                "nombrarlo en la configuración, [[collection.task]]",
            ),
            next_step="name it in the configuration, [[collection.task]]",
        )
        return
    if not table.settled:
        yield Cause(
            f"{name} has not said that it has its task table",
            f"version {table.version}",
            InSpanish(
                f"{name} no ha dicho que tiene su tabla de tareas", f"versión {table.version}"
            ),
            table.made_at,
        )
    last = home.uploads[0] if home.uploads else None
    if last is None or last.received_at < now - IN_TIME:
        told = "never uploaded anything" if last is None else "has uploaded nothing for a day"
        told_es = "nunca subió nada" if last is None else "no ha subido nada en un día"
        look = f"ami explain concentrator {name}"
        yield Cause(
            f"{name} {told}",
            "its uploads",
            InSpanish(f"{name} {told_es}", "sus subidas", f"ver qué se sabe de él: {look}"),
            None if last is None else last.received_at,
            f"see what is known of it: {look}",
        )


def _collects(table: TaskTable, profile: str) -> bool:
    return any(each.name == profile for task in table.tasks for each in task.objects)
