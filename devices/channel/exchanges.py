"""APDU exchanges with many meters at once: `exchange` by the array.

Every draw comes from a block of words that is a function of (seed, concentrator, meter, round), so
a meter's result is the same in any batch, in any order and in any process, and the same as that of
`exchange` and `by_frames` given `keyed(key, meter, turn)`.  What decides is integers throughout.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from devices.channel.medium import Medium
from devices.philox import Turn, blocks, key_of
from protocols.plc.error_rates import ONE
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS
from protocols.plc.noise import Noise
from protocols.plc.physical import Scheme

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Keys = NDArray[np.uint64]

CAUSE = "exchange"
"""The name of the draws; `key_of(seed, CAUSE, concentrator)` is a concentrator's key."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes to many meters: rows are meters, columns hops, the concentrator's first.

    `hops` says how many of the columns a meter has; the rest of its row counts for nothing.
    Ratios are hundredths of a decibel; `fault_of_2_32` is what a fault takes of a hop's frames,
    `ONE` where a module has no power.
    """

    hops: Ints  # (n,)
    snr_down_cdb: Ints  # (n, columns)
    snr_up_cdb: Ints
    fault_of_2_32: Ints | None = None

    def __post_init__(self) -> None:
        shape = self.snr_down_cdb.shape
        if self.snr_up_cdb.shape != shape or self.hops.shape != shape[:1]:
            raise ValueError("routes of unequal shapes")
        if self.fault_of_2_32 is not None and self.fault_of_2_32.shape != shape:
            raise ValueError("faults and routes of unequal shapes")
        if len(self.hops) and not 1 <= self.hops.min() <= self.hops.max() <= shape[1]:
            raise ValueError(f"a route has 1 to {shape[1]} hops here")


@dataclass(frozen=True, slots=True)
class Exchanges:
    """How they went, meter by meter: the fields of `exchange.Exchange` as arrays."""

    asked: Flags
    answered: Flags
    frames_down: Ints
    acknowledged_down: Ints
    frames_up: Ints
    total_us: Ints
    airtime_us: Ints


def keys_of(seed: int, concentrators: Iterable[str]) -> Keys:
    """The keys of these concentrators' draws; repeat each for its meters (`numpy.repeat`)."""
    return np.array([key_of(seed, CAUSE, name) for name in concentrators], np.uint64)


def many(
    routes: Routes,
    medium: Medium,
    request_octets: int,
    answer_octets: int,
    *,
    keys: Keys,
    meters: Ints,
    turn: Turn,
) -> Exchanges:
    """One exchange with each meter.  `keys` and `meters` (their numbers) are as long as `routes`.

    Raises ValueError where a message is empty or a meter's number is none (see `Turn.counter`).
    """
    course = _Course(routes, medium, keys, meters, turn)
    down = course.count
    asked = np.ones(len(meters), np.bool_)
    for hop in range(routes.snr_down_cdb.shape[1]):
        course.cross(
            hop,
            request_octets,
            routes.snr_down_cdb,
            routes.snr_up_cdb,
            asked,
            by_master=hop == 0,
        )
    frames_down, acknowledged_down = down.frames.copy(), down.acknowledged.copy()
    answered = asked.copy()
    for hop in reversed(range(routes.snr_down_cdb.shape[1])):
        course.cross(hop, answer_octets, routes.snr_up_cdb, routes.snr_down_cdb, answered)
    return Exchanges(
        asked=asked,
        answered=answered,
        frames_down=frames_down,
        acknowledged_down=acknowledged_down,
        frames_up=down.frames - frames_down,
        total_us=down.total_us,
        airtime_us=down.airtime_us,
    )


class _Count:
    """What adds up, meter by meter."""

    def __init__(self, meters: int) -> None:
        self.frames, self.acknowledged, self.total_us, self.airtime_us = np.zeros(
            (4, meters), np.int64
        )


class _Course:
    """Exchanges while they run.  The block of a try is how many tries the meter had before."""

    def __init__(
        self, routes: Routes, medium: Medium, keys: Keys, meters: Ints, turn: Turn
    ) -> None:
        if not len(routes.hops) == len(keys) == len(meters):
            raise ValueError("as many keys and meters as routes")
        if len(meters) and not 0 <= meters.min() <= meters.max() < 1 << 40:
            raise ValueError("a meter's number has up to 40 bits")
        self.routes = routes
        self.medium = medium
        self.keys = keys
        self.count = _Count(len(meters))
        self._low = (meters & 0xFFFFFFFF).astype(np.uint32)
        self._high = ((meters >> 32) | turn.exchange << 8).astype(np.uint32)
        self._round = turn.round

    def cross(
        self,
        hop: int,
        octets: int,
        snr_cdb: Ints,
        snr_back_cdb: Ints,
        arrived: Flags,
        *,
        by_master: bool = False,
    ) -> None:
        """Carry a message over a hop for all that have it and reach so far; others stay as they
        are.  `arrived` falls where it got lost; `by_master`: the concentrator sends."""
        sizes = self.medium.segments(octets)
        who = np.flatnonzero(arrived & (self.routes.hops > hop))
        back = self._lost(ACKNOWLEDGEMENT_OCTETS)(snr_back_cdb[who, hop])
        there = snr_cdb[who, hop]
        for number, size in enumerate(sizes, 1):
            whole, acknowledged = self._send(who, hop, size, there, back, by_master=by_master)
            if number == len(sizes):
                arrived[who[~whole]] = False
            else:
                arrived[who[~acknowledged]] = False
                who, there, back = who[acknowledged], there[acknowledged], back[acknowledged]

    def _send(
        self,
        who: Ints,
        hop: int,
        size: int,
        snr_cdb: Ints,
        back_lost: Ints,
        *,
        by_master: bool,
    ) -> tuple[Flags, Flags]:
        """A segment until it is acknowledged or given up: who has it, whose sender knows."""
        count, medium = self.count, self.medium
        lost = self._lost(size)(snr_cdb)
        good_us = medium.try_us(size, by_master=by_master)
        bad_us = medium.try_us(size, known=False, by_master=by_master)
        frame_us, ack_us = medium.frame_us(size), medium.acknowledgement_us
        whole = np.zeros(len(who), np.bool_)
        acknowledged = np.zeros(len(who), np.bool_)
        left = np.arange(len(who))
        for _ in range(1 + medium.retries_max):
            if not len(left):
                break
            meter = who[left]
            noise, fault, back_noise, back_fault = self._draw(meter)
            got = noise >= lost[left]
            told = back_noise >= back_lost[left]
            if self.routes.fault_of_2_32 is not None:
                kept = ONE - self.routes.fault_of_2_32[meter, hop]
                got &= fault < kept
                told &= back_fault < kept
            told &= got
            count.frames[meter] += 1
            count.total_us[meter] += np.where(told, good_us, bad_us)
            count.airtime_us[meter] += frame_us + ack_us * got
            count.acknowledged[meter] += told
            whole[left] |= got
            acknowledged[left] = told
            left = left[~told]
        return whole, acknowledged

    def _draw(self, meter: Ints) -> NDArray[np.uint32]:
        """Four words for the next try of each of these meters."""
        counters = np.empty((4, len(meter)), np.uint32)
        counters[0] = self.count.frames[meter]
        counters[1] = self._low[meter]
        counters[2] = self._high[meter]
        counters[3] = self._round
        return blocks(counters, self.keys[meter])

    def _lost(self, octets: int) -> _RateTable:
        return _rate_table(self.medium.scheme, self.medium.noise, octets)


class _RateTable:
    """The rate for one frame size at every hundredth of a decibel: interpolated once."""

    def __init__(self, first_cdb: int, lost: Ints) -> None:
        self._first_cdb = first_cdb
        self._lost = lost

    def __call__(self, snr_cdb: Ints) -> Ints:
        return self._lost[np.clip(snr_cdb - self._first_cdb, 0, len(self._lost) - 1)]


@cache
def _rate_table(scheme: Scheme, noise: Noise, octets: int) -> _RateTable:
    rates = Medium(scheme, noise).rates
    # Below the first row of either everything is lost.
    first = max(rates.payload.first_snr_cdb, rates.header.first_snr_cdb) - 1
    last = max(rates.payload.last_snr_cdb, rates.header.last_snr_cdb)
    lost = [rates.lost_of_2_32(snr_cdb, octets) for snr_cdb in range(first, last + 1)]
    return _RateTable(first, np.array(lost, np.int64))
