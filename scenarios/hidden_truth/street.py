"""A street whose truth is known, and what a head-end hears of it.

The street is one of the field's (`devices.grid.street`): single-phase customers along four cables,
most of them on phase A.  What is heard are registers and voltages of quarter hours, rounded as
meters round, with noise on the voltage (meters differ, and an average is no sample).  Communication
is lost in bursts, by a Gilbert-Elliott chain for each meter: what is lost is the row, the register
goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.chance import octets, philox
from devices.channel.place import Phase, Place
from devices.grid.phase_records import recorded_phases
from devices.grid.solved_day import SolvedDay, drawn_on, solved
from devices.grid.street import Customer, Street, network_of, street_of
from devices.meter.load import SLOTS_PER_DAY
from headend.analysis.losses import Lines

Real = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SINGLE: Final = (Phase.A, Phase.B, Phase.C)
HOURS_A_SLOT: Final = 0.25
BURST_SLOTS: Final = 8
"""How long a meter stays unheard, on average (assumption)."""

_LENGTH_M: Final = (30, 400)
_ON_A, _ON_B = 128, 205
"""Of 256 customers, those on phase A, and on A or B: 50 %, 30 % and 20 %."""


@dataclass(frozen=True)
class Truth:
    """Quarter hours in rows, customers in columns."""

    seed: int
    street: Street
    watts: Counts
    vars: Counts

    @cached_property
    def phase(self) -> Counts:
        return np.array([phase for _, phase in self.street.connections], dtype=np.int64)

    @cached_property
    def days(self) -> list[SolvedDay]:
        network = network_of(self.street)
        return [
            solved(network, self.watts[at : at + SLOTS_PER_DAY], self.vars[at : at + SLOTS_PER_DAY])
            for at in range(0, len(self.watts), SLOTS_PER_DAY)
        ]

    @property
    def volts(self) -> Real:
        return np.concatenate([day.voltage_dv for day in self.days]) / 10

    @property
    def head_kw(self) -> Real:
        return np.concatenate([day.head_watts for day in self.days]) / 1000

    @property
    def head_kvar(self) -> Real:
        return np.concatenate([day.head_vars for day in self.days]) / 1000

    @property
    def head_volts(self) -> Real:
        return np.concatenate([day.head_voltage_dv for day in self.days]) / 10

    @property
    def losses_kw(self) -> Real:
        """In the cables, quarter hour by quarter hour."""
        return np.concatenate([day.losses_w for day in self.days]) / 1000

    def on(self, phase: npt.ArrayLike) -> Truth:
        """The same customers, drawing the same, on these phases."""
        customers = tuple(
            _moved(customer, SINGLE[int(at)])
            for customer, at in zip(self.street.customers, np.asarray(phase), strict=True)
        )
        return Truth(self.seed, replace(self.street, customers=customers), self.watts, self.vars)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What reached the head-end; NaN where nothing did.  Registers stand at the bounds of quarter
    hours, energy drawn less energy fed in."""

    kwh: Real  # quarter hours + 1, x customers
    kvarh: Real
    volts: Real  # quarter hours x customers
    head_kwh: Real  # quarter hours + 1, x phases
    head_volts: Real  # quarter hours x phases
    recorded: Counts  # the utility's records of phases: places in SINGLE

    @property
    def lost(self) -> float:
        """The share of customers' rows that was not heard."""
        return float(np.isnan(self.volts).mean())


def truth_of(seed: int, *, customers: int = 55, days: int = 14) -> Truth:
    """A street and what its customers draw, fixed by the seed."""
    places = []
    for number in range(customers):
        draw = octets(seed, "hidden truth", number, count=3)
        low, high = _LENGTH_M
        metres = low + (high - low) * int.from_bytes(draw[:2], "big") // 65_536
        phase = SINGLE[(draw[2] >= _ON_A) + (draw[2] >= _ON_B)]
        places.append((f"{90_000_001 + number}", Place(metres, number // 4, phase, number % 4)))
    street = street_of(seed, "hidden truth", places)
    drawn = [drawn_on(seed, street, day) for day in range(days)]
    watts, vars_ = (np.vstack([day[at] for day in drawn]) for at in (0, 1))
    return Truth(seed, street, watts, vars_)


def heard(
    truth: Truth,
    *,
    lost: float = 0.2,
    noise: float = 0.001,
    resolution_v: float = 0.1,
    wrong_records: float = 0.15,
    stolen: Mapping[int, float] | None = None,
) -> Heard:
    """What a head-end hears when this share of rows is lost; `stolen` are shares of customers'
    energy that their meters do not see."""
    seen = np.ones(truth.watts.shape[1])
    for customer, share in (stolen or {}).items():
        seen[customer] = 1 - share
    customers = truth.street.customers
    gone = np.column_stack(
        [_unheard(truth.seed, each.meter, len(truth.watts), lost) for each in customers]
    )
    head_gone = _unheard(truth.seed, "head", len(truth.watts), lost)[:, None]
    random = np.random.Generator(philox(truth.seed, "hidden truth", "voltage").bit_generator)
    volts = truth.volts * (1 + noise * random.standard_normal(truth.volts.shape))
    by_meter = recorded_phases(
        truth.seed, [(each.meter, each.place.phase) for each in customers], wrong_records
    )
    return Heard(
        kwh=_register(truth.watts * seen / 1000, gone),
        kvarh=_register(truth.vars * seen / 1000, gone),
        volts=np.where(gone, np.nan, np.round(volts / resolution_v) * resolution_v),
        head_kwh=_register(truth.head_kw, head_gone),
        head_volts=np.where(head_gone, np.nan, truth.head_volts),
        recorded=np.array([SINGLE.index(by_meter[each.meter]) for each in customers]),
    )


def lines_of(street: Street) -> Lines:
    """The street as the utility's drawings have it: a section from each customer to the one before
    it on the same cable."""
    count = len(street.customers)
    behind, ohms = np.zeros((count, count), dtype=bool), np.zeros(count)
    for section, customer in enumerate(street.customers):
        metres = customer.place.distance_m
        cable = [each for each in street.customers if each.branch == customer.branch]
        before = [each.place.distance_m for each in cable if each.place.distance_m < metres]
        same = [each for each in cable if each.place.distance_m == metres]
        if same[0] is not customer:
            continue  # two at one place have one section
        behind[section] = [
            each.branch == customer.branch and each.place.distance_m >= metres
            for each in street.customers
        ]
        length = metres - max(before, default=0)
        ohms[section] = street.cables[customer.branch].r_ohm_km * length / 1000
    return Lines(behind, ohms, ohms.copy())


def _moved(customer: Customer, phase: Phase) -> Customer:
    return replace(customer, place=replace(customer.place, phase=phase))


def _register(kw: Real, gone: npt.NDArray[np.bool_]) -> Real:
    """Readings at the end of each quarter hour, and one when it all begins, in whole Wh."""
    counted = np.round(np.cumsum(kw, axis=0) * HOURS_A_SLOT, 3)
    begun = np.zeros((1, kw.shape[1]))
    return np.vstack([begun, np.where(gone, np.nan, counted)])


def _unheard(seed: int, meter: str, slots: int, lost: float) -> npt.NDArray[np.bool_]:
    """Quarter hours of which nothing came: bursts, so many that this share is lost."""
    ends = 1 / BURST_SLOTS
    begins = ends * lost / (1 - lost)
    draws = philox(seed, "hidden truth", "unheard", meter).random(slots)
    found = np.zeros(slots, dtype=bool)
    silent = False
    for slot, draw in enumerate(draws.tolist()):
        silent = draw >= ends if silent else draw < begins
        found[slot] = silent
    return found
