"""What customers draw: households, shops, solar roofs and cars, in watts and vars of quarter hours.

Every number comes from an integer stream keyed by seed, customer and day, and is made by integer
arithmetic: the same on any machine, in any order of asking, for any part of a field.  A load comes
again after four weeks, weekday on weekday, so that a register's reading at any moment is a sum of
few terms.  The models and where they come from: docs/models.md, "Customers".

    watts = shape of the day, shifted and scaled for the customer, times (1 + AR(1) noise)
          + spikes (a kettle, an oven)  + a car that charges  - a solar roof
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from devices.chance import octets, philox
from devices.meter.load import SLOTS_PER_DAY

Integers = npt.NDArray[np.int64]

PERIOD_DAYS = 28
ONE = 1024
"""Shares and noise count in 1/1024."""

# All of the following are assumptions, chosen to look like residential feeders; none is fitted.
SHARE_SHOP = 20  # of 256 single-phase customers
SHARE_SOLAR = 26
SHARE_CAR = 20
DAILY_WH = (4_000, 13_000)  # a household's mean day
SHOP_FACTOR = 3
TAN_PHI = (208, 496)  # of 1024: power factors 0.98 to 0.90
SOLAR_PEAK_W = (1_500, 4_000)
CAR_W = (2_300, 3_700)
CAR_SLOTS = (4, 16)
CAR_DAYS = 150  # of 256
SPIKES_A_DAY = 6
SPIKE_W = (400, 2_200)
STANDBY_W = 30
NOISE_MEMORY = 22
"""Quarter hours after which AR(1) noise with factor 0.85 is below 3 %."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What is peculiar to one customer, fixed by the seed."""

    shop: bool
    mean_w: int
    shift: int  # quarter hours: late risers, early risers
    tan_phi: int
    solar_w: int
    car_w: int
    shares: tuple[int, ...]  # of 1024, of each phase


def habits_of(seed: int, meter: str, phases: int) -> Habits:
    """A customer's.  One with three phases is a shop or a workshop."""
    draw = octets(seed, "customer", meter, count=16)

    def between(low_high: tuple[int, int], at: int) -> int:
        low, high = low_high
        return low + (high - low) * int.from_bytes(draw[at : at + 2], "big") // 65_536

    shop = phases == 3 or draw[0] < SHARE_SHOP
    mean_w = between(DAILY_WH, 2) // 24 * (SHOP_FACTOR if shop else 1)
    return Habits(
        shop=shop,
        mean_w=mean_w,
        shift=draw[4] % 9 - 4,
        tan_phi=between(TAN_PHI, 5),
        solar_w=between(SOLAR_PEAK_W, 7) * phases if draw[9] < SHARE_SOLAR else 0,
        car_w=between(CAR_W, 10) if draw[12] < SHARE_CAR and not shop else 0,
        shares=_shares(draw[13:], phases),
    )


def _shares(draw: bytes, phases: int) -> tuple[int, ...]:
    if phases == 1:
        return (ONE,)
    first, second = (ONE // 3 + each % 120 - 60 for each in draw[:2])
    return (first, second, ONE - first - second)


def day_of(
    seed: int, meter: str, phases: int, day: int, *, utc_offset_min: int = 0
) -> tuple[Integers, Integers]:
    """Watts and vars of one UTC day (days since 1970), each phases x 96; below 0 is fed in."""
    habits = habits_of(seed, meter, phases)
    number = day % PERIOD_DAYS
    rng = philox(seed, "consumption", meter, number)
    weekend = (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    turn = habits.shift - utc_offset_min // 15
    shape = np.roll(_shape(habits.shop, weekend), turn)
    noise = _noise(rng.bit_generator.random_raw(15))
    watts = STANDBY_W + habits.mean_w * shape // ONE * (ONE + noise) // ONE
    raw = rng.bit_generator.random_raw(4 * SPIKES_A_DAY).astype(np.uint64)
    _add_spikes(watts, raw, shape)
    if habits.car_w:
        _add_car(watts, raw, habits.car_w, 76 - utc_offset_min // 15)
    vars_ = watts * habits.tan_phi // ONE
    if habits.solar_w:
        watts = watts - _sun(seed, number, habits.solar_w, utc_offset_min)
    shares = np.array(habits.shares, dtype=np.int64)[:, None]
    return watts * shares // ONE, vars_ * shares // ONE


def _noise(raw: npt.NDArray[np.uint64]) -> Integers:
    """AR(1) noise of 96 quarter hours in 1/1024, standard deviation about 0.3, never below -0.9."""
    white = raw.view(np.uint8)[: SLOTS_PER_DAY + NOISE_MEMORY - 1].astype(np.int64) - 128
    return np.clip(np.convolve(white, _MEMORY, "valid") >> 9, -920, 3 * ONE)


_MEMORY = np.array([1150 * 85**lag // 100**lag for lag in range(NOISE_MEMORY)], dtype=np.int64)
"""White octets have a standard deviation of 74, and the sum over the memory has 1.9 times that:
1150 / 512 brings 0.3 of 1024."""


def _add_spikes(watts: Integers, raw: npt.NDArray[np.uint64], shape: Integers) -> None:
    """Some appliances of one quarter hour, more often when people are up."""
    for number in range(SPIKES_A_DAY):
        slot, power, likely = (int(raw[4 * number + each]) for each in range(3))
        slot %= SLOTS_PER_DAY
        if likely % (2 * ONE) < shape[slot]:
            low, high = SPIKE_W
            watts[slot] += low + power % (high - low)


def _add_car(watts: Integers, raw: npt.NDArray[np.uint64], power: int, evening: int) -> None:
    """A car that comes home between seven and eleven, most days, and charges for one to four hours
    (what is left at midnight UTC is dropped)."""
    comes, when, long = (int(raw[4 * number + 3]) for number in range(3))
    if comes % 256 < CAR_DAYS:
        first = (evening + when % 16) % SLOTS_PER_DAY
        shortest, longest = CAR_SLOTS
        watts[first : first + shortest + long % (longest - shortest)] += power


def _sun(seed: int, number: int, peak_w: int, utc_offset_min: int) -> Integers:
    """What a roof gives; all roofs of a field are under the same clouds."""
    sky = np.frombuffer(octets(seed, "sky", number, count=1 + SLOTS_PER_DAY), np.uint8)
    sky = sky.astype(np.int64)
    clear = ONE - sky[0] * 2  # the day's: half to full
    passing = ONE - sky[1:] * int(sky[0]) // 128  # the more clouds, the more they come and go
    return peak_w * np.roll(_SUN, -utc_offset_min // 15) // ONE * clear // ONE * passing // ONE


_SUN = np.array(
    [max(0, ONE - (2 * slot - 95) ** 2 * ONE // 48**2) for slot in range(SLOTS_PER_DAY)],
    dtype=np.int64,
)
"""A parabola from six to eighteen o'clock, sun time."""


@cache
def _shape(shop: bool, weekend: bool) -> Integers:
    """A day from local midnight, in 1/1024 of its mean."""
    hours = _SHOP if shop else _HOUSEHOLD
    if weekend:
        hours = _SHOP_WEEKEND if shop else _HOUSEHOLD_WEEKEND
    slots = np.repeat(np.array(hours, dtype=np.int64), 4)
    smooth = (np.roll(slots, 1) + 2 * slots + np.roll(slots, -1)) // 4
    return smooth * ONE * SLOTS_PER_DAY // int(smooth.sum())


# Assumptions: a household's morning, noon and evening; opening hours.
_HOUSEHOLD = (
    35, 30, 28, 27, 28, 35, 60, 90, 80, 62, 58, 60, 75, 80, 62, 55, 60, 80, 110, 145, 160, 140, 95,
    55,
)  # fmt: skip
_HOUSEHOLD_WEEKEND = (
    40, 33, 30, 28, 28, 30, 40, 60, 85, 95, 95, 95, 110, 110, 85, 75, 75, 90, 115, 140, 150, 130,
    95, 60,
)  # fmt: skip
_SHOP = (
    20, 20, 20, 20, 20, 22, 30, 60, 110, 140, 150, 150, 140, 130, 145, 150, 150, 145, 130, 90, 45,
    28, 22, 20,
)  # fmt: skip
_SHOP_WEEKEND = (
    20, 20, 20, 20, 20, 20, 22, 30, 60, 100, 120, 125, 110, 70, 40, 30, 28, 26, 24, 22, 22, 20, 20,
    20,
)  # fmt: skip
