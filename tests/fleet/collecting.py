"""Small cities collected, and what is in their databases then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from headend.config import Config
from headend.store.store import SqlStore
from scenarios.fleet.city import City
from scenarios.fleet.collection import Collected, collect
from scenarios.fleet.conditions import USUAL, Conditions
from scenarios.fleet.provisioning import storage
from scenarios.fleet.workers import Workers
from tests import databases

DAY = 20_640  # 2026-07-06
CITY = City(meters=40, seed=5, per_concentrator=15)

OF_THE_MACHINE = {"provision_s", "wall_s", "cpu_s", "peak_rss_mb", "database_mb"}


def at(folder: Path, city: City = CITY) -> Config:
    return storage(databases.at(folder / "fleet.db"), envelope(folder), city.seed)


def envelope(folder: Path) -> Path | None:
    """A file for the key that seals keys, where the database has no place beside it for one."""
    if not databases.postgresql():
        return None
    file = folder / "envelope"
    folder.mkdir(exist_ok=True)
    file.write_text(bytes(range(64)).hex())
    return file


def collected(
    folder: Path,
    city: City = CITY,
    *,
    jobs: int = 1,
    first_day: int = DAY,
    days: int = 1,
    conditions: Conditions = USUAL,
) -> Collected:
    folder.mkdir(exist_ok=True)
    return collect(
        city,
        at(folder, city),
        Workers(jobs),
        jobs=1,
        first_day=first_day,
        days=days,
        conditions=conditions,
    )


def outcome(of: Collected) -> dict[str, object]:
    """All that does not depend on the machine, and on how busy it is."""
    told = msgspec.to_builtins(of)
    return {name: value for name, value in told.items() if name not in OF_THE_MACHINE}


def rows(config: Config, query: str) -> list[tuple[object, ...]]:
    store = SqlStore(config.database, live=False)
    found = store.read(lambda connection: connection.exec_driver_sql(query).all())
    asyncio.run(store.close())
    return [tuple(row) for row in found]
