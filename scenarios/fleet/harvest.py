"""One concentrator's days, worked on by itself: its district solved, its world run.

A task is plain values and so is what comes of it; any process, on any machine that has the
envelope's key, gives the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headend.app.fleet import LeasedKeys
from headend.config import Config
from scenarios.fleet.city import City
from scenarios.fleet.conditions import Conditions
from scenarios.fleet.district import District
from scenarios.fleet.island import Delegated, Island, Tap, Told
from scenarios.fleet.provisioning import key_box
from scenarios.fleet.receiving import Arrived

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Task:
    """A concentrator, the days, and the keys of its meters, in the order of their numbers."""

    config: Config
    city: City
    conditions: Conditions
    number: int
    first_day: int  # since 1970, UTC
    days: int
    leases: tuple[LeasedKeys, ...]

    @property
    def district(self) -> District:
        return District(self.city, self.number, self.first_day, self.days)


@dataclass(frozen=True, slots=True, eq=False)
class Harvest:
    """What came of a task.  Rows are meters."""

    uploads: tuple[Arrived, ...]
    truth: Integers  # meters x intervals x (status, channels): what the meters measured
    silent: npt.NDArray[np.bool_]  # meters: for months
    used: tuple[LeasedKeys, ...]
    told: Told


class LeaseUsedUp(RuntimeError):
    """A concentrator went beyond the counters that it was given."""


def harvest(task: Task, tap: Tap | None = None) -> Harvest:
    """Carry it out; `tap` hears what reaches meters, and what they say.  Raises `LeaseUsedUp`."""
    district = task.district
    island = Island(
        district, task.conditions, tuple(_delegated(task, lease) for lease in task.leases), tap
    )
    island.run()
    return Harvest(
        tuple(island.receiving.uploads),
        district.truth(),
        np.array(island.silent, np.bool_),
        tuple(_used(lease, island) for lease in task.leases),
        island.told,
    )


def _delegated(task: Task, lease: LeasedKeys) -> Delegated:
    keys = key_box(task.config).opened(lease)
    return Delegated(lease.meter, keys, lease.own, lease.end, lease.peer)


def _used(lease: LeasedKeys, island: Island) -> LeasedKeys:
    """How far the counters came."""
    counters = island.counters(lease.meter)
    own = lease.own if counters.next_own is None else counters.next_own
    if own > lease.end:
        raise LeaseUsedUp(f"meter {lease.meter}: counter {own}, leased up to {lease.end}")
    return lease._replace(own=own, peer=counters.peer_lowest)
