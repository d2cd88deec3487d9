"""What the data store is filled from: rows of one day as they are kept, and which days changed.

Nothing here decides whether a row can be used.  What a column holds comes out undecoded where
decoding could fail, so that one bad row is one refusal of the load's, and never its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    func,
    select,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator

from headend.domain.interval import Row
from headend.domain.ledger import Entry
from headend.domain.utility_day import day_of, span_of
from headend.store import collected_schema, event_schema, schema, upkeep_schema
from headend.store.collected_schema import Rows
from headend.store.columns import EnumText, ExactDecimal, Json, UtcDateTime, inflated
from headend.store.ledger_queries import Wanted, ledger, zones_of
from headend.store.life_schema import installations
from headend.store.restoration_schema import restorations
from headend.store.retention_queries import first_day
from headend.store.validated_schema import validated_days
from protocols.concentrator.collecting import Layout

__all__ = [
    "believed",
    "changed",
    "completeness",
    "count",
    "layouts",
    "marks",
    "page_rows",
    "rows",
    "zones_of",
]

Marks = dict[str, str]
"""How far the source had come when it was last looked at, by what is counted."""

OVERLAP = timedelta(minutes=10)
"""A transaction may end after one that began later: so far behind the newest is looked again."""
LINES = 1_000  # the same, of tables that are counted by lines
AT_ONCE = 200  # rows that are fetched at once; a page of a day has some 1.5 kB

_pages, _events, _incidents = (
    collected_schema.interval_days,
    event_schema.events,
    event_schema.incidents,
)
_by_day = {"readings": _pages, "validated": validated_days}
_by_time: dict[str, ColumnElement[datetime]] = {
    "registers": schema.readings.c.at,
    "events": _events.c.at,
    "incidents": _incidents.c.began_at,
    "orders": schema.orders.c.accepted_at,
    "sessions": upkeep_schema.concentrator_sessions.c.at,
}
TABLES = (*_by_day, *_by_time, "completeness", "meters")
"""What can be asked for, each of one day; `meters` as the registry is now."""


class _Lenient(TypeDecorator[Any]):
    """An instant, or the text that is none."""

    impl = UtcDateTime
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        try:
            return UtcDateTime().process_result_value(value, dialect)
        except ValueError:
            return value

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return UtcDateTime().load_dialect_impl(dialect)


def _undecoded(table: Table) -> Select[Any]:
    return select(*(_column(each) for each in table.columns))


def _column(column: Any) -> Any:
    match column.type:
        case UtcDateTime():
            found: Any = type_coerce(column, _Lenient())
        case Rows():
            found = type_coerce(column, LargeBinary())
        case Json():
            found = type_coerce(column, Text())
        case EnumText() | ExactDecimal():
            found = type_coerce(column, String())
        case _:
            return column
    return found.label(column.name)


def rows(connection: Connection, of: str, day: date, zone: ZoneInfo) -> Iterator[Mapping[str, Any]]:
    """The rows of one day, in an order that does not change."""
    query = _undecoded(_table(of)).where(_within(of, day, zone))
    query = query.order_by(*_table(of).primary_key.columns)
    for row in connection.execute(query, execution_options={"yield_per": AT_ONCE}):
        yield dict(row._mapping)


def count(connection: Connection, of: str, day: date, zone: ZoneInfo) -> int:
    """How many rows a day has: counted by the database, not by who fetches them."""
    query = select(func.count()).select_from(_table(of)).where(_within(of, day, zone))
    return int(connection.execute(query).scalar_one())


def _table(of: str) -> Table:
    if of == "meters":
        return schema.meters
    column: Any = _by_time.get(of)
    return _by_day[of] if column is None else column.table


def _within(of: str, day: date, zone: ZoneInfo) -> ColumnElement[bool]:
    if of == "meters":
        return schema.meters.c.name.is_not(None)
    if of in _by_day:
        return _by_day[of].c.day == day
    span = span_of(day, zone)
    begin, end = (datetime.fromtimestamp(each, zone) for each in span)
    column = _by_time[of]
    return (column >= begin) & (column < end)


def page_rows(octets: bytes) -> list[Row]:
    """The rows of a page.  Raises what unpacking raises for octets that are none."""
    return [Row._make(row) for row in Rows._decoder.decode(inflated(octets))]


def layouts(connection: Connection) -> dict[int, Layout]:
    """The columns of rows, by layout; of a layout that cannot be read there is none."""
    table = collected_schema.layouts
    query = select(table.c.number, type_coerce(table.c.layout, Text()))
    found = {}
    for number, text in connection.execute(query):
        try:
            found[number] = msgspec.json.decode(text, type=Layout)
        except msgspec.MsgspecError:
            continue
    return found


def completeness(
    connection: Connection, day: date, zone: ZoneInfo, now: datetime, least: str
) -> Iterator[Entry]:
    """The ledger of a day: of each profile of which something is here, and of `least` always."""
    query = select(_pages.c.profile).distinct().where(_pages.c.day == day, _pages.c.expected > 0)
    for profile in sorted({least, *connection.execute(query).scalars()}):
        yield from ledger(connection, Wanted(profile, day, day, zone, now))


def service_points(connection: Connection) -> dict[str, str]:
    """Where each meter hangs now."""
    table = installations.c
    query = select(table.meter, table.service_point).where(table.until.is_(None))
    return {row[0]: row[1] for row in connection.execute(query)}


def meters_of(connection: Connection) -> dict[str, list[str]]:
    """The meters behind each concentrator, as the registry is now."""
    table = schema.meters.c
    found: dict[str, list[str]] = {}
    query = select(table.concentrator, table.name).where(table.concentrator.is_not(None))
    for concentrator, meter in connection.execute(query.order_by(table.name)):
        found.setdefault(concentrator, []).append(meter)
    return found


def members_of(connection: Connection, day: date, zone: ZoneInfo) -> dict[int, list[str]]:
    """The devices of each incident that began in a day."""
    query = (
        select(_incidents.c.number, _events.c.device)
        .join(_events, _events.c.incident == _incidents.c.number)
        .where(_within("incidents", day, zone))
        .order_by(_incidents.c.number, _events.c.number)
    )
    found: dict[int, list[str]] = {}
    for number, device in connection.execute(query):
        found.setdefault(number, []).append(device)
    return found


def most_common(zones: Mapping[str, str], devices: Sequence[str]) -> str | None:
    """The zone in which most of them hang; of equal ones the first by name."""
    counted = Counter(zones[each] for each in devices if each in zones)
    return min(counted, key=lambda zone: (-counted[zone], zone)) if counted else None


# --- what changed ---

_NEWEST: dict[str, ColumnElement[Any]] = {
    "pages": _pages.c.updated_at,
    "looks": validated_days.c.checked_at,
    "readings": schema.readings.c.line,
    "events": _events.c.number,
    "incidents": _incidents.c.updated_at,
    "journal": schema.journal.c.line,
    "sessions": upkeep_schema.concentrator_sessions.c.at,
}
_BY_LINES = {mark for mark, column in _NEWEST.items() if isinstance(column.type, Integer)}
LIFE, FIRST = "life", "0"


def marks(connection: Connection) -> Marks:
    """How far the source has come; whoever changes it further is met by `changed`."""
    found = {LIFE: _life(connection)}
    for name, column in _NEWEST.items():
        newest = connection.execute(select(func.max(column))).scalar_one()
        if newest is not None:
            found[name] = newest.isoformat() if isinstance(newest, datetime) else str(newest)
    return found


def believed(connection: Connection, before: Marks) -> Marks:
    """The marks that still tell how far the source had come: one that came back from a backup gives
    the numbers of lost lines to others, so that what is counted by lines begins anew."""
    if before.get(LIFE, FIRST) == _life(connection):
        return before
    return {mark: at for mark, at in before.items() if mark not in _BY_LINES}


def changed(connection: Connection, before: Marks, zone: ZoneInfo) -> dict[str, set[date]]:
    """By table, the days with rows that came since then, or shortly before.

    None of the days is told of which rows have gone
    here as they had outlived their span: made anew, such a day would lose them there as well.
    """
    before = believed(connection, before)
    pages = _days(connection, select(_pages.c.day).distinct(), "pages", before)
    looks = _days(connection, select(validated_days.c.day).distinct(), "looks", before)
    found = {
        "readings": pages,
        "validated": pages | looks,
        "completeness": set(pages),
        "registers": _times(connection, "registers", "readings", before, zone),
        "events": _times(connection, "events", "events", before, zone),
        "incidents": _times(connection, "incidents", "incidents", before, zone),
        "orders": _times(connection, "orders", "journal", before, zone),
        "sessions": _times(connection, "sessions", "sessions", before, zone),
    }
    since = {of: first_day(connection, *tables) for of, tables in _MADE_OF.items()}
    return {of: {day for day in days if day >= (since[of] or day)} for of, days in found.items()}


_MADE_OF = {
    "readings": ("interval_days",),
    "validated": ("interval_days", "validated_days"),
    "completeness": ("interval_days",),
    "registers": ("readings",),
    "events": ("events",),
    "incidents": ("incidents", "events"),
    "orders": ("orders",),
    "sessions": ("concentrator_sessions",),
}
"""The tables of whose rows a day of each is made."""


def _days(connection: Connection, query: Any, mark: str, before: Marks) -> set[date]:
    return set(connection.execute(query.where(*_since(mark, before))).scalars())


def _times(connection: Connection, of: str, mark: str, before: Marks, zone: ZoneInfo) -> set[date]:
    column = _by_time[of]
    query = select(type_coerce(column, _Lenient()))
    if of == "orders":
        query = query.join(schema.journal, schema.journal.c.order == schema.orders.c.number)
    found = connection.execute(query.where(*_since(mark, before)).distinct()).scalars()
    # `day_of` counts a midnight to the day that ends there, as intervals do; a time is the other.
    return {day_of(int(each.timestamp()) + 1, zone) for each in found if isinstance(each, datetime)}


def _life(connection: Connection) -> str:
    """Which restoration this database is of."""
    newest = connection.execute(select(func.max(restorations.c.number))).scalar()
    return FIRST if newest is None else str(newest)


def _since(mark: str, before: Marks) -> list[ColumnElement[bool]]:
    text, column = before.get(mark), _NEWEST[mark]
    if text is None:
        return []
    if mark in _BY_LINES:
        return [column > int(text) - LINES]
    return [column > datetime.fromisoformat(text) - OVERLAP]
