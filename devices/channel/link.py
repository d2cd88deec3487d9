"""A power-line link between a concentrator and one meter's module.

    ratio = ratio without loss - path loss - noise above the night's floor + change by noise bursts

all in hundredths of a decibel per subcarrier.  Path and noise floor are slow: back-to-back retries
meet the same ratio, as they do in the field.  Faults are state with a start and an end, entered by
whoever runs the world; nothing here asks whether it is being tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devices.channel.medium import Medium
from devices.channel.noise import NoiseProfile
from devices.channel.place import Path
from devices.span import Span
from protocols.plc.error_rates import ONE
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS, Direction

RATIO_WITHOUT_LOSS_CDB = 5250
"""DBPSK with the code bears 48 dB of loss over background noise [read].  There, 4.5 dB are left, at
which our table loses some 4 % of 128-octet frames [computed]."""

KEEP_ALIVE_S = 256
"""A node that has not been heard for so long loses its registration (assumption; in PRIME the
network chooses the time)."""

_HOUR_S = 3600

if TYPE_CHECKING:  # it imports this module
    from devices.channel.carriage import Delivery


@dataclass(frozen=True, slots=True)
class NoiseBurst:
    """Somebody's appliance: the ratio changes by so much, usually for the worse."""

    span: Span
    snr_change_cdb: int


@dataclass(frozen=True, slots=True)
class PacketLoss:
    """Frames get lost, whatever the noise: `lost_of_2_32` of 2**32 each way."""

    span: Span
    lost_of_2_32: int

    @classmethod
    def of_share(cls, span: Span, share: float) -> PacketLoss:
        """A loss of this share of frames, 0 to 1."""
        if not 0 <= share <= 1:
            raise ValueError(f"a share of {share}")
        return cls(span, round(share * ONE))


Tap = Callable[[int, Direction, bytes, "Delivery"], None]


@dataclass(slots=True)
class Link:
    """One meter's link.  `node` addresses its module in the concentrator's network."""

    meter: str
    node: int
    path: Path
    noise: NoiseProfile
    medium: Medium = Medium()
    noise_bursts: list[NoiseBurst] = field(default_factory=list)
    packet_losses: list[PacketLoss] = field(default_factory=list)
    module_off: list[Span] = field(default_factory=list)
    messages_sent: int = 0
    tap: Tap | None = None
    """Hears of every frame put on the line: when, in microseconds, which way, and its fate."""

    def snr_cdb(self, direction: Direction, now: float) -> int:
        """The ratio per subcarrier at the receiving end, hundredths of a decibel."""
        loss = self.path.loss_down_cdb
        if direction is Direction.UP:
            loss = self.path.loss_up_cdb
        ratio = RATIO_WITHOUT_LOSS_CDB - loss - self.noise.at(now)
        return ratio + sum(
            burst.snr_change_cdb for burst in self.noise_bursts if burst.span.covers(now)
        )

    def fault_of_2_32(self, now: float) -> int:
        """The share of frames each way that packet-loss faults take, out of 2**32."""
        kept = ONE
        for loss in self.packet_losses:
            if loss.span.covers(now):
                kept = kept * (ONE - loss.lost_of_2_32) // ONE
        return ONE - kept

    def module_on(self, now: float) -> bool:
        """Whether the meter's module has power and works; the meter behind it is another matter."""
        return not any(span.covers(now) for span in self.module_off)

    def usable(self, now: float) -> bool:
        """Whether short frames come through more often than not, both ways."""
        if not self.module_on(now):
            return False
        rates = self.medium.rates
        return all(
            rates.lost_of_2_32(self.snr_cdb(direction, now), ACKNOWLEDGEMENT_OCTETS) < ONE // 2
            for direction in Direction
        )

    def registered(self, now: float) -> bool:
        """Whether the module holds a place in the network: heard within the keep-alive time.

        Without a registration there is no route, and the concentrator sends no frame.
        """
        return self.usable(now) or any(
            self.usable(moment) for moment in self._moments(now - KEEP_ALIVE_S, now)
        )

    def _moments(self, since: float, now: float) -> Iterator[float]:
        """The start of each stretch of (since, now] in which nothing about the link changes."""
        yield since
        spans = [*self.module_off, *(burst.span for burst in self.noise_bursts)]
        edges = [edge for span in spans for edge in (span.start, span.end) if edge is not None]
        edges.append(now // _HOUR_S * _HOUR_S)  # the noise floor steps on the hour
        yield from (edge for edge in edges if since < edge <= now)
