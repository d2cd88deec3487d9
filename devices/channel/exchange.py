"""One APDU exchange with a meter: a request down a route of hops, the answer back up.

The message crosses one hop after the other, as `transfer` carries it: segment by segment, each
acknowledged, each tried up to four times.  A hop that did not hand on all of it ends the exchange;
one that did hands on, whether or not the sender before it learned that it had arrived.

There are three ways to the same answer, and all of them draw from the same tables:

    by_frames       each frame encoded, carried and written down: where somebody looks
    exchange        the fates alone, for one meter
    exchanges.many  the fates alone, for a hundred thousand meters at once, in NumPy

Given the stream of a meter's turn (`devices.philox.keyed`), all three give the same result and not
only the same distribution, unless the links' slow state changes in the middle of the exchange.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from devices.channel.link import Link
from devices.channel.medium import Medium
from devices.channel.route import Route
from devices.channel.transfer import transfer
from protocols.plc.error_rates import ONE
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS, Direction


@dataclass(frozen=True, slots=True)
class Hop:
    """A hop's ratio each way, hundredths of a decibel, and what a fault takes besides.

    A module without power is a hop whose fault takes all: `fault_of_2_32=ONE`.
    """

    snr_down_cdb: int
    snr_up_cdb: int
    fault_of_2_32: int = 0

    @classmethod
    def of(cls, link: Link, now: float) -> Hop:
        """A link as it is now."""
        fault = link.fault_of_2_32(now) if link.module_on(now) else ONE
        return cls(link.snr_cdb(Direction.DOWN, now), link.snr_cdb(Direction.UP, now), fault)


@dataclass(frozen=True, slots=True)
class Exchange:
    """How it went.  Times are those of the line; the meter's own time to answer is not in them."""

    asked: bool  # the request reached the meter
    answered: bool  # and its answer the concentrator
    frames_down: int  # data frames sent down, repeats included, over all hops
    acknowledged_down: int  # and how many of these were acknowledged
    frames_up: int
    total_us: int
    airtime_us: int


def exchange(
    hops: Sequence[Hop], medium: Medium, request_octets: int, answer_octets: int, chance: Random
) -> Exchange:
    """An exchange over these hops, the concentrator's first.  Nothing is waited for here."""
    down, up = _Count(), _Count()
    asked = all(
        _message(medium, request_octets, Way.down(hop, by_master=number == 0), chance, down)
        for number, hop in enumerate(hops)
    )
    answered = asked and all(
        _message(medium, answer_octets, Way.up(hop), chance, up) for hop in reversed(hops)
    )
    return Exchange(
        asked=asked,
        answered=answered,
        frames_down=down.frames,
        acknowledged_down=down.acknowledged,
        frames_up=up.frames,
        total_us=down.total_us + up.total_us,
        airtime_us=down.airtime_us + up.airtime_us,
    )


@dataclass(slots=True)
class _Count:
    frames: int = 0
    acknowledged: int = 0
    total_us: int = 0
    airtime_us: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """A hop in the direction of a message."""

    snr_cdb: int
    snr_back_cdb: int
    fault_of_2_32: int
    by_master: bool  # whether the concentrator sends

    @classmethod
    def down(cls, hop: Hop, *, by_master: bool) -> Way:
        return cls(hop.snr_down_cdb, hop.snr_up_cdb, hop.fault_of_2_32, by_master)

    @classmethod
    def up(cls, hop: Hop) -> Way:
        return cls(hop.snr_up_cdb, hop.snr_down_cdb, hop.fault_of_2_32, by_master=False)


def _message(medium: Medium, octets: int, way: Way, chance: Random, count: _Count) -> bool:
    """A message over one hop: whether all of it arrived."""
    ack_lost = medium.rates.lost_of_2_32(way.snr_back_cdb, ACKNOWLEDGEMENT_OCTETS)
    ack_us = medium.acknowledgement_us
    kept = ONE - way.fault_of_2_32
    sizes = medium.segments(octets)
    for number, size in enumerate(sizes, 1):
        lost = medium.rates.lost_of_2_32(way.snr_cdb, size)
        arrived = acknowledged = False
        for _ in range(1 + medium.retries_max):
            there = _passes(lost, kept, chance)
            acknowledged = _passes(ack_lost, kept, chance) and there
            arrived = arrived or there
            count.frames += 1
            count.total_us += medium.try_us(size, known=acknowledged, by_master=way.by_master)
            count.airtime_us += medium.frame_us(size) + (ack_us if there else 0)
            if acknowledged:
                count.acknowledged += 1
                break
        if not acknowledged:
            return arrived and number == len(sizes)
    return True


def _passes(lost: int, kept: int, chance: Random) -> bool:
    """One frame's two draws, as `carry` takes them."""
    against_noise, against_fault = divmod(chance.getrandbits(64), ONE)
    return against_noise >= lost and against_fault < kept


def by_frames(
    links: Sequence[Link], request: bytes, answer: bytes, chance: Random, *, now: float
) -> Exchange:
    """The same over links, frame by frame, each encoded, carried and heard by the links' taps.

    What happens without a route is the concentrator's matter.
    """
    via = tuple(link.meter for link in links[:-1])
    whole = Route(links[-1], tuple(links), via)
    down = transfer(whole, request, chance, direction=Direction.DOWN, now=now)
    carried = [down]
    if down.received is not None:
        moment = now + down.total_us / 1_000_000
        carried.append(transfer(whole, answer, chance, direction=Direction.UP, now=moment))
    return Exchange(
        asked=down.received is not None,
        answered=len(carried) == 2 and carried[1].received is not None,
        frames_down=down.tries,
        acknowledged_down=down.tries_acknowledged,
        frames_up=sum(each.tries for each in carried[1:]),
        total_us=sum(each.total_us for each in carried),
        airtime_us=sum(each.airtime_us for part in carried for each in part.deliveries),
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """What an exchange comes to in the mean: for choosing a route, not for deciding a fate."""

    answered: float  # probability
    total_us: float


def expected(
    hops: Sequence[Hop], medium: Medium, request_octets: int, answer_octets: int
) -> Expected:
    """Closed form of `exchange`."""
    alive, total_us = 1.0, 0.0
    legs = [
        (request_octets, Way.down(hop, by_master=number == 0)) for number, hop in enumerate(hops)
    ]
    legs += [(answer_octets, Way.up(hop)) for hop in reversed(hops)]
    tries = 1 + medium.retries_max
    for octets, way in legs:
        kept = 1.0 - way.fault_of_2_32 / ONE
        back = kept * (1.0 - _rate(medium, way.snr_back_cdb, ACKNOWLEDGEMENT_OCTETS))
        sizes = medium.segments(octets)
        for number, size in enumerate(sizes, 1):
            there = kept * (1.0 - _rate(medium, way.snr_cdb, size))
            vain = 1.0 - there * back
            good_us = medium.try_us(size, by_master=way.by_master)
            bad_us = medium.try_us(size, known=False, by_master=way.by_master)
            mean_tries = math.fsum(vain**number for number in range(tries))
            total_us += alive * mean_tries * ((1.0 - vain) * good_us + vain * bad_us)
            if number == len(sizes):
                alive *= 1.0 - (1.0 - there) ** tries
            else:
                alive *= 1.0 - vain**tries
    return Expected(alive, total_us)


def _rate(medium: Medium, snr_cdb: int, octets: int) -> float:
    return medium.rates.lost_of_2_32(snr_cdb, octets) / ONE
