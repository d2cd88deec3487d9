"""The fate of one frame: `carry` decides it, from the link's ratio and one draw.

The frame is lost when 32 random bits, read as an integer, are less than the table's integer for the
link's ratio and the frame's length.  Each frame takes two such draws, one for noise and one for a
packet-loss fault, whether there is a fault or not: a fault that is added does not move the luck of
any other frame against noise.
"""

from __future__ import annotations

from random import Random

from devices.channel.delivery import Cause, Delivered, Delivery, Lost
from devices.channel.link import Link
from protocols.plc.error_rates import ONE
from protocols.plc.frames import Direction


def carry(link: Link, frame: bytes, rng: Random, *, direction: Direction, now: float) -> Delivery:
    """Decide the fate of one frame.  Same link, frame, time and state of `rng`: same answer."""
    return fate(link, len(frame), rng, direction=direction, now=now)


def fate(link: Link, octets: int, rng: Random, *, direction: Direction, now: float) -> Delivery:
    """The same of a frame with so many octets, which is all that it hangs on."""
    against_noise, against_fault = divmod(rng.getrandbits(64), ONE)
    snr_cdb = link.snr_cdb(direction, now)
    airtime = link.medium.frame_us(octets)
    if not link.module_on(now):
        return Lost(Cause.MODULE_OFF, airtime, snr_cdb)
    if against_noise < link.medium.rates.lost_of_2_32(snr_cdb, octets):
        return Lost(Cause.NOISE, airtime, snr_cdb)
    if against_fault >= ONE - link.fault_of_2_32(now):
        return Lost(Cause.PACKET_LOSS, airtime, snr_cdb)
    return Delivered(airtime, snr_cdb)
