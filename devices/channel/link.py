"""A power-line link to one meter's module, from the concentrator or from a module that repeats.

    ratio = ratio without loss - path loss - noise above the night's floor
            + change by appliances + change by noise bursts

all in hundredths of a decibel per subcarrier.  Path and noise floor are slow: back-to-back retries
meet the same ratio, as they do in the field.  Faults are state with a start and an end, entered by
whoever runs the world; nothing here asks whether it is being tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from devices.channel.appliance import Appliance
from devices.channel.medium import Medium
from devices.channel.noise import NoiseProfile
from devices.channel.place import Path
from devices.span import Span
from protocols.plc.error_rates import ONE
from protocols.plc.frames import Direction

RATIO_WITHOUT_LOSS_CDB = 5250
"""DBPSK with the code bears 48 dB of loss over background noise [read].  There, 4.5 dB are left, at
which our table loses some 4 % of 128-octet frames [computed]."""

HOUR_S = 3600

if TYPE_CHECKING:  # it imports this module
    from devices.channel.delivery import Delivery


@dataclass(frozen=True, slots=True)
class NoiseBurst:
    """Something that a story puts on the line: the ratio changes by so much, usually for the
    worse."""

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


T = TypeVar("T")
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
    appliance: Appliance | None = None
    """What the household has on the line at times; None: nothing."""
    messages_sent: int = 0
    near: Link | None = None
    """The module at the concentrator's side of a hop, with its faults; None: the concentrator."""
    tap: Tap | None = None
    """Hears of every frame put on the line: when, in microseconds, which way, and its fate."""

    def snr_cdb(self, direction: Direction, now: float) -> int:
        """The ratio per subcarrier at the receiving end, hundredths of a decibel."""
        down, up = self.ratios_cdb(now)
        return up if direction is Direction.UP else down

    def ratios_cdb(self, now: float) -> tuple[int, int]:
        """The ratios down and up.

        Appliances at both ends load the line either way, and are heard where they stand.
        """
        common = RATIO_WITHOUT_LOSS_CDB - self.noise.at(now)
        if self.noise_bursts or (self.near is not None and self.near.noise_bursts):
            bursts = self._at_both_ends(lambda end: end.noise_bursts)
            common += sum(burst.snr_change_cdb for burst in bursts if burst.span.covers(now))
        down, up = common - self.path.loss_down_cdb, common - self.path.loss_up_cdb
        if self.appliance is not None and self.appliance.on(now):
            change = self.appliance.change
            down, up = down + change.down_cdb, up + change.up_cdb
        if self.near is not None and self.near.appliance is not None:
            if self.near.appliance.on(now):
                change = self.near.appliance.change
                down, up = down + change.up_cdb, up + change.down_cdb
        return down, up

    def fault_of_2_32(self, now: float) -> int:
        """The share of frames each way that packet-loss faults take, out of 2**32."""
        if not self.packet_losses and (self.near is None or not self.near.packet_losses):
            return 0
        kept = ONE
        for loss in self._at_both_ends(lambda end: end.packet_losses):
            if loss.span.covers(now):
                kept = kept * (ONE - loss.lost_of_2_32) // ONE
        return ONE - kept

    def module_on(self, now: float) -> bool:
        """Whether the modules have power and work; the meter behind them is another matter."""
        for span in self.module_off:
            if span.covers(now):
                return False
        return self.near is None or self.near.module_on(now)

    def steady_until(self, now: float) -> float:
        """The next moment at which the link's quality may change by what is known now."""
        # The noise floor steps on the hour; appliances tell their spans day by day, UTC.
        until = (now // HOUR_S + 1) * HOUR_S
        for end in (self, self.near):
            if end is None:
                continue
            if end.appliance is not None:
                until = min(until, end.appliance.next_switch(now))
            for span in end.module_off:
                until = _sooner(until, span, now)
            for burst in end.noise_bursts:
                until = _sooner(until, burst.span, now)
        return until

    def _at_both_ends(self, of: Callable[[Link], list[T]]) -> Iterable[T]:
        """What holds here and at the near end; what holds for both, as for a whole transformer,
        counts once."""
        if self.near is None:
            return of(self)
        own = of(self)
        return [*own, *(each for each in of(self.near) if each not in own)]


def _sooner(until: float, span: Span, now: float) -> float:
    """The first of `until` and the span's edges that lies ahead."""
    for edge in (span.start, span.end):
        if edge is not None and now < edge < until:
            until = edge
    return until
