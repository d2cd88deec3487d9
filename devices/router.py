"""The external router: a mobile modem in a box of its own, between a device and a private APN.

It stands behind a concentrator's Ethernet port, or behind the electrical port of a meter that is
reached without a concentrator.  Four things in it fail by themselves, and look different:

    power      the device behind it works on; the modem is silent, and its log tells of the loss
               once supply is back
    port       the modem stays on line, so the operator's portal shows a SIM that is alive; the
               device knows that its port has no link, and through the port nothing passes
    modem      no AT answers; the portal shows silence
    SIM        the operator's registry says so, or the modem's log

Its log is read through the port: a device whose port is dead cannot hand it on.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import ClassVar, Literal

from devices.modem import Modem, Pace
from protocols.concentrator.messages import FaultEntry


class Router(Modem):
    """A modem with a port to the device behind it."""

    POWERED: ClassVar[Literal["power", "router"]] = "router"

    def __init__(self, rng: Random, *, now: float, pace: Pace | None = None) -> None:
        super().__init__(rng, now=now, pace=pace)
        self.port_up = True

    @property
    def serves(self) -> bool:
        """Whether the device behind it has a network, as of the last `advance`."""
        return self.online and self.port_up

    def fault_log(self, since: datetime | None = None) -> tuple[FaultEntry, ...]:
        """The log's lines from `since` on, as the device can read them."""
        return super().fault_log(since) if self.port_up else ()
