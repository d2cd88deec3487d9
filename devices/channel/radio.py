"""A radio link between a concentrator and one meter's module: what arrives, and what is lost of it.

    received = radiated + gains - path loss - shadowing - building entry - basement or cabinet

in hundredths of a dBm, drawn once for each meter and the same both ways.  A frame arrives when it
is above the sensitivity, when no jammer is within six decibels of it (the stronger captures the
receiver), and when its draw passes.  Parameters and what they rest on: docs/models.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from devices.chance import deviate, stream
from devices.channel.delivery import Cause, Delivered, Delivery, Lost
from devices.channel.link import PacketLoss, Tap
from devices.span import Span
from protocols.plc.frames import Direction
from protocols.rf import error_rates
from protocols.rf.frames import FRAME_OCTETS_MAX
from protocols.rf.physical import FRAMING_OCTETS, Mode, airtime_us

CAPTURE_CDB = 600
AT_SENSITIVITY_CDB = 1094
"""The ratio at the sensitivity: where non-coherent 2-FSK has a bit error rate of 1e-3 (assumption;
makers give sensitivities at this rate)."""

EXPONENT = 3.5  # of the distance (assumption)
SHADOWING_CDB = 800  # standard deviation (assumption)
EFFICIENT_SHARE = 0.2  # of buildings, thermally efficient: metallised windows (assumption)
SHUT_IN_SHARE = 0.25  # of meters, in a basement or a steel cabinet (assumption)
SHUT_IN_CDB = (1000, 2000)

_ENTRY_CDB = {
    # (band, efficient): loss of building entry, hundredths of a decibel: 50 % and 90 % of places
    (169, False): (1400, 2300),
    (169, True): (3660, 5030),
    (868, False): (1420, 2500),
    (868, True): (3120, 4660),
}
_NINETY_PERCENT = 1.2816  # standard deviations


@dataclass(frozen=True, slots=True)
class Jamming:
    """Somebody transmits on the channel: so strong, where our frames are received."""

    span: Span
    power_cdbm: int


@dataclass(slots=True)
class RadioLink:
    """One meter's link.  `node` addresses its module in the concentrator's network."""

    meter: str
    node: int
    mode: Mode
    received_cdbm: int
    frame_octets_max: int = FRAME_OCTETS_MAX
    retries_max: int = 3
    packet_losses: list[PacketLoss] = field(default_factory=list)
    jammings: list[Jamming] = field(default_factory=list)
    module_off: list[Span] = field(default_factory=list)
    messages_sent: int = 0
    tap: Tap | None = None

    @property
    def snr_cdb(self) -> int:
        """The ratio per bit at either end."""
        return self.received_cdbm - self.mode.sensitivity_cdbm + AT_SENSITIVITY_CDB

    def module_on(self, now: float) -> bool:
        """Whether the meter's radio module has power and works."""
        return not any(span.covers(now) for span in self.module_off)

    def steady_until(self, now: float) -> float:
        """The next moment at which the link's quality may change by what is known now."""
        spans = [*self.module_off, *(each.span for each in self.jammings)]
        edges = [edge for span in spans for edge in (span.start, span.end) if edge is not None]
        return min((edge for edge in edges if edge > now), default=math.inf)

    def jammed(self, now: float) -> bool:
        """Whether somebody drowns our frames."""
        return any(
            each.span.covers(now) and self.received_cdbm < each.power_cdbm + CAPTURE_CDB
            for each in self.jammings
        )

    def fault_of_2_32(self, now: float) -> int:
        """How many of 2**32 frames get lost whatever the ratio, by the faults of that name."""
        kept = error_rates.ONE
        for loss in self.packet_losses:
            if loss.span.covers(now):
                kept = kept * (error_rates.ONE - loss.lost_of_2_32) // error_rates.ONE
        return error_rates.ONE - kept

    def lost_of_2_32(self, octets: int, now: float) -> int:
        """How many of 2**32 frames with so many octets are lost, faults of loss aside."""
        if self.received_cdbm < self.mode.sensitivity_cdbm or self.jammed(now):
            return error_rates.ONE
        return error_rates.lost_of_2_32(self.snr_cdb, octets)


def carry(
    link: RadioLink, frame: bytes, rng: Random, *, direction: Direction, now: float
) -> Delivery:
    """Decide the fate of one frame, like `carriage.carry` and with as many draws."""
    return fate(link, len(frame), rng, direction=direction, now=now)


def fate(
    link: RadioLink, octets: int, rng: Random, *, direction: Direction, now: float
) -> Delivery:
    """The same of a frame with so many octets, which is all that it hangs on."""
    against_noise, against_fault = divmod(rng.getrandbits(64), error_rates.ONE)
    airtime = frame_airtime_us(octets, link.mode)
    if not link.module_on(now):
        return Lost(Cause.MODULE_OFF, airtime, link.snr_cdb)
    if link.jammed(now):
        return Lost(Cause.JAMMING, airtime, link.snr_cdb)
    if against_noise < link.lost_of_2_32(octets, now):
        return Lost(Cause.NOISE, airtime, link.snr_cdb)
    if against_fault >= error_rates.ONE - link.fault_of_2_32(now):
        return Lost(Cause.PACKET_LOSS, airtime, link.snr_cdb)
    return Delivered(airtime, link.snr_cdb)


def frame_airtime_us(octets: int, mode: Mode) -> int:
    """Of a whole frame as `protocols.rf.frames` encodes it."""
    return airtime_us(octets - FRAMING_OCTETS, mode)


def received_cdbm(seed: int, *, meter: str, distance_m: int, mode: Mode) -> int:
    """What a meter's module receives of its concentrator, and the concentrator of it.

    Same seed, name and distance, same power; each cause draws from a stream of its own.
    """
    wavelength_m = 299.792458 / mode.mhz
    first_metre_db = 20 * math.log10(4 * math.pi / wavelength_m)
    path_cdb = 100 * (first_metre_db + 10 * EXPONENT * math.log10(max(1, distance_m)))
    shadowing_cdb = SHADOWING_CDB * deviate(seed, "shadowing", meter, mode.mhz)
    return mode.power_max_cdbm - round(path_cdb + shadowing_cdb) - _indoors_cdb(seed, meter, mode)


def _indoors_cdb(seed: int, meter: str, mode: Mode) -> int:
    """Building entry, and more for a meter that is shut in."""
    building = stream(seed, "building", meter)
    efficient = building.random() < EFFICIENT_SHARE
    shut_in = building.random() < SHUT_IN_SHARE
    more_cdb = round(building.uniform(*SHUT_IN_CDB)) if shut_in else 0
    median_cdb, high_cdb = _ENTRY_CDB[mode.mhz, efficient]
    spread_cdb = (high_cdb - median_cdb) / _NINETY_PERCENT
    entry_cdb = median_cdb + spread_cdb * deviate(seed, "entry", meter, mode.mhz)
    return max(0, round(entry_cdb)) + more_cdb
