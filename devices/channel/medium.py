"""How a link layer uses the line: scheme, noise, frame size, retries; what a message costs on it.

A message is cut into segments, each tried until its sender knows that it has arrived.

PRIME-like: the other end acknowledges each frame after a turnaround, or the sender waits as long in
vain; so a try takes the same time whatever becomes of it.  Meters-and-More-like: the master polls,
and nobody sends an acknowledgement of its own: a sender hears the next module pass the frame on, or
answer, and where it hears neither it tries again after a slot.  Each module, and the meter, takes
its elaboration time before it sends; the master does not.  So a read without losses over k
repeaters takes (k + 1)(T request + T answer) + 2 k * 20 ms + 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from protocols.plc import meters_and_more_like
from protocols.plc.error_rates import DetectedFrameErrorRates, detected_frame_error_rates
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS, FRAME_OCTETS_MAX, OVERHEAD_OCTETS
from protocols.plc.noise import MAINS, Noise
from protocols.plc.physical import DBPSK_FEC, Scheme, airtime_us

TURNAROUND_US = 20_000
"""From the end of a frame to the start of the next: a module's time to act on it (assumption, after
the elaboration time of Meters-and-More-like links)."""


@dataclass(frozen=True)  # no slots: what follows from the fields is worked out once
class Medium:
    """What all links of one kind have in common."""

    scheme: Scheme = DBPSK_FEC
    noise: Noise = MAINS
    frame_octets_max: int = FRAME_OCTETS_MAX
    retries_max: int = 3
    polled: bool = False  # Meters-and-More-like

    @cached_property
    def rates(self) -> DetectedFrameErrorRates:
        """How often frames get lost."""
        return detected_frame_error_rates(self.scheme, self.noise)

    def segments(self, message_octets: int) -> tuple[int, ...]:
        """The sizes of the frames that carry a message, in octets.

        Raises ValueError for an empty message; `frames.segment` refuses one that is too long.
        """
        if message_octets < 1:
            raise ValueError(f"a message of {message_octets} octets")
        room = self.frame_octets_max - OVERHEAD_OCTETS
        whole, rest = divmod(message_octets, room)
        return (self.frame_octets_max,) * whole + ((rest + OVERHEAD_OCTETS,) if rest else ())

    def frame_us(self, frame_octets: int) -> int:
        """How long a frame is on the air.  A polled line has an overhead of its own for ours."""
        if self.polled:
            return meters_and_more_like.airtime_us(frame_octets - OVERHEAD_OCTETS)
        return airtime_us(frame_octets, self.scheme)

    @cached_property
    def acknowledgement_us(self) -> int:
        """The airtime of an acknowledgement; 0 where what follows says as much."""
        return 0 if self.polled else airtime_us(ACKNOWLEDGEMENT_OCTETS, self.scheme)

    def lead_us(self, *, by_master: bool) -> int:
        """What passes before a sender's frame."""
        return meters_and_more_like.ELABORATION_US if self.polled and not by_master else 0

    @cached_property
    def wait_us(self) -> int:
        """How long a sender waits for an acknowledgement that does not come."""
        return meters_and_more_like.SLOT_US if self.polled else self._known_us

    @cached_property
    def _known_us(self) -> int:
        """From a frame's end until its sender knows that it has arrived, and may send the next."""
        return 0 if self.polled else self.acknowledgement_us + 2 * TURNAROUND_US

    def try_us(self, frame_octets: int, *, known: bool = True, by_master: bool = False) -> int:
        """How long one try of a segment keeps the line; `known`: its sender learns that it has
        arrived."""
        after_us = self._known_us if known else self.wait_us
        return self.lead_us(by_master=by_master) + self.frame_us(frame_octets) + after_us

    def longest_us(self, message_octets: int) -> int:
        """How long a message takes at most over one hop, every retry included."""
        tries = 1 + self.retries_max
        return tries * sum(
            max(self.try_us(octets), self.try_us(octets, known=False))
            for octets in self.segments(message_octets)
        )


def as_polled(medium: Medium) -> Medium:
    """The same line under Meters-and-More-like access: its frames, their time, and who may send."""
    longest = meters_and_more_like.LSDU_OCTETS_MAX + OVERHEAD_OCTETS
    return replace(medium, frame_octets_max=longest, polled=True)
