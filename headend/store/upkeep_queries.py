"""Questions about how concentrators fare, for pages, commands and stories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from headend.domain.collecting import TaskTable, UploadTaken
from headend.domain.discovery import Discovery
from headend.domain.evidence import Evidence
from headend.domain.firmware import FirmwareUpdate
from headend.domain.meter import Concentrator
from headend.domain.upkeep import ClockMeasured, HourHeard, KnownState, SessionChange
from headend.store import collected_queries as collected
from headend.store import schema
from headend.store.rows import CONCENTRATOR, EVIDENCE
from headend.store.upkeep import CLOCK, DISCOVERY, HOUR, SESSION, STATE, UPDATE

_states, _clocks, _hours = STATE.table.c, CLOCK.table.c, HOUR.table.c
_updates = UPDATE.table.c
_sessions, _evidence, _found = SESSION.table.c, EVIDENCE.table.c, DISCOVERY.table.c


def state_of(connection: Connection, concentrator: str) -> KnownState | None:
    """A concentrator's last word on itself."""
    row = connection.execute(STATE.select().where(_states.concentrator == concentrator)).first()
    return None if row is None else STATE.read(row)


def clocks_of(
    connection: Connection, concentrator: str, *, limit: int = 100
) -> list[ClockMeasured]:
    """How its clock stood, the latest first."""
    query = CLOCK.select().where(_clocks.concentrator == concentrator)
    rows = connection.execute(query.order_by(_clocks.at.desc()).limit(limit))
    return [CLOCK.read(row) for row in rows]


def availability_of(connection: Connection, concentrator: str) -> dict[str, tuple[int, int]]:
    """By meter: keep-alives heard, and asked for, over all hours that are known."""
    query = (
        select(_hours.meter, func.sum(_hours.heard), func.sum(_hours.asked))
        .where(_hours.concentrator == concentrator)
        .group_by(_hours.meter)
        .order_by(_hours.meter)
    )
    return {meter: (int(heard), int(asked)) for meter, heard, asked in connection.execute(query)}


def hours_of_meter(connection: Connection, meter: str) -> list[HourHeard]:
    """A meter's hours, the earliest first."""
    query = HOUR.select().where(_hours.meter == meter).order_by(_hours.hour)
    return [HOUR.read(row) for row in connection.execute(query)]


def sessions_of(
    connection: Connection, concentrator: str, *, limit: int = 50, until: datetime | None = None
) -> list[SessionChange]:
    """When it came on line and went off it, the latest first; with `until` up to then."""
    query = SESSION.select().where(_sessions.concentrator == concentrator)
    if until is not None:
        query = query.where(_sessions.at <= until)
    rows = connection.execute(query.order_by(_sessions.at.desc()).limit(limit))
    return [SESSION.read(row) for row in rows]


def concentrators_heard(connection: Connection) -> dict[str, bool]:
    """Whether each concentrator that was ever heard of is on line."""
    latest = (
        select(_sessions.concentrator, func.max(_sessions.at).label("at"))
        .group_by(_sessions.concentrator)
        .subquery()
    )
    query = select(_sessions.concentrator, _sessions.online).join(
        latest,
        (latest.c.concentrator == _sessions.concentrator) & (latest.c.at == _sessions.at),
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def discoveries(
    connection: Connection, concentrator: str | None = None, *, meter: str | None = None
) -> list[Discovery]:
    """What concentrators found on their lines, the latest first; what one found, or one meter."""
    query = DISCOVERY.select().order_by(_found.at.desc(), _found.concentrator, _found.module)
    if concentrator is not None:
        query = query.where(_found.concentrator == concentrator)
    if meter is not None:
        query = query.where(_found.meter == meter)
    return [DISCOVERY.read(row) for row in connection.execute(query)]


def updates_of(connection: Connection, concentrator: str) -> list[FirmwareUpdate]:
    """Firmware that somebody wanted a concentrator to have, the latest first; without octets."""
    query = UPDATE.select().where(_updates.concentrator == concentrator)
    rows = connection.execute(query.order_by(_updates.made_at.desc()))
    return [replace(UPDATE.read(row), octets=b"") for row in rows]


@dataclass(frozen=True, slots=True)
class ConcentratorPage:
    """All that is known of a concentrator; lists begin with the latest."""

    concentrator: Concentrator
    meters_linked: int
    orders_open: int
    sessions: list[SessionChange]
    evidence: list[Evidence]
    known: KnownState | None
    clocks: list[ClockMeasured]
    availability: dict[str, tuple[int, int]]
    task_table: TaskTable | None
    uploads: list[UploadTaken]
    blocks_lost: int
    discoveries: list[Discovery]
    updates: list[FirmwareUpdate]


def concentrator_page(
    connection: Connection, name: str, *, since: datetime | None = None,
    until: datetime | None = None,
) -> ConcentratorPage | None:  # fmt: skip
    """What `ami explain concentrator` shows; evidence since a time, or all.  With `until`,
    sessions, evidence, uploads and its word on itself as they were heard by then."""
    meters, orders = schema.meters.c, schema.orders.c
    row = connection.execute(CONCENTRATOR.select().where(CONCENTRATOR.table.c.name == name)).first()
    if row is None:
        return None
    linked = select(func.count()).where(meters.concentrator == name)
    waiting = select(func.count()).where(
        orders.concentrator == name, orders.due_at.is_not(None), orders.unfinished.is_(True)
    )
    evidence = EVIDENCE.select().where(_evidence.concentrator == name)
    if since is not None:
        evidence = evidence.where(_evidence.at >= since)
    if until is not None:
        evidence = evidence.where(_evidence.at <= until)
    known = state_of(connection, name)
    if known is not None and until is not None and known.received_at > until:
        known = None
    told = connection.execute(evidence.order_by(_evidence.at.desc(), _evidence.line.desc()))
    return ConcentratorPage(
        CONCENTRATOR.read(row),
        int(connection.execute(linked).scalar_one()),
        int(connection.execute(waiting).scalar_one()),
        sessions_of(connection, name, until=until),
        [EVIDENCE.read(each) for each in told],
        known,
        clocks_of(connection, name),
        availability_of(connection, name),
        collected.task_table(connection, name),
        collected.uploads(connection, name, until=until),
        collected.blocks_lost(connection, name),
        discoveries(connection, name),
        updates_of(connection, name),
    )
