"""A city's meters entered into a head-end's database: registry, links and sealed keys.

Keys are made and sealed in as many processes as wanted; one writes.  Repeated, it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from devices.chance import octets
from devices.clock import stopwatch
from headend.app.fleet import KeyBox, Sealed, Shipment, fleet_desk, keys_are_configured
from headend.config import BadConfig, Config, KeyStorage
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.spread import cpu_s
from scenarios.fleet.workers import Workers

CONCENTRATORS_AT_ONCE = 100
"""In one transaction: ten thousand meters, some 5 MB."""


class Provisioned(msgspec.Struct, frozen=True):
    """What came of it."""

    meters: int
    concentrators: int
    keys_new: int
    """Others had keys already, and keep them."""
    wall_s: float
    cpu_s: float
    """Of all processes: what a busy machine does not change."""
    peak_rss_mb: float
    database_mb: float


@dataclass(frozen=True, slots=True)
class _Part:
    """Concentrators in a row."""

    config: Config
    city: City
    numbers: range


def provision(
    city: City,
    config: Config,
    *,
    jobs: int,
    progress: Callable[[int], None] = lambda meters: None,
) -> Provisioned:
    """Enter them; `progress` hears how many more are in.

    Raises `BadConfig`, `StoreUnavailable`, `KeyShared`, `WorkersLost`.
    """
    elapsed_s, worked_s = stopwatch(), cpu_s()
    desk = fleet_desk(config)
    parts = [
        _Part(config, city, range(first, min(first + CONCENTRATORS_AT_ONCE, city.concentrators)))
        for first in range(0, city.concentrators, CONCENTRATORS_AT_ONCE)
    ]
    workers = Workers(min(jobs, len(parts)))
    taken = 0
    try:
        for part, sealed in zip(parts, workers.map(_sealed, parts), strict=True):
            taken += desk.take(_shipment(part, desk.envelope_name, sealed))
            progress(len(sealed))
    finally:
        desk.close()
    return Provisioned(
        city.meters,
        city.concentrators,
        taken,
        round(elapsed_s(), 2),
        round(cpu_s() - worked_s, 2),
        round(workers.peak_rss_mb, 1),
        round(size_mb(config), 1),
    )


def _shipment(part: _Part, envelope: str, sealed: list[Sealed]) -> Shipment:
    city = part.city
    return Shipment(
        [city.concentrator(number) for number in part.numbers],
        [meter for number in part.numbers for meter in city.registered(number)],
        CLIENT,
        envelope,
        sealed,
    )


@cache
def key_box(config: Config) -> KeyBox:
    """Each process makes its own, once."""
    return KeyBox(config)


def _sealed(part: _Part) -> list[Sealed]:
    """The keys of a part's meters, in a process of their own."""
    box = key_box(part.config)
    return [
        box.sealed(str(index), CLIENT, part.city.identity(index).keys(CLIENT))
        for number in part.numbers
        for index in part.city.behind(number)
    ]


def size_mb(config: Config) -> float:
    """The size of a database in a file, with what its journal holds; 0 for another."""
    path = Path(config.database.removeprefix("sqlite:///"))
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def storage(database: str, envelope: Path | None, seed: int) -> Config:
    """The configuration of a fleet's database.

    Where neither a file nor the environment has an envelope's key, one is laid beside the
    SQLite file: a TEST KEY of the seed, as the meters' own are.  Raises `BadConfig`.
    """
    if envelope is None and keys_are_configured():
        return Config(database=database)
    if envelope is None and not database.startswith("sqlite:///"):
        text = "no key seals the meters' keys: set AMI_ENVELOPE_KEY, or give --envelope FILE"
        raise BadConfig(text)
    if envelope is None:
        envelope = Path(f"{database.removeprefix('sqlite:///')}.envelope")
        if not envelope.exists():
            envelope.touch(mode=0o600)
            envelope.write_text(octets(seed, "fleet", "envelope", count=64).hex() + "\n")
    return Config(database=database, keys=KeyStorage(envelope_file=envelope))
