"""Tellings of events, as readings and rows, and what the store makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from headend.domain.event import Event, Incident
from headend.domain.interval import Row
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reading import Reading
from headend.events.taking import EventIntake
from headend.models import Shelf
from headend.store.events import EVENT, INCIDENT
from headend.store.transaction import SqlTransaction
from protocols.concentrator.collecting import ColumnTold, Layout

INTAKE = EventIntake()
T0 = datetime(2026, 7, 6, 12, tzinfo=UTC)
NOW = T0 + timedelta(hours=12)
STATUS = Shelf().get("sim-3p").status
LOG = Layout(
    "0.0.99.98.0.255",
    (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(1, "0.0.96.11.0.255", 2)),
)
CODE, ALARMS = "0.0.96.11.0.255", "0.0.97.98.1.255"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Told:
    """One telling: by "push" or "log" a code, by "word" a value of alarm register 2."""

    by: str
    device: str
    value: int
    seconds: int

    def to(self, tx: SqlTransaction, intake: EventIntake = INTAKE) -> None:
        if self.by == "log":
            row = Row(round(at(self.seconds).timestamp()), 0, 1, 0, (None, self.value))
            intake.logged(tx, self.device, LOG, [row], NOW)
            return
        name = CODE if self.by == "push" else ALARMS
        reading = Reading(
            self.device, name, 2, at(self.seconds), NOW, "push 1", value=str(self.value)
        )
        intake.pushed(tx, [reading], STATUS, NOW)


def told(tx: SqlTransaction, tellings: Iterable[Told], intake: EventIntake = INTAKE) -> None:
    for each in tellings:
        each.to(tx, intake)


def events(tx: SqlTransaction) -> list[Event]:
    rows = tx.connection.execute(EVENT.select().order_by(EVENT.table.c.at, EVENT.table.c.device))
    return [EVENT.read(row) for row in rows]


def incidents(tx: SqlTransaction) -> list[Incident]:
    rows = tx.connection.execute(INCIDENT.select().order_by(INCIDENT.table.c.began_at))
    return [each for each in map(INCIDENT.read, rows) if each.merged_into is None and each.members]


def short(tx: SqlTransaction) -> list[tuple[str, str, int, tuple[str, ...]]]:
    """Each event: device, name, seconds since T0, sources."""
    return sorted(
        (e.device, e.name, round((e.at - T0).total_seconds()), tuple(e.sources)) for e in events(tx)
    )


def partition(tx: SqlTransaction) -> set[frozenset[tuple[str, str, datetime]]]:
    """Which events are together, whatever their incident's number."""
    found: dict[int, set[tuple[str, str, datetime]]] = {}
    for each in events(tx):
        if each.incident is not None:
            found.setdefault(each.incident, set()).add((each.device, each.name, each.at))
    return {frozenset(each) for each in found.values()}


def street(tx: SqlTransaction, count: int, *, transformer: bool = True) -> list[str]:
    """Meters of concentrator C-1; half of them, or all, under a transformer each."""
    names = [f"M{number:03}" for number in range(count)]
    tx.put_concentrators([Concentrator("C-1")])
    tx.put_meters(Meter(name, "C-1") for name in names)
    if transformer:
        tx.put_places(
            [
                Place("T-1", PlaceKind.TRANSFORMER),
                *(Place(f"SP-{name}", PlaceKind.SERVICE_POINT, "T-1") for name in names),
            ]
        )
        for name in names:
            tx.add_installation(Installation(name, f"SP-{name}", T0))
    return names


def numbers(tx: SqlTransaction) -> set[int]:
    return set(tx.connection.execute(select(INCIDENT.table.c.number)).scalars())
