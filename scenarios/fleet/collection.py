"""A city's load profiles collected into a head-end's database, and held against the meters' truth.

One task a concentrator, worked on in as many processes as wanted; this one leases keys, takes the
uploads as a head-end does, reads back what is stored, and compares every interval.  Nothing of the
result depends on how many processes there were: its hash says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt

from devices.clock import stopwatch
from headend.app.fleet import FleetDesk, fleet_desk
from headend.config import Config
from protocols.concentrator.collecting import Upload
from protocols.concentrator.messages import decode_upward
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.conditions import USUAL, Conditions
from scenarios.fleet.district import CHANNELS, DAY_S, District
from scenarios.fleet.harvest import Harvest, Task, harvest
from scenarios.fleet.island import Told
from scenarios.fleet.provisioning import provision, size_mb
from scenarios.fleet.spread import Spread, cpu_s

Integers = npt.NDArray[np.int64]

COUNTERS_A_DAY = 8192
"""Leased of each meter for a task: a session uses some ten and reserves 256, which a concentrator
that loses its power in the middle of it does not give back."""


class Collected(msgspec.Struct, frozen=True):
    """What came of it."""

    meters: int
    concentrators: int
    days: int
    intervals_expected: int
    intervals_received: int
    intervals_identical: int
    """Stored, read back, and equal to what the meter measured in every channel."""
    meters_silent: int
    """For months, by the fault model; their intervals are expected all the same."""
    complete_percent: float
    complete_of_the_others_percent: float
    exchanges: int
    """Requests that reached meters."""
    exchanges_by_radio: int
    megabytes_on_the_line: float
    """Of requests and answers."""
    uploads: int
    megabytes_uploaded: float
    """Of messages as the broker carries them."""
    blocks_dropped: int
    """By concentrators whose memory was full, as they told."""
    simulated_s: float
    """From the first day's begin until the last concentrator was done."""
    provision_s: float
    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    database_mb: float
    result_sha256: str
    """Of all rows as they are stored."""


@dataclass(slots=True)
class _Tally:
    """What adds up over concentrators."""

    received: int = 0
    identical: int = 0
    silent: int = 0
    told: Told = field(default_factory=Told)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, brought: Harvest, stored: Integers, identical: int) -> None:
        """A concentrator's: its rows as they are stored, and how many of them are true."""
        self.received += len(stored)
        self.identical += identical
        self.silent += int(brought.silent.sum())
        self.told += brought.told
        self.digest.update(stored.astype("<i8").tobytes())


def collect(
    city: City,
    config: Config,
    spread: Spread,
    *,
    jobs: int,
    first_day: int,
    days: int,
    conditions: Conditions = USUAL,
    progress: Callable[[str, int], None] = lambda what, meters: None,
) -> Collected:
    """Enter the city where it is not known yet, and collect so many days of it.

    One that was interrupted goes on when it is repeated: what is stored stays, and comes again.

    Raises `BadConfig`, `StoreUnavailable`, `KeyShared`, `LookupError`, `NoScheduler`,
    `WorkersLost`.
    """
    elapsed_s, worked_s = stopwatch(), cpu_s()
    provision(city, config, jobs=jobs, progress=lambda meters: progress("entered", meters))
    provision_s = elapsed_s()
    desk, tally = fleet_desk(config), _Tally()
    try:
        tasks = _tasks(city, config, conditions, desk, first_day, days)
        for number, brought in enumerate(spread.map(harvest, tasks)):
            district = District(city, number, first_day, days)
            stored = _stored(desk, district, brought)
            tally.add(brought, stored, _identical(district, stored, brought.truth))
            progress("collected", len(district.indices))
    finally:
        desk.close()
    expected = city.meters * days * DAY_S // 900
    heard = expected - tally.silent * days * DAY_S // 900
    return Collected(
        meters=city.meters,
        concentrators=city.concentrators,
        days=days,
        intervals_expected=expected,
        intervals_received=tally.received,
        intervals_identical=tally.identical,
        meters_silent=tally.silent,
        complete_percent=round(100 * tally.received / expected, 3),
        complete_of_the_others_percent=round(100 * tally.received / max(heard, 1), 3),
        exchanges=tally.told.exchanges,
        exchanges_by_radio=tally.told.by_radio,
        megabytes_on_the_line=round(tally.told.octets / 1e6, 1),
        uploads=tally.told.uploads,
        megabytes_uploaded=round(tally.told.upload_octets / 1e6, 1),
        blocks_dropped=tally.told.blocks_dropped,
        simulated_s=round(tally.told.ended_at - first_day * DAY_S, 3),
        provision_s=round(provision_s, 2),
        wall_s=round(elapsed_s(), 2),
        cpu_s=round(cpu_s() - worked_s, 2),
        peak_rss_mb=round(spread.peak_rss_mb, 1),
        database_mb=round(size_mb(config), 1),
        result_sha256=tally.digest.hexdigest(),
    )


def _tasks(
    city: City,
    config: Config,
    conditions: Conditions,
    desk: FleetDesk,
    first_day: int,
    days: int,
) -> Iterator[Task]:
    """Each leases its keys when it is its turn."""
    for number in range(city.concentrators):
        names = [str(index) for index in city.behind(number)]
        leases = tuple(desk.lease(names, CLIENT, COUNTERS_A_DAY * days))
        yield Task(config, city, conditions, number, first_day, days, leases)


def _stored(desk: FleetDesk, district: District, brought: Harvest) -> Integers:
    """Take what came; the rows of these meters and days as they are kept now."""
    for each in brought.uploads:
        upload = decode_upward(each.payload)
        assert isinstance(upload, Upload)
        desk.take_upload(district.concentrator, upload, datetime.fromtimestamp(each.at, UTC))
    desk.settle(brought.used)
    ends = district.ends
    first, last = str(district.indices[0]), str(district.indices[-1])
    after, until = int(ends[0]) - 1, int(ends[-1])
    kept = desk.intervals(min(first, last), max(first, last), after=after, until=until)
    found = [(int(name), *row) for name, *row in kept]
    return np.array(found, np.int64).reshape(len(found), 3 + CHANNELS)


def _identical(district: District, stored: Integers, truth: Integers) -> int:
    """How many stored rows say what the meter measured."""
    meter = stored[:, 0] - district.indices[0]
    interval = (stored[:, 1] - district.ends[0]) // 900
    same = (stored[:, 2:] == truth[meter, interval]).all(axis=1)
    return int(same.sum())
