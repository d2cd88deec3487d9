"""A household's appliance on the line: on for minutes, off for hours, and always at the same meter.

While it is on it shunts the line, which costs both ways, and it makes noise where it stands, which
costs what the meter hears.  On and off follow a Gilbert-Elliott chain: both last exponentially.
The chain starts anew each day (UTC) from its stationary law, so that any moment of any day can be
looked up by itself; retries back to back meet the same state.

Means and ranges are assumptions (docs/models.md).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from devices.philox import block, blocks, key_of
from devices.span import Span

ON_MEAN_S = 300.0
OFF_MEAN_S = 10_800.0
SWITCHES_MAX = 64  # a day; some 15 are usual
LINE_OHM = 20.0  # characteristic impedance
LOAD_OHM = (5.0, 100.0)  # of appliances, log-uniform
NOISE_CDB_MAX = 600  # where the appliance stands, uniform from 0

DAY_S = 86_400
_ONE = 1 << 32
_HABIT = _ONE - 1  # in place of a day: what an appliance is like
_ON_SHARE_OF_2_32 = round(_ONE * ON_MEAN_S / (ON_MEAN_S + OFF_MEAN_S))

Ints = NDArray[np.int64]


def shunt_loss_db(load_ohm: complex, line_ohm: complex = LINE_OHM) -> float:
    """What a load across the line costs: 20 log10 abs(1 + Zc/(2 Zl))."""
    return 20.0 * math.log10(abs(1 + line_ohm / (2 * load_ohm)))


@dataclass(frozen=True, slots=True)
class Change:
    """What an appliance that is on does to the ratio, hundredths of a decibel, never above 0."""

    down_cdb: int
    up_cdb: int


@dataclass(frozen=True, slots=True)
class Appliance:
    """The appliance behind one meter, known by the meter's number."""

    seed: int
    meter: int
    _held: list[float] = field(
        default_factory=lambda: [0.0, 0.0, False], init=False, compare=False, repr=False
    )
    """Since when, until when, and whether it is on in between: the stretch last looked at."""

    @property
    def change(self) -> Change:
        """What it does while it is on."""
        return _change(self.seed, self.meter)

    def on(self, now: float) -> bool:
        """Whether it is on at this POSIX time."""
        return bool(self._stretch(now)[2])

    def next_switch(self, now: float) -> float:
        """When it is switched next on the day of `now`, UTC; where it is not, that day's end."""
        return self._stretch(now)[1]

    def _stretch(self, now: float) -> list[float]:
        """Of one state, cut at midnight, UTC: the one that `now` lies in."""
        held = self._held
        if not held[0] <= now < held[1]:
            day = int(now // DAY_S)
            edges = (day * DAY_S, *_edges(self.seed, self.meter, day), (day + 1) * DAY_S)
            ahead = bisect_right(edges, now, 1, len(edges) - 1)
            # On from every first edge of a day until the second.
            held[:] = edges[ahead - 1], edges[ahead], ahead % 2 == 0
        return held

    def spans(self, since: float, until: float) -> Iterator[Span]:
        """When it is on, on the days that [since, until] touches; cut at midnight, UTC."""
        for day in range(int(since // DAY_S), int(until // DAY_S) + 1):
            yield from _day(self.seed, self.meter, day)


@lru_cache(maxsize=65_536)
def _change(seed: int, meter: int) -> Change:
    impedance, noise, _, _ = block(_counter(0, meter, _HABIT), _key(seed))
    low, high = LOAD_OHM
    shunt_db = shunt_loss_db(low * (high / low) ** (impedance / _ONE))
    shunt_cdb = round(100 * shunt_db)
    return Change(-shunt_cdb - noise * (NOISE_CDB_MAX + 1) // _ONE, -shunt_cdb)


@lru_cache(maxsize=16_384)
def _edges(seed: int, meter: int, day: int) -> tuple[int, ...]:
    """When it is switched, on and off in turn."""
    return tuple(edge for on, off in _stretches(seed, meter, day) for edge in (on, off))


def _day(seed: int, meter: int, day: int) -> tuple[Span, ...]:
    return tuple(Span(on, off) for on, off in _stretches(seed, meter, day))


def _stretches(seed: int, meter: int, day: int) -> list[tuple[int, int]]:
    """From when until when it is on."""
    key = _key(seed)
    words = [
        word
        for number in range(SWITCHES_MAX // 4 + 1)
        for word in block(_counter(number, meter, day), key)
    ]
    on = words[0] < _ON_SHARE_OF_2_32
    spans, second = [], 0
    for word in words[1 : SWITCHES_MAX + 1]:
        end = min(DAY_S, second + _lasts_s(word, ON_MEAN_S if on else OFF_MEAN_S))
        if on:
            spans.append((day * DAY_S + second, day * DAY_S + end))
        second, on = end, not on
        if second == DAY_S:
            break
    return spans


def _lasts_s(word: int, mean_s: float) -> int:
    return max(1, round(-mean_s * math.log((word + 0.5) / _ONE)))


@lru_cache(maxsize=16)
def _key(seed: int) -> int:
    return key_of(seed, "appliance")


def _counter(number: int, meter: int, day: int) -> tuple[int, int, int, int]:
    return number, meter & (_ONE - 1), meter >> 32, day


class Appliances:
    """Those of many meters on one day (UTC, days since 1970), by the array."""

    def __init__(self, seed: int, meters: Ints, day: int) -> None:
        """`meters` are their numbers."""
        self.day = day
        words = _words(seed, meters, day, SWITCHES_MAX // 4 + 1)[:, : SWITCHES_MAX + 1]
        self._on_first = words[:, 0] < _ON_SHARE_OF_2_32
        logs = -np.log((words[:, 1:] + 0.5) / _ONE)
        ordinal = np.arange(SWITCHES_MAX) % 2 == 0  # the first, third, ... stretch
        means = np.where(ordinal == self._on_first[:, None], ON_MEAN_S, OFF_MEAN_S)
        lasts = np.maximum(1, np.rint(means * logs)).astype(np.int32)
        self._ends = np.cumsum(lasts, axis=1)
        habits = _words(seed, meters, _HABIT, 1)
        low, high = LOAD_OHM
        loads = low * (high / low) ** (habits[:, 0] / _ONE)
        shunts = np.rint(2000 * np.log10(1 + LINE_OHM / (2 * loads))).astype(np.int64)
        self._up_cdb = -shunts
        self._down_cdb = -shunts - (habits[:, 1].astype(np.int64) * (NOISE_CDB_MAX + 1) // _ONE)

    def on(self, now: float) -> NDArray[np.bool_]:
        """Which are on at this POSIX time.  Raises ValueError for another day's."""
        if now // DAY_S != self.day:
            raise ValueError(f"{now} is not on day {self.day}")
        switched = (self._ends <= now % DAY_S).sum(axis=1)
        # After the last switch that is drawn, everything is off.
        return ((switched % 2 == 0) == self._on_first) & (switched < SWITCHES_MAX)

    def changes_cdb(self, now: float) -> tuple[Ints, Ints]:
        """What they do to the ratios down and up."""
        on = self.on(now)
        return self._down_cdb * on, self._up_cdb * on


def _words(seed: int, meters: Ints, day: int, count: int) -> NDArray[np.uint32]:
    """The words of `count` blocks for each meter, a row each."""
    counters = np.empty((4, len(meters), count), np.uint32)
    counters[0] = np.arange(count)
    counters[1] = (meters & (_ONE - 1)).astype(np.uint32)[:, None]
    counters[2] = (meters >> 32).astype(np.uint32)[:, None]
    counters[3] = day
    keys = np.full(len(meters) * count, _key(seed), np.uint64)
    words = blocks(counters.reshape(4, -1), keys)
    return words.reshape(4, len(meters), count).transpose(1, 2, 0).reshape(len(meters), -1)
