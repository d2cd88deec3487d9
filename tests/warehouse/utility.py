"""A small utility with two zones, two days of profiles and something of everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection, Table, insert

from headend.app.warehousing import StoreSource, today
from headend.domain.event import IncidentKind, Severity, Source
from headend.domain.meter import Meter, Stage
from headend.domain.order import Kind, State
from headend.domain.place import Installation, Place, PlaceKind
from headend.domain.reading import Reading, WantedObject
from headend.domain.utility_day import span_of
from headend.domain.validation import Check, Estimate, Finding, Method, ValidatedDay
from headend.store import event_schema, upkeep_schema
from headend.store.engine import open_writer
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from headend.warehouse import manifest as manifests
from headend.warehouse.load import Result, load
from headend.warehouse.manifest import Manifest
from headend.warehouse.place import Place as Folder
from headend.warehouse.reading import tables
from tests import databases
from tests.store.making import order
from tests.store.test_ledger import PROFILE, ZONE, collect

FIRST, SECOND = date(2026, 7, 6), date(2026, 7, 7)
NOW = datetime(2026, 7, 8, 12, tzinfo=UTC)
ENERGY, VOLTAGE = "1.0.1.8.0.255", "1.0.32.7.0.255"
METERS = {"M1": "Z1", "M2": "Z1", "M3": "Z 2", "M4": None}
"""Each meter's zone; the second has a blank in its name, as paths have not."""


def at(day: date, hours: float) -> datetime:
    return datetime.fromtimestamp(span_of(day, ZONE).begin, UTC) + timedelta(hours=hours)


class Utility:
    """A store that is filled, and the folder that it is loaded into."""

    def __init__(self, folder: Path) -> None:
        self.url = databases.at(folder / "ami.db")
        self.folder = folder / "store"
        self.store = SqlStore(self.url, live=False)
        self.place = Folder(str(self.folder))
        self.run(_filled)

    def run(self, work: Callable[[SqlTransaction], Any]) -> Any:
        return asyncio.run(self.store.run(work))  # type: ignore[arg-type]

    def change(self, work: Callable[[Connection], Any]) -> None:
        """Something done to the tables that no word does."""
        engine = open_writer(self.url)
        with engine.begin() as connection:
            work(connection)
        engine.dispose()

    def load(self, *, now: datetime = NOW, since: date | None = None) -> Result:
        source = StoreSource.of(self.store, ZONE, now)
        return load(self.place, source, now=now, today=today(now, ZONE), since=since)

    @property
    def manifest(self) -> Manifest:
        return manifests.read(self.place)

    def ask(self, query: str, manifest: Manifest | None = None) -> list[tuple[Any, ...]]:
        """DuckDB's answer, of the present state."""
        with tables(self.place, manifest or self.manifest) as asked:
            return asked.execute(query).fetchall()

    def by_path(self, table: str, query: str) -> list[tuple[Any, ...]]:
        """The answer of a program that knows nothing of us but folders of Parquet files."""
        files = f"{self.folder}/tables/{table}/**/*.parquet"
        told = f"read_parquet('{files}', hive_partitioning = true)"
        return duckdb.execute(query.format(told)).fetchall()

    def close(self) -> None:
        asyncio.run(self.store.close())


def _filled(tx: SqlTransaction) -> None:
    tx.put_places(
        [
            Place("R", PlaceKind.REGION),
            *(Place(zone, PlaceKind.ZONE, "R") for zone in ("Z1", "Z 2")),
            *(
                Place(f"S-{meter}", PlaceKind.SERVICE_POINT, zone)
                for meter, zone in METERS.items()
                if zone is not None
            ),
        ]
    )
    tx.put_meters(
        Meter(name, "C1" if name < "M3" else "C2", commissioned=True, stage=Stage.IN_SERVICE,
              contracted_w=Decimal(5000))
        for name in METERS
    )  # fmt: skip
    for meter, zone in METERS.items():
        if zone is not None:
            tx.add_installation(Installation(meter, f"S-{meter}", at(FIRST, -24)))
    for day in (FIRST, SECOND):
        collect(tx, "M1", day, range(1, 97))
        collect(tx, "M2", day, range(1, 49), after_s=2 * 86_400)
        collect(tx, "M3", day, range(1, 97))
    begin = span_of(FIRST, ZONE).begin
    tx.put_validated_day(
        ValidatedDay(
            "M2", PROFILE, FIRST, NOW, NOW,
            (Finding(Check.SPIKE, begin + 900 * 7, ENERGY, "twice the rest"),),
            (Estimate(begin + 900 * 49, ENERGY, 49, Method.LINEAR),),
        )
    )  # fmt: skip
    tx.put_validated_day(ValidatedDay("M1", PROFILE, FIRST, NOW, NOW))
    tx.add_readings(
        Reading(meter, ENERGY, 2, at(FIRST, 1), at(FIRST, 2), "order 1", "energy", value, "Wh",
                quality=quality)
        for meter, value, quality in (("M1", "1234.5", ()), ("M3", "text", ("late", "duplicate")))
    )  # fmt: skip
    _orders(tx)
    rows: dict[Table, list[dict[str, Any]]] = {
        event_schema.incidents: [
            {"kind": IncidentKind.OUTAGE, "place": "transformer T-1", "began_at": at(FIRST, 3),
             "updated_at": at(FIRST, 5), "ended_at": at(FIRST, 5), "members": 3, "without": 0},
            {"kind": IncidentKind.OUTAGE, "place": "transformer T-2", "began_at": at(SECOND, 3),
             "updated_at": at(SECOND, 3), "ended_at": None, "members": 4, "without": 4},
        ],
        event_schema.events: [
            {"device": device, "name": "power-down", "severity": Severity.MAJOR,
             "at": at(FIRST, 3), "received_at": at(FIRST, 5), "sources": (Source.LOG, Source.PUSH),
             "code": 1, "place": "transformer T-1", "kind": IncidentKind.OUTAGE, "incident": 1}
            for device in ("M1", "M2", "M3")
        ],
        upkeep_schema.concentrator_sessions: [
            {"concentrator": "C1", "at": at(FIRST, hour), "online": online, "boot": 1,
             "firmware": "1.0"}
            for hour, online in ((0, True), (6, False), (8, True))
        ],
    }  # fmt: skip
    for table, values in rows.items():
        tx._connection.execute(insert(table), values)


ORDERS = (
    (Kind.DISCONNECT, "M1", State.DONE, 10),
    (Kind.CONNECT, "M1", State.DONE, 45),
    (Kind.CONNECT, "M3", State.FAILED, 300),
    (Kind.SET_LIMIT, "M2", State.DONE, 20),
    (Kind.READ, "M2", State.QUEUED, None),
)
"""Kind, meter, state, and minutes until the end."""


def _orders(tx: SqlTransaction) -> None:
    for number, (kind, meter, state, minutes) in enumerate(ORDERS, 1):
        begun = at(FIRST, 9 + number)
        ended = None if minutes is None else begun + timedelta(minutes=minutes)
        special: dict[str, Any] = {}
        if kind is Kind.READ:
            special = {"objects": (WantedObject(3, ENERGY),)}
        if kind is Kind.SET_LIMIT:
            special = {"amount": Decimal(1500), "unit": "W"}
        tx.add_order(
            replace(order(number, transaction_id=f"t{number}", state=state), kind=kind, meter=meter,
                    accepted_at=begun, ready_at=begun, ended_at=ended, attempts=1, tries=1,
                    **special),
            [(state, "settled")],
        )  # fmt: skip
