"""One concentrator's days, worked on by itself: its district solved, its meters read over its line.

A task is plain values and so is what comes of it; any process, on any machine that has the
envelope's key, gives the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from devices.chance import octets
from devices.channel.medium import Medium
from devices.channel.noise import residential
from devices.meter.identity import client_system_title
from headend.config import Config
from headend.fleet_app import LeasedKeys
from scenarios.fleet.absences import absences
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.district import District
from scenarios.fleet.provisioning import key_box
from scenarios.fleet.reading import DAY_S, Counters, Reading, nothing_yet
from scenarios.fleet.rounds import Line, Rounds, Tap, Told
from scenarios.fleet.routes import losses

Integers = npt.NDArray[np.int64]

ZONE = ZoneInfo("UTC")
HEAD_END = "head-end"


@dataclass(frozen=True, slots=True)
class Task:
    """A concentrator, the days, and the keys of its meters, in the order of their numbers."""

    config: Config
    city: City
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

    values: Integers  # meters x intervals x (status, channels)
    got: npt.NDArray[np.bool_]  # meters x intervals
    truth: Integers  # as `values`: what the meters measured
    silent: npt.NDArray[np.bool_]  # meters: for months
    used: tuple[LeasedKeys, ...]
    told: Told


def harvest(task: Task, tap: Tap | None = None) -> Harvest:
    """Carry it out; `tap` hears what reaches meters, and what they say."""
    district = task.district
    line = _line(task, district)
    meters = district.meters()
    readings = [_reading(task, lease, district.intervals) for lease in task.leases]
    for meter, lease in zip(meters, task.leases, strict=True):
        if (lease.own, lease.peer) != (1, 0):  # it was spoken with before
            meter.note_counters(CLIENT, own=max(1, lease.peer), peer=lease.own)
    told = Rounds(line, meters, readings, tap).run(task.first_day, task.days)
    return Harvest(
        np.stack([reading.values for reading in readings]),
        np.stack([reading.got for reading in readings]),
        district.truth(),
        line.absences.silent,
        tuple(
            lease._replace(own=reading.counters.own, peer=reading.counters.peer)
            for lease, reading in zip(task.leases, readings, strict=True)
        ),
        told,
    )


def _line(task: Task, district: District) -> Line:
    seed, name = task.city.seed, task.city.concentrator_name(task.number)
    begin = float(task.first_day * DAY_S)
    return Line(
        seed,
        name,
        Medium(),
        losses(seed, name, [str(index) for index in district.indices], district.places),
        residential(ZONE),
        absences(seed, district.indices, begin, begin + (task.days + 1) * DAY_S),
        np.array(district.indices, np.int64),
    )


def _reading(task: Task, lease: LeasedKeys, intervals: int) -> Reading:
    seed, index = task.city.seed, int(lease.meter)
    values, got = nothing_yet(intervals)
    return Reading(
        meter=lease.meter,
        meter_title=task.city.identity(index).system_title,
        keys=key_box(task.config).opened(lease),
        counters=Counters(lease.own, lease.end, lease.peer),
        system_title=client_system_title(seed, CLIENT, HEAD_END),
        first_day=task.first_day,
        challenge=partial(_challenge, seed, index, lease.own),
        values=values,
        got=got,
    )


def _challenge(seed: int, index: int, counter: int, session: int) -> bytes:
    return octets(seed, "CtoS of the fleet", index, counter, session, count=16)
