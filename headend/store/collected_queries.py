"""Questions about what concentrators collected, for pages, commands and stories."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, func, select

from headend.domain.collecting import TaskTable, UploadTaken
from headend.domain.interval import CollectedBlock, IntervalDay
from headend.domain.reading import Push
from headend.domain.rollup import RolledDay
from headend.store import collected_schema as tables
from headend.store.collected import BLOCK, DAY, TASK_TABLE, UPLOAD
from headend.store.readings import PUSH
from headend.store.rollup import ROLLED
from protocols.concentrator.collecting import Layout

_days, _uploads, _blocks = DAY.table.c, UPLOAD.table.c, BLOCK.table.c
_layouts = tables.layouts.c


def interval_days(
    connection: Connection,
    *,
    meter: str | None = None,
    profile: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> list[IntervalDay]:
    """Pages of rows, by meter and day."""
    query = DAY.select().order_by(_days.meter, _days.profile, _days.day)
    if meter is not None:
        query = query.where(_days.meter == meter)
    if profile is not None:
        query = query.where(_days.profile == profile)
    if since is not None:
        query = query.where(_days.day >= since)
    if until is not None:
        query = query.where(_days.day <= until)
    return [DAY.read(row) for row in connection.execute(query)]


def rolled_days(
    connection: Connection, meter: str, profile: str, since: date, until: date
) -> list[RolledDay]:
    """A meter's days that were rolled up, by day."""
    days = ROLLED.table.c
    query = ROLLED.select().where(
        days.meter == meter, days.profile == profile, days.day.between(since, until)
    )
    return [ROLLED.read(row) for row in connection.execute(query.order_by(days.day))]


def received(
    connection: Connection, profile: str, since: date, until: date
) -> dict[str, dict[date, tuple[int, int]]]:
    """By meter and day, how many intervals were expected and how many are here.  A day of which
    nothing came is not in it."""
    query = select(_days.meter, _days.day, _days.expected, _days.received).where(
        _days.profile == profile, _days.day >= since, _days.day <= until
    )
    found: dict[str, dict[date, tuple[int, int]]] = {}
    for meter, day, expected, here in connection.execute(query):
        found.setdefault(meter, {})[day] = (expected, here)
    return found


def layout(connection: Connection, number: int) -> Layout:
    """What the columns of rows with this layout hold."""
    query = select(_layouts.layout).where(_layouts.number == number)
    found: Layout = connection.execute(query).scalar_one()
    return found


def uploads(
    connection: Connection, concentrator: str, *, limit: int = 20, until: datetime | None = None
) -> list[UploadTaken]:
    """What a concentrator uploaded, the latest first; with `until` up to then."""
    query = UPLOAD.select().where(_uploads.concentrator == concentrator)
    if until is not None:
        query = query.where(_uploads.received_at <= until)
    query = query.order_by(_uploads.received_at.desc(), _uploads.id.desc()).limit(limit)
    return [UPLOAD.read(row) for row in connection.execute(query)]


def all_uploads(connection: Connection) -> list[UploadTaken]:
    """Every upload, the first one first."""
    query = UPLOAD.select().order_by(_uploads.received_at, _uploads.concentrator, _uploads.id)
    return [UPLOAD.read(row) for row in connection.execute(query)]


def pushes(
    connection: Connection, *, meter: str | None = None, latest: int | None = None,
    until: datetime | None = None,
) -> list[Push]:  # fmt: skip
    """What meters said unasked, the first one first; the `latest` so many, the last one first; with
    `until` what was received by then."""
    line = PUSH.table.c.line
    query = PUSH.select().order_by(line if latest is None else line.desc()).limit(latest)
    if meter is not None:
        query = query.where(PUSH.table.c.meter == meter)
    if until is not None:
        query = query.where(PUSH.table.c.received_at <= until)
    return [PUSH.read(row) for row in connection.execute(query)]


def task_table(connection: Connection, concentrator: str) -> TaskTable | None:
    """What a concentrator is to collect."""
    query = TASK_TABLE.select().where(TASK_TABLE.table.c.concentrator == concentrator)
    row = connection.execute(query).first()
    return None if row is None else TASK_TABLE.read(row)


def blocks_of(connection: Connection, meter: str, *, limit: int = 20) -> list[CollectedBlock]:
    """What was read of a meter by tasks, the latest first."""
    query = BLOCK.select().where(_blocks.meter == meter)
    query = query.order_by(_blocks.received_at.desc(), _blocks.number.desc()).limit(limit)
    return [BLOCK.read(row) for row in connection.execute(query)]


def blocks_lost(connection: Connection, concentrator: str) -> int:
    """Blocks that a concentrator's memory lost before they could be uploaded, as it told."""
    query = select(func.coalesce(func.sum(_uploads.dropped), 0))
    return int(connection.execute(query.where(_uploads.concentrator == concentrator)).scalar_one())
