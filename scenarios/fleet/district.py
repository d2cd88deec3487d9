"""What lies behind one concentrator: customers, the feeder that serves them, their meters, and what
those truly measure.

The feeder's power flow is solved for the days that are collected and the first quarter hour after
them, whose voltage the last row of a day shows.  The truth is worked out from the solved arrays
alone; it never passes a meter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from devices.chance import octets
from devices.channel.place import Phase, Place, along_streets
from devices.grid.customers import day_of
from devices.grid.solved_day import solved
from devices.grid.street import network_of, street_of
from devices.meter.device import Meter
from devices.meter.load import SLOTS_PER_DAY, Energy
from devices.meter.metering import W_MS_PER_WH
from devices.meter.models import model
from devices.meter.stepped_load import SteppedLoad
from scenarios.fleet.city import City

Integers = npt.NDArray[np.int64]

KIND = model("city-three-phase")
PHASES = 3
CHANNELS = len(KIND.load_registers)
SLOT_S = 900
DAY_S = SLOTS_PER_DAY * SLOT_S
UTC_ZONE = ZoneInfo("UTC")
"""The city's time, for what people do at which hour."""
OLDEST_WH = 20_000_000
"""What the registers of a meter have counted at most before the first day."""


@dataclass(frozen=True)
class District:
    """The meters of one concentrator over some days; `first_day` counts from 1970, in UTC."""

    city: City
    number: int
    first_day: int
    days: int

    @cached_property
    def indices(self) -> range:
        return self.city.behind(self.number)

    @property
    def concentrator(self) -> str:
        """What everybody calls it."""
        return self.city.concentrator_name(self.number)

    @property
    def first_midnight(self) -> int:
        """When the first day is over, POSIX seconds."""
        return (self.first_day + 1) * DAY_S

    @property
    def last_midnight(self) -> int:
        """When the last one is."""
        return (self.first_day + self.days) * DAY_S

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Along the streets; three-phase services."""
        return tuple(
            replace(along_streets(number), phase=Phase.ALL) for number in range(len(self.indices))
        )

    @cached_property
    def loads(self) -> tuple[SteppedLoad, ...]:
        """What each meter measures.  Raises NotConverged."""
        watts, vars_ = self._drawn()
        names = [str(index) for index in self.indices]
        street = street_of(
            self.city.seed,
            f"feeder of {self.concentrator}",
            list(zip(names, self.places, strict=True)),
        )
        steps, rows = watts.shape[2], len(names) * PHASES
        day = solved(network_of(street), watts.reshape(rows, steps).T, vars_.reshape(rows, steps).T)
        voltage = day.voltage_dv.astype(np.int64).T.reshape(watts.shape)
        first_slot = self.first_day * SLOTS_PER_DAY
        return tuple(
            SteppedLoad(first_slot, watts[at], vars_[at], voltage[at], self._before(index))
            for at, index in enumerate(self.indices)
        )

    def meters(self) -> tuple[Meter, ...]:
        """As they were delivered, and never touched since."""
        return tuple(
            Meter(self.city.identity(index), load, KIND)
            for index, load in zip(self.indices, self.loads, strict=True)
        )

    def _drawn(self) -> tuple[Integers, Integers]:
        """Watts and vars, meters x phases x quarter hours."""
        shape = (len(self.indices), PHASES, self.days * SLOTS_PER_DAY + 1)
        watts, vars_ = np.empty(shape, np.int64), np.empty(shape, np.int64)
        for at, index in enumerate(self.indices):
            first, second, third = _shares(self.city.seed, index)
            shares = np.array([[first], [second], [third]], np.int64)
            parts = [
                day_of(self.city.seed, str(index), 1, self.first_day + ahead)
                for ahead in range(self.days + 1)
            ]
            for into, which in ((watts, 0), (vars_, 1)):
                whole = np.concatenate([part[which][0] for part in parts])[: shape[2]]
                into[at] = whole * shares // 1024
        return watts, vars_

    def _before(self, index: int) -> Energy:
        drawn = octets(self.city.seed, "counted before", index, count=16)
        quarters = (int.from_bytes(drawn[at : at + 4], "big") for at in range(0, 16, 4))
        wh = [each % OLDEST_WH for each in quarters]
        return Energy(*(each * W_MS_PER_WH for each in (wh[0], wh[1] // 8, wh[2] // 4, 0)))

    # --- the truth -------------------------------------------------------------------------------

    @property
    def intervals(self) -> int:
        """Rows that each meter has of these days."""
        return self.days * SLOTS_PER_DAY

    @property
    def ends(self) -> Integers:
        """When each interval ends, POSIX seconds."""
        first = self.first_day * SLOTS_PER_DAY + 1
        return np.arange(first, first + self.intervals, dtype=np.int64) * SLOT_S

    def truth(self) -> Integers:
        """Meters x intervals x (status, channels): what an untouched meter has to show."""
        found = np.zeros((len(self.indices), self.intervals, 1 + CHANNELS), np.int64)
        for at, load in enumerate(self.loads):
            now = slice(1, self.intervals + 1)  # the quarter hour that begins at a row's moment
            flows = (load.watts, -load.watts, load.vars, -load.vars)
            counted = np.array(
                [load.before.active_import, load.before.active_export,
                 load.before.reactive_import, load.before.reactive_export], np.int64
            )  # fmt: skip
            for channel, flow in enumerate(flows):
                quarter_hours = np.maximum(flow, 0).sum(axis=0)[: self.intervals]
                total = counted[channel] + np.cumsum(quarter_hours) * SLOT_S * 1000
                found[at, :, 1 + channel] = total // W_MS_PER_WH % 2**32
            found[at, :, 5:8] = load.voltage_dv[:, now].T
            found[at, :, 8] = _power_factor(load.watts[:, now], load.vars[:, now])
        return found


def _shares(seed: int, index: int) -> tuple[int, int, int]:
    """Of 1024: how a household's draw spreads over its three phases."""
    draw = octets(seed, "phases of", index, count=2)
    first, second = (341 + each % 200 - 100 for each in draw)
    return first, second, 1024 - first - second


def _power_factor(watts: Integers, vars_: Integers) -> Sequence[int]:
    """In 1/1000, rounded down; 1 where nothing flows.  In Python's integers, as a check must be
    that no overflow can fool."""
    found = []
    for w, v in zip(watts.sum(axis=0).tolist(), vars_.sum(axis=0).tolist(), strict=True):
        squared = w * w + v * v
        found.append(math.isqrt(1_000_000 * w * w // squared) if squared else 1000)
    return found
