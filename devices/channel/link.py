"""A power-line link to one meter's module, from the concentrator or from a module that repeats.

    ratio = ratio without loss - path loss - noise above the night's floor
            + change by appliances + change by noise bursts

all in hundredths of a decibel per subcarrier.  Path and noise floor are slow: back-to-back retries
meet the same ratio, as they do in the field.  Faults are state with a start and an end, entered by
whoever runs the world; nothing here asks whether it is being tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

if TYPE_CHECKING:  # it imports this module
    from devices.channel.carriage import Delivery


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
        loss = self.path.loss_down_cdb
        if direction is Direction.UP:
            loss = self.path.loss_up_cdb
        ratio = RATIO_WITHOUT_LOSS_CDB - loss - self.noise.at(now)
        bursts = self._at_both_ends(lambda end: end.noise_bursts)
        ratio += sum(burst.snr_change_cdb for burst in bursts if burst.span.covers(now))
        return ratio + self._appliances_cdb(direction, now)

    def _appliances_cdb(self, direction: Direction, now: float) -> int:
        """What appliances at both ends do: they load the line either way, and are heard where they
        stand."""
        change_cdb = 0
        for end, hears in ((self, Direction.DOWN), (self.near, Direction.UP)):
            if end is not None and end.appliance is not None and end.appliance.on(now):
                change = end.appliance.change
                change_cdb += change.down_cdb if direction is hears else change.up_cdb
        return change_cdb

    def fault_of_2_32(self, now: float) -> int:
        """The share of frames each way that packet-loss faults take, out of 2**32."""
        kept = ONE
        for loss in self._at_both_ends(lambda end: end.packet_losses):
            if loss.span.covers(now):
                kept = kept * (ONE - loss.lost_of_2_32) // ONE
        return ONE - kept

    def module_on(self, now: float) -> bool:
        """Whether the modules have power and work; the meter behind them is another matter."""
        off = self._at_both_ends(lambda end: end.module_off)
        return not any(span.covers(now) for span in off)

    def spans(self, now: float) -> Iterator[Span]:
        """When anything holds that changes the link's quality, packet loss aside; of appliances
        what they do on the day of `now`, UTC."""
        for end in (self, self.near):
            if end is not None and end.appliance is not None:
                yield from end.appliance.spans(now, now)
        yield from self._at_both_ends(lambda end: end.module_off)
        yield from (burst.span for burst in self._at_both_ends(lambda end: end.noise_bursts))

    def _at_both_ends(self, of: Callable[[Link], list[T]]) -> Iterable[T]:
        """What holds here and at the near end; what holds for both, as for a whole transformer,
        counts once."""
        if self.near is None:
            return of(self)
        own = of(self)
        return [*own, *(each for each in of(self.near) if each not in own)]
