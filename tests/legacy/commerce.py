"""A head-end's store and a legacy database beside it, with what fills it, by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from headend.domain.event import (
    Acknowledgement,
    Event,
    Incident,
    IncidentKind,
    Severity,
    Source,
    Subject,
)
from headend.domain.reading import Reading
from headend.domain.utility_day import span_of
from headend.domain.validation import Check, Estimate, Finding, Method, ValidatedDay
from headend.integration.legacy import LegacyDatabase
from headend.integration.legacy.delivering import Delivering
from headend.store.engine import open_reader, open_writer
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.store.test_ledger import PROFILE, ZONE, collect

DAY = date(2026, 7, 6)
NOON = datetime(2026, 7, 6, 12, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"
BEGIN = span_of(DAY, ZONE).begin
FILLED = ("lecturas", "curva_carga", "eventos", "alarmas", "entrega")
STORED = (
    "owed", "interval_days", "validated_days", "readings", "events", "incidents",
    "acknowledgements", "layouts",
)  # fmt: skip
Row = dict[str, Any]
Work = Callable[[SqlTransaction], Any]


def wait(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


class Standing:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Commerce:
    """Both databases; `fill` delivers until nothing is owed."""

    def __init__(self, folder: Path) -> None:
        self.url = databases.at(folder / "legacy.db")
        self.head_end = databases.at(folder / "ami.db")
        self.clock = Standing()
        self.open()

    def open(self) -> None:
        self.store = SqlStore(self.head_end, live=False)
        self.legacy = LegacyDatabase(self.url, live=False)
        self.delivering = Delivering(self.store, self.legacy, self.clock, ZONE)

    def start_again(self) -> None:
        self.close()
        self.open()

    def run(self, *works: Work) -> None:
        for work in works:
            asyncio.run(self.store.run(work))  # type: ignore[arg-type]

    def fill(self) -> int:
        """How many deliveries that took."""

        async def fill() -> int:
            count = 0
            while await self.delivering.deliver():
                count += 1
            return count

        return asyncio.run(fill())

    def ask(self, query: str) -> list[Row]:
        engine = open_reader(self.url)
        with engine.begin() as connection:
            found = [dict(row) for row in connection.execute(text(query)).mappings()]
        engine.dispose()
        return found

    def contents(self) -> dict[str, list[Row]]:
        """What the four tables say, without when it was written."""
        order = {
            "lecturas": "lectura_id",
            "curva_carga": "medidor, perfil, fin_intervalo, canal, atributo, indice",
            "eventos": "numero_evento",
            "alarmas": "clase, numero",
        }
        return {
            table: [
                {name: value for name, value in row.items() if name != "actualizada_en"}
                for row in self.ask(f"SELECT * FROM {table} ORDER BY {by}")
            ]
            for table, by in order.items()
        }

    def clear(self) -> None:
        """Both as they are when they are new; whoever delivers has just been started."""
        self.delivering = Delivering(self.store, self.legacy, self.clock, ZONE)
        for url, names in ((self.head_end, STORED), (self.url, FILLED)):
            engine = open_writer(url)
            with engine.begin() as connection:
                if databases.postgresql():
                    connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
                    continue
                for name in names:
                    connection.execute(text(f"DELETE FROM {name}"))
            engine.dispose()

    def close(self) -> None:
        asyncio.run(self.store.close())
        asyncio.run(self.legacy.close())


def event(device: str = "M1", **changes: Any) -> Event:
    given = {
        "device": device,
        "name": "power-down",
        "severity": Severity.CRITICAL,
        "at": NOON,
        "received_at": NOON,
        "sources": (Source.LOG,),
        "code": 1,
        "place": "transformer T-1",
        "kind": IncidentKind.OUTAGE,
    }
    return Event(**{**given, **changes})  # type: ignore[arg-type]


def incident(**changes: Any) -> Incident:
    given = {
        "kind": IncidentKind.OUTAGE,
        "place": "transformer T-1",
        "began_at": NOON,
        "updated_at": NOON,
        "members": 3,
        "without": 3,
    }
    return Incident(**{**given, **changes})  # type: ignore[arg-type]


def seen(subject: Subject, number: int) -> Acknowledgement:
    return Acknowledgement(subject, number, NOON, "ana", "se revisa")


def reading(meter: str = "M1", value: str = "1234.5", **changes: Any) -> Reading:
    given: Row = {
        "meter": meter,
        "name": ENERGY,
        "attribute": 2,
        "at": NOON,
        "received_at": NOON,
        "source": "order 1",
        "word": "energy",
        "value": value,
        "unit": "Wh",
        "quality": ("late",),
    }
    return Reading(**{**given, **changes})


def looked(meter: str = "M1", *, estimate: int | None = None, spike: int | None = None,
           raw_at: datetime = datetime(2026, 7, 20, tzinfo=UTC)) -> ValidatedDay:  # fmt: skip
    """A look at the day: an interval that is estimated, and one that is odd, by their places."""
    findings = () if spike is None else (Finding(Check.SPIKE, BEGIN + 900 * spike, ENERGY),)
    estimates = ()
    if estimate is not None:
        estimates = (Estimate(BEGIN + 900 * estimate, ENERGY, 4711, Method.LINEAR),)
    return ValidatedDay(meter, PROFILE, DAY, raw_at, raw_at, findings, estimates)


__all__ = ["DAY", "PROFILE", "ZONE", "Commerce", "collect", "event", "incident", "reading"]
