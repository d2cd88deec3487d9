"""The power-line routes of one concentrator's meters, all at once: who repeats for whom.

Every module hears its neighbours; the route with the fewest expected transmissions wins, over at
most eight repeaters, as the master of a Meters-and-More-like network plans it.  Losses are those of
`devices.channel.place`; between two meters the regression is 4.72 dB + 16.5 dB/100 m of cable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from devices.channel.exchanges import Routes
from devices.channel.link import RATIO_WITHOUT_LOSS_CDB
from devices.channel.medium import Medium
from devices.channel.place import Place, path_to
from devices.grid.street import BRANCHES
from protocols.plc.error_rates import ONE

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

BETWEEN_FIXED_CDB = 472
BETWEEN_PER_100_M_CDB = 1650
HOPS_MAX = 9  # eight repeaters
REFERENCE_OCTETS = 64  # of the frames that transmissions are reckoned for (assumption)
NEVER = 1e6
_LOWEST_CDB, _HIGHEST_CDB, _STEP_CDB = -2_000, 6_000, 25


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """In hundredths of a decibel: down and up between the concentrator (row 0) and its meters, and
    between meters, where both ways are alike."""

    down_cdb: Integers  # (1 + n, 1 + n), from row to column, away from the concentrator
    up_cdb: Integers  # the same hop, towards it


def losses(seed: int, transformer: str, meters: Sequence[str], places: Sequence[Place]) -> Losses:
    """Fixed by the seed."""
    count = len(places)
    metres = np.array([each.distance_m for each in places], np.int64)
    branch = np.arange(count) % BRANCHES
    along = np.abs(metres[:, None] - metres[None, :])
    around = metres[:, None] + metres[None, :]
    cable = np.where(branch[:, None] == branch[None, :], along, around)
    down = np.zeros((count + 1, count + 1), np.int64)
    down[1:, 1:] = BETWEEN_FIXED_CDB + BETWEEN_PER_100_M_CDB * cable // 100
    up = down.copy()
    for at, (meter, place) in enumerate(zip(meters, places, strict=True), 1):
        path = path_to(seed, transformer=transformer, meter=meter, place=place)
        down[0, at], up[0, at] = path.loss_down_cdb, path.loss_up_cdb
    return Losses(down, up)


def routes(between: Losses, medium: Medium, noise_cdb: int) -> Routes:
    """The best route to each meter while the noise is so high above the night's floor.

    A meter that no route reaches keeps its straight hop: nothing will come through, and the
    concentrator finds out by trying.
    """
    snr_down = RATIO_WITHOUT_LOSS_CDB - noise_cdb - between.down_cdb
    snr_up = RATIO_WITHOUT_LOSS_CDB - noise_cdb - between.up_cdb
    cost = _transmissions(snr_down, snr_up, medium)
    before, hops = _shortest(cost)
    count = len(cost) - 1
    width = int(hops.max(initial=1))
    down, up = np.full((2, count, width), _LOWEST_CDB, np.int64)
    for meter in range(count):
        at = meter + 1
        for hop in reversed(range(int(hops[meter]))):
            down[meter, hop], up[meter, hop] = snr_down[before[at], at], snr_up[before[at], at]
            at = before[at]
    return Routes(hops, down, up)


def _shortest(cost: Reals) -> tuple[Integers, Integers]:
    """Bellman and Ford, one hop more each time: the node before each, hops of each meter."""
    count = len(cost)
    best = np.full(count, np.inf)
    best[0] = 0.0
    before = np.zeros(count, np.int64)
    for _ in range(HOPS_MAX):
        through = best[:, None] + cost
        nearest = through.argmin(axis=0)
        total = through[nearest, np.arange(count)]
        better = total < best
        if not better.any():
            break
        best, before = np.where(better, total, best), np.where(better, nearest, before)
    return before, _counted(before)


def _counted(before: Integers) -> Integers:
    """How many hops the chain of each meter has."""
    hops = np.zeros(len(before) - 1, np.int64)
    at = np.arange(1, len(before))
    for _ in range(len(before)):
        if not at.any():
            break
        hops += at > 0
        at = before[at]
    return hops


def _transmissions(snr_down: Integers, snr_up: Integers, medium: Medium) -> Reals:
    """Expected transmissions of a hop until frame and answer came through."""
    table = _lost(medium)
    last = len(table) - 1
    kept = np.ones(snr_down.shape)
    for snr in (snr_down, snr_up):
        kept *= 1.0 - table[np.clip((snr - _LOWEST_CDB) // _STEP_CDB, 0, last)]
    cost: Reals = np.where(kept > 1 / NEVER, 1 / np.maximum(kept, 1 / NEVER), NEVER)
    np.fill_diagonal(cost, NEVER)
    cost[:, 0] = np.inf
    return np.rint(cost * 1000) / 1000  # so that equal routes are equal on every machine


@cache
def _lost(medium: Medium) -> Reals:
    ratios = range(_LOWEST_CDB, _HIGHEST_CDB, _STEP_CDB)
    lost = [medium.rates.lost_of_2_32(ratio, REFERENCE_OCTETS) / ONE for ratio in ratios]
    return np.array(lost)
