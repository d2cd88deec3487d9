"""A concentrator's rounds: after midnight, and again every hour for whom something is missing.

Within a round all meters are asked at one moment, exchange by exchange, and the time that it takes
is added up afterwards: one line carries one message at a time.  Whether a request arrives, and its
answer, is drawn from the power-line tables by (seed, concentrator, meter, round, exchange), so the
order of meters, and who works on them, change nothing.  A meter that did not get a request never
sees it; one whose answer was lost has counted it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from devices.channel.exchanges import Routes, keys_of, many
from devices.channel.medium import Medium
from devices.channel.noise import NoiseProfile
from devices.meter.device import Meter
from devices.philox import Turn
from protocols.plc.error_rates import ONE
from scenarios.fleet.absences import Absences
from scenarios.fleet.reading import DAY_S, Reading
from scenarios.fleet.routes import Losses, routes

Flags = npt.NDArray[np.bool_]

FIRST_ROUND_S = 15 * 60
"""After midnight, when the last interval of the day has been captured."""
ROUND_EVERY_S = 3600
TRIES = 3
"""Sessions with one meter in one round, before the next round's turn."""
EXCHANGES_OF_A_TRY = 1 << 10
ANSWER_AFTER_US = 100_000
"""A meter's time to answer (devices.concentrator.power_line)."""

Tap = Callable[[str, float, bytes, bytes], None]
"""Hears what reached a meter and what the meter said: its number, when, request, answers."""


@dataclass(slots=True)
class Line:
    """The way to the meters of one concentrator."""

    seed: int
    concentrator: str
    medium: Medium
    losses: Losses
    noise: NoiseProfile
    absences: Absences
    numbers: npt.NDArray[np.int64]
    """The meters' own, for their draws."""
    _keys: npt.NDArray[np.uint64] = field(init=False)
    _routes: dict[int, Routes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._keys = np.repeat(keys_of(self.seed, [self.concentrator]), len(self.numbers))

    def routes(self, now: float, who: npt.NDArray[np.int64]) -> Routes:
        """How they are reached now; to those that are away nothing comes."""
        level = self.noise.at(now)
        if level not in self._routes:
            self._routes[level] = routes(self.losses, self.medium, level)
        every = self._routes[level]
        fault = np.zeros((len(who), every.snr_down_cdb.shape[1]), np.int64)
        fault[self.absences.away(now)[who]] = ONE
        return Routes(every.hops[who], every.snr_down_cdb[who], every.snr_up_cdb[who], fault)

    def draw(
        self, along: Routes, who: npt.NDArray[np.int64], asked: int, answered: int, turn: Turn
    ) -> tuple[Flags, Flags, npt.NDArray[np.int64]]:
        """Whom a request reaches, whose answer comes back, and for how long the line was taken."""
        found = many(
            along,
            self.medium,
            asked,
            answered,
            keys=self._keys[who],
            meters=self.numbers[who],
            turn=turn,
        )
        return found.asked, found.answered, found.total_us


@dataclass(slots=True)
class Told:
    """What a concentrator's rounds came to."""

    rounds: int = 0
    sessions: int = 0
    exchanges: int = 0
    octets: int = 0
    """Of APDUs in their wrappers, both ways, whether they arrived or not."""
    busy_s: float = 0.0
    ended_at: float = 0.0


@dataclass(slots=True)
class Rounds:
    """See the module."""

    line: Line
    meters: tuple[Meter, ...]
    readings: list[Reading]
    tap: Tap | None = None
    told: Told = field(default_factory=Told)

    def run(self, first_day: int, days: int) -> Told:
        """Collect each day after its midnight, until nothing is missing or the last day's 24 hours
        are over."""
        now = float(first_day * DAY_S)
        for day in range(days):
            midnight = float((first_day + day + 1) * DAY_S)
            now = max(now, midnight + FIRST_ROUND_S)
            while now < midnight + DAY_S and self._wanting(day):
                took_s = self._round(now, day)
                self.told.rounds += 1
                self.told.busy_s += took_s
                self.told.ended_at = now + took_s
                now += max(ROUND_EVERY_S, -(-took_s // ROUND_EVERY_S) * ROUND_EVERY_S)
        return self.told

    def _wanting(self, day: int) -> list[int]:
        """Whom something is missing of up to this day."""
        return [
            at
            for at, reading in enumerate(self.readings)
            if any(missing <= day for missing in reading.missing)
        ]

    def _round(self, now: float, day: int) -> float:
        """Ask whom something is missing of; for how long the line was taken."""
        number = self.told.rounds
        took_us = 0
        for attempt in range(TRIES):
            open_ = self._opened(now, day)
            exchange = attempt * EXCHANGES_OF_A_TRY
            while open_:
                open_, more_us = self._exchanged(open_, now, Turn(number, exchange))
                took_us += more_us
                exchange += 1
        return took_us / 1e6

    def _opened(self, now: float, day: int) -> dict[int, bytes]:
        """A session with each meter that wants one: what it begins with."""
        found = {}
        for at in self._wanting(day):
            reading = self.readings[at]
            days = [each for each in reading.missing if each <= day]
            found[at] = reading.open(days, now)
        self.told.sessions += len(found)
        return found

    def _exchanged(
        self, open_: dict[int, bytes], now: float, turn: Turn
    ) -> tuple[dict[int, bytes], int]:
        """One exchange with each of these: what each is asked next, and the time it took."""
        following: dict[int, bytes] = {}
        took_us = 0
        for octets, who in _by_size(open_):
            # Down first: only what arrives is answered, and only an answer has a size.
            along = self.line.routes(now, who)
            asked, _, us = self.line.draw(along, who, octets, 1, turn)
            took_us += int(us[~asked].sum())
            self._broken_off(who[~asked])
            answers = {at: self._answered(at, open_[at], now) for at in who[asked].tolist()}
            for size, some in _by_size(answers):
                along = self.line.routes(now, some)
                _, arrived, us = self.line.draw(along, some, octets, size, turn)
                took_us += int(us.sum()) + len(some) * ANSWER_AFTER_US
                self._broken_off(some[~arrived])
                for at in some[arrived].tolist():
                    if (frame := self.readings[at].hear(answers[at], now)) is not None:
                        following[at] = frame
                self.told.octets += size * len(some)
            self.told.octets += octets * len(who)
            self.told.exchanges += len(who)
        return following, took_us

    def _answered(self, at: int, request: bytes, now: float) -> bytes:
        """What a meter says to a request that reached it."""
        answers = b"".join(self.meters[at].receive(request, now=now))
        if not answers:
            raise RuntimeError(f"meter {self.readings[at].meter} is there and says nothing")
        if self.tap is not None:
            self.tap(self.readings[at].meter, now, request, answers)
        return answers

    def _broken_off(self, who: npt.NDArray[np.int64]) -> None:
        for at in who.tolist():
            self.readings[at].close()


def _by_size(frames: dict[int, bytes]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Meters whose frames are as long as each other's, in order."""
    sizes: dict[int, list[int]] = {}
    for at in sorted(frames):
        sizes.setdefault(len(frames[at]), []).append(at)
    for size, some in sorted(sizes.items()):
        yield size, np.array(some, np.int64)
