"""A route: the links that a message takes one after another between a concentrator and a module.

A route has a link for each hop, the concentrator's first.  Modules on the way store the message and
hand it on; they know nothing of what is in it.  What differs between power line and radio is in
`Bearer`: how a frame is written, how long it is on the air, and its fate.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal, NamedTuple, Protocol

from devices.channel import carriage, radio
from devices.channel.delivery import Delivery
from devices.channel.link import Link
from devices.channel.medium import TURNAROUND_US
from devices.channel.radio import RadioLink
from protocols.plc import frames as plc_frames
from protocols.plc.error_rates import ONE
from protocols.plc.frames import Direction, Frame
from protocols.rf import frames as rf_frames

AnyLink = Link | RadioLink
BearerName = Literal["plc", "rf"]


class Quality(NamedTuple):
    """How well a hop carries.  Faults of loss are left out: they spare what is as short as a beacon
    or a keep-alive."""

    ratio_cdb: int  # signal to noise on the way down
    lost_down: list[int]  # for frames of each size: how many of 2**32 noise takes
    lost_up: list[int]


class Bearer(Protocol):
    """What frames travel on, over one link."""

    @property
    def name(self) -> BearerName: ...

    @property
    def overhead_octets(self) -> int:
        """Of a data frame."""
        ...

    @property
    def acknowledgement_octets(self) -> int: ...

    def encode(self, frame: Frame) -> bytes:
        """The frame as it is on the air."""
        ...

    def frame_octets_max(self) -> int: ...

    def retries_max(self) -> int: ...

    def airtime_us(self, octets: int) -> int: ...

    @property
    def acknowledges(self) -> bool:
        """Whether the far end sends frames that acknowledge; else a sender hears its frame passed
        on, or answered."""
        ...

    def lead_us(self, *, by_master: bool) -> int:
        """What passes before a sender's frame."""
        ...

    @property
    def wait_us(self) -> int:
        """How long a sender waits in vain for a sign that its frame has arrived."""
        ...

    def carry(self, octets: int, rng: Random, *, direction: Direction, now: float) -> Delivery:
        """The fate of a frame with so many octets."""
        ...

    def quality(self, *octets: int, now: float) -> Quality:
        """How well it carries frames of these sizes now."""
        ...

    def steady_until(self, now: float) -> float:
        """The next moment at which that may change by what is known now."""
        ...


@dataclass(frozen=True, slots=True)
class PowerLineBearer:
    """The transformer's cables."""

    link: Link
    name: ClassVar[BearerName] = "plc"
    overhead_octets: ClassVar[int] = plc_frames.OVERHEAD_OCTETS
    acknowledgement_octets: ClassVar[int] = plc_frames.ACKNOWLEDGEMENT_OCTETS

    def encode(self, frame: Frame) -> bytes:
        return plc_frames.encode(frame)

    def frame_octets_max(self) -> int:
        return self.link.medium.frame_octets_max

    def retries_max(self) -> int:
        return self.link.medium.retries_max

    def airtime_us(self, octets: int) -> int:
        return self.link.medium.frame_us(octets)

    @property
    def acknowledges(self) -> bool:
        return not self.link.medium.polled

    def lead_us(self, *, by_master: bool) -> int:
        return self.link.medium.lead_us(by_master=by_master)

    @property
    def wait_us(self) -> int:
        return self.link.medium.wait_us

    def carry(self, octets: int, rng: Random, *, direction: Direction, now: float) -> Delivery:
        return carriage.fate(self.link, octets, rng, direction=direction, now=now)

    def quality(self, *octets: int, now: float) -> Quality:
        down_cdb, up_cdb = self.link.ratios_cdb(now)
        if not self.link.module_on(now):
            return Quality(down_cdb, [ONE] * len(octets), [ONE] * len(octets))
        lost = self.link.medium.rates.lost_of_2_32
        return Quality(
            down_cdb,
            [lost(down_cdb, each) for each in octets],
            [lost(up_cdb, each) for each in octets],
        )

    def steady_until(self, now: float) -> float:
        return self.link.steady_until(now)


@dataclass(frozen=True, slots=True)
class RadioBearer:
    """A radio channel."""

    link: RadioLink
    name: ClassVar[BearerName] = "rf"
    overhead_octets: ClassVar[int] = rf_frames.OVERHEAD_OCTETS
    acknowledgement_octets: ClassVar[int] = rf_frames.ACKNOWLEDGEMENT_OCTETS

    def encode(self, frame: Frame) -> bytes:
        return rf_frames.encode(frame)

    def frame_octets_max(self) -> int:
        return self.link.frame_octets_max

    def retries_max(self) -> int:
        return self.link.retries_max

    def airtime_us(self, octets: int) -> int:
        return radio.frame_airtime_us(octets, self.link.mode)

    @property
    def acknowledges(self) -> bool:
        return True

    def lead_us(self, *, by_master: bool) -> int:
        return 0

    @property
    def wait_us(self) -> int:
        return self.airtime_us(self.acknowledgement_octets) + 2 * TURNAROUND_US

    def carry(self, octets: int, rng: Random, *, direction: Direction, now: float) -> Delivery:
        return radio.fate(self.link, octets, rng, direction=direction, now=now)

    def quality(self, *octets: int, now: float) -> Quality:
        on = self.link.module_on(now)
        lost = [self.link.lost_of_2_32(each, now) if on else ONE for each in octets]
        return Quality(self.link.snr_cdb, lost, lost)

    def steady_until(self, now: float) -> float:
        return self.link.steady_until(now)


def bearer_of(link: AnyLink) -> Bearer:
    """What a link's frames travel on."""
    return PowerLineBearer(link) if isinstance(link, Link) else RadioBearer(link)


@dataclass(frozen=True, slots=True)
class Route:
    """The hops to one module.  `end` is the module's own link, which counts its messages."""

    end: AnyLink
    hops: tuple[AnyLink, ...]
    via: tuple[str, ...] = ()  # meters whose modules hand messages on, the concentrator's first

    def __post_init__(self) -> None:
        if len(self.hops) != len(self.via) + 1:
            raise ValueError(f"{len(self.hops)} hops by {len(self.via)} repeaters")

    @property
    def bearer(self) -> BearerName:
        return "plc" if isinstance(self.end, Link) else "rf"


def straight(link: AnyLink) -> Route:
    """A route of one hop."""
    return Route(link, (link,))
