"""Polling as published studies do it: a try is a whole round trip, and a lost one is tried again.

    p(try) = product over hops and both ways of P(detect) (1 - FER), each frame of it
    at most four tries; each takes as long as one that succeeds, since the poller waits as long

There are no acknowledgements, beacons or collisions; `exchange` is the link layer that simulated
concentrators use.  `prime_study` is a published set-up, with its own sizes and delays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.chance import philox
from devices.channel.link import RATIO_WITHOUT_LOSS_CDB
from devices.channel.place import (
    BETWEEN_FIXED_CDB,
    BETWEEN_PER_100_M_CDB,
    DOWN_FIXED_CDB,
    DOWN_PER_100_M_CDB,
    DOWN_PER_NODE_CDB,
    SPREAD_CDB,
    UP_PER_100_M_CDB,
)
from protocols.plc import meters_and_more_like, physical
from protocols.plc.error_rates import ONE, detected_frame_error_rates
from protocols.plc.frames import FRAME_OCTETS_MAX
from protocols.plc.noise import CLEAN, Noise
from protocols.plc.physical import DBPSK_FEC, Scheme

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

RETRIES_MAX = 3
FORWARDING_US = (
    20_000  # of a module that passes a frame on (assumption, as in Meters-and-More-like)
)


@dataclass(frozen=True, slots=True)
class Round:
    """One request and its answer, in octets above the link layer."""

    request_octets: int
    answer_octets: int


@dataclass(frozen=True, slots=True)
class Study:
    """A way to poll: what is asked of each meter, in which frames, and how long it takes."""

    rounds: tuple[Round, ...]
    frame_octets_max: int
    delay_us: int  # what the applications at both ends take, together, in each round
    scheme: Scheme = DBPSK_FEC
    rate_bps: int | None = None  # of a Meters-and-More-like line; None: PRIME-like

    def frames(self, octets: int) -> tuple[int, ...]:
        """The frames that carry a message, in octets."""
        whole, rest = divmod(octets, self.frame_octets_max)
        return (self.frame_octets_max,) * whole + ((rest,) if rest else ())

    def airtime_us(self, octets: int) -> int:
        """Of a message over one hop."""
        if self.rate_bps is not None:
            return sum(
                meters_and_more_like.airtime_us(each, self.rate_bps) for each in self.frames(octets)
            )
        return sum(physical.airtime_us(each, self.scheme) for each in self.frames(octets))

    def try_us(self, round_: Round, repeaters: int) -> int:
        """Of one try over a route with so many repeaters."""
        on_air = self.airtime_us(round_.request_octets) + self.airtime_us(round_.answer_octets)
        return (repeaters + 1) * on_air + 2 * repeaters * FORWARDING_US + self.delay_us


def prime_study(delay_us: int = 500_000, scheme: Scheme = DBPSK_FEC) -> Study:
    """The published PRIME polling: request 71 octets, then "next" 14; each answered by a block of
    512.  Each end's application takes the delay, the poller's before it asks and the meter's before
    it answers."""
    return Study((Round(71, 512), Round(14, 512)), FRAME_OCTETS_MAX, 2 * delay_us, scheme)


def meters_and_more_study(rate_bps: int = meters_and_more_like.RATE_BPS) -> Study:
    """One read of a Meters-and-More-like meter: 32 octets asked, 128 answered."""
    return Study(
        (Round(32, meters_and_more_like.LSDU_OCTETS_MAX),),
        meters_and_more_like.LSDU_OCTETS_MAX,
        meters_and_more_like.ELABORATION_US,
        rate_bps=rate_bps,
    )


@dataclass(frozen=True, slots=True)
class Street:
    """Where the polled meters are: all as far away, each with its own draw of the spread."""

    meters: int
    distance_m: int
    nodes_passed: int = 0
    repeaters: int = 0  # spread evenly along the way

    def __post_init__(self) -> None:
        if min(self.meters - 1, self.distance_m, self.nodes_passed, self.repeaters) < 0:
            raise ValueError(f"no such street: {self}")

    def ratios_cdb(self, seed: int) -> tuple[Ints, Ints]:
        """Down and up, a row for each meter and a column for each hop, over the night's noise."""
        hops = self.repeaters + 1
        hop_m = self.distance_m / hops
        between = BETWEEN_FIXED_CDB + BETWEEN_PER_100_M_CDB * hop_m / 100
        down, up = np.full((2, self.meters, hops), between)
        down[:, 0] = DOWN_FIXED_CDB + DOWN_PER_100_M_CDB * hop_m / 100
        down[:, 0] += DOWN_PER_NODE_CDB * self.nodes_passed
        up[:, 0] = UP_PER_100_M_CDB * hop_m / 100
        spread = philox(seed, "polling", "path").standard_normal((self.meters, hops)) * SPREAD_CDB
        losses = (np.maximum(0, np.rint(way + spread)).astype(np.int64) for way in (down, up))
        below, above = (RATIO_WITHOUT_LOSS_CDB - loss for loss in losses)
        return below, above


@dataclass(frozen=True, slots=True)
class Polled:
    """What became of it, round by round (columns) and meter by meter (rows)."""

    tries: Ints  # 0 where an earlier round had been given up
    answered: NDArray[np.bool_]
    taken_us: Ints

    @property
    def read(self) -> NDArray[np.bool_]:
        """The meters that answered every round."""
        return np.logical_and.reduce(self.answered, axis=1)


def poll(study: Study, street: Street, *, seed: int, noise: Noise = CLEAN) -> Polled:
    """Poll every meter once.  A meter whose round is given up is asked nothing more."""
    down, up = street.ratios_cdb(seed)
    shape = street.meters, len(study.rounds)
    luck = philox(seed, "polling", "luck").random((*shape, 1 + RETRIES_MAX))
    tries = np.zeros(shape, np.int64)
    answered = np.zeros(shape, np.bool_)
    asked = np.ones(street.meters, np.bool_)
    for number, round_ in enumerate(study.rounds):
        kept = _kept(study, noise, round_.request_octets, down)
        kept *= _kept(study, noise, round_.answer_octets, up)
        good = luck[:, number] < kept[:, None]
        answered[:, number] = asked & good.any(axis=1)
        first = np.where(good.any(axis=1), good.argmax(axis=1) + 1, 1 + RETRIES_MAX)
        tries[:, number] = np.where(asked, first, 0)
        asked = answered[:, number]
    try_us = np.array([study.try_us(round_, street.repeaters) for round_ in study.rounds])
    return Polled(tries, answered, tries * try_us)


def _kept(study: Study, noise: Noise, octets: int, ratios_cdb: Ints) -> Reals:
    """P(all frames of a message pass all hops), meter by meter."""
    rates = detected_frame_error_rates(study.scheme, noise)
    distinct, where = np.unique(ratios_cdb, return_inverse=True)
    kept = np.ones(len(distinct))
    for size in study.frames(octets):
        kept *= [1 - rates.lost_of_2_32(int(snr_cdb), size) / ONE for snr_cdb in distinct]
    return kept[where.reshape(ratios_cdb.shape)].prod(axis=1)
