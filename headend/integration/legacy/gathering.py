"""What is owed, as it stands in the head-end's store at one moment, in rows of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Table, select

from headend import trouble
from headend.domain.event import Subject
from headend.domain.interval import IntervalDay
from headend.domain.owed import Owed, OwedKind
from headend.domain.utility_day import span_of
from headend.integration.legacy import collected_tables as tables
from headend.integration.legacy import values
from headend.integration.legacy.values import Values
from headend.store import schema
from headend.store.collected_schema import layouts
from headend.store.readings import READING
from headend.store.transaction import SqlTransaction
from protocols.concentrator.collecting import ColumnTold, Layout

THINGS_MAX = 500  # of one delivery
ROWS_MAX = 20_000  # about: the last page is whole

_line = schema.readings.c.line


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of a table that belong together: what of them is in the table and not here is gone."""

    table: Table
    within: tuple[ColumnElement[bool], ...]
    rows: tuple[Values, ...]


@dataclass(slots=True)
class Gathered:
    """A delivery: the lines that it settles, and those that it cannot, with why."""

    lines: list[int] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    troubles: dict[int, str] = field(default_factory=dict)
    rows: int = 0


def gather(connection: Connection, zone: ZoneInfo, most: int = THINGS_MAX) -> Gathered:
    """The next delivery; `zone` is the utility's, whose days the pages are.  Empty where nothing is
    owed.  What cannot be decoded is a trouble of its own and stops nothing."""
    tx = SqlTransaction(connection)
    shelf, gathered = _Shelf(tx), Gathered()
    for owed in tx.due_owed(most):
        try:
            made = _made(tx, shelf, owed, zone)
        except Exception as error:  # whatever damaged octets make of themselves
            gathered.troubles[owed.line] = trouble.in_a_line(error)
            continue
        gathered.lines.append(owed.line)
        gathered.stretches += made
        gathered.rows += sum(len(each.rows) for each in made)
        if gathered.rows >= ROWS_MAX:
            break
    return gathered


def _made(tx: SqlTransaction, shelf: _Shelf, owed: Owed, zone: ZoneInfo) -> list[Stretch]:
    match owed.kind:
        case OwedKind.PAGE:
            return _page(tx, shelf, owed, zone)
        case OwedKind.READING:
            return _readings(tx, owed)
        case OwedKind.EVENT:
            return _event(tx, int(owed.moment))
        case OwedKind.INCIDENT:
            return _incident(tx, int(owed.moment))


def _page(tx: SqlTransaction, shelf: _Shelf, owed: Owed, zone: ZoneInfo) -> list[Stretch]:
    day = date.fromisoformat(owed.moment)
    meter, profile = owed.device, owed.profile
    begin, end = (datetime.fromtimestamp(each, UTC) for each in span_of(day, zone))
    pages = tx.interval_days(meter, profile, day, day)
    page = pages[0] if pages else IntervalDay(meter, profile, day, 1, 0, 0, 0, end, ())
    if values.is_billing(profile):
        c = tables.lecturas.c
        within = (
            c.medidor == meter,
            c.origen == profile,
            c.fecha_hora > begin,
            c.fecha_hora <= end,
        )
        return [Stretch(tables.lecturas, within, tuple(values.billing(page, shelf)))]
    if not page.expected:
        return []  # an event log, whose rows are events
    looked = next(iter(tx.validated_days(meter, profile, day, day)), None)
    c = tables.curva_carga.c
    within = (
        c.medidor == meter,
        c.perfil == profile,
        c.fin_intervalo > begin,
        c.fin_intervalo <= end,
    )
    return [Stretch(tables.curva_carga, within, tuple(values.curve(page, looked, shelf)))]


def _readings(tx: SqlTransaction, owed: Owed) -> list[Stretch]:
    r = READING.table.c
    query = select(_line, *READING.columns).where(
        r.meter == owed.device, r.name == owed.profile, r.at == datetime.fromisoformat(owed.moment)
    )
    found = [values.lectura(row[0], READING.read(row[1:])) for row in tx.connection.execute(query)]
    ids = [row["lectura_id"] for row in found]
    return [Stretch(tables.lecturas, (tables.lecturas.c.lectura_id.in_(ids),), tuple(found))]


def _event(tx: SqlTransaction, number: int) -> list[Stretch]:
    event, seen = tx.event(number), tx.acknowledgement(Subject.EVENT, number)
    alarm = None if event is None else values.alarm_of_event(event, seen)
    return [
        Stretch(
            tables.eventos,
            (tables.eventos.c.numero_evento == number,),
            () if event is None else (values.evento(event),),
        ),
        _alarm("EVENTO", number, alarm),
    ]


def _incident(tx: SqlTransaction, number: int) -> list[Stretch]:
    incident, seen = tx.incident(number), tx.acknowledgement(Subject.INCIDENT, number)
    alarm = None if incident is None else values.alarm_of_incident(incident, seen)
    return [_alarm("INCIDENTE", number, alarm)]


def _alarm(kind: str, number: int, alarm: Values | None) -> Stretch:
    c = tables.alarmas.c
    return Stretch(
        tables.alarmas, (c.clase == kind, c.numero == number), () if alarm is None else (alarm,)
    )


class _Shelf:
    """Layouts, each asked for once a delivery."""

    def __init__(self, tx: SqlTransaction) -> None:
        self._tx = tx
        self._known: dict[int, Layout] = {}
        self._columns: Mapping[tuple[str, str], ColumnTold] | None = None

    def of(self, number: int) -> Layout:
        if number not in self._known:
            self._known[number] = self._tx.layout(number)
        return self._known[number]

    def column(self, profile: str, channel: str) -> ColumnTold:
        if self._columns is None:
            query = select(layouts.c.layout).order_by(layouts.c.number)
            self._columns = dict(_columns(self._tx.connection.execute(query).scalars()))
        return self._columns.get((profile, channel)) or ColumnTold(0, channel, 2)


def _columns(every: Iterable[Layout]) -> Iterable[tuple[tuple[str, str], ColumnTold]]:
    """By profile and channel, the newest."""
    for layout in every:
        for column in layout.columns:
            if column.attribute == 2 and not column.index:
                yield (layout.profile, column.name), column
