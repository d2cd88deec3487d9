"""How a frame fared: what a channel answers to each."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(enum.StrEnum):
    """Why a frame was lost: the simulation's truth, for the world's own log and for tests."""

    NOISE = "noise"
    PACKET_LOSS = "packet-loss"  # the fault of that name
    MODULE_OFF = "module-off"  # nobody listens at the far end
    JAMMING = "jamming"  # somebody else on the radio channel was stronger


@dataclass(frozen=True, slots=True)
class Delivered:
    """The frame arrived whole."""

    airtime_us: int
    snr_cdb: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The frame did not arrive, or arrived damaged."""

    cause: Cause
    airtime_us: int
    snr_cdb: int


Delivery = Delivered | Lost
