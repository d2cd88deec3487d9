"""How a link layer uses the line: scheme, noise, frame size, retries; what a message costs on it.

A message is cut into segments; each is put on the line, and after a turnaround the other end
acknowledges it or the sender waits as long in vain.  So a try takes the same time whatever becomes
of it, and what varies is how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from protocols.plc.error_rates import DetectedFrameErrorRates, detected_frame_error_rates
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS, FRAME_OCTETS_MAX, OVERHEAD_OCTETS
from protocols.plc.noise import MAINS, Noise
from protocols.plc.physical import DBPSK_FEC, Scheme, airtime_us

TURNAROUND_US = 20_000
"""From the end of a frame to the start of the next: a module's time to act on it (assumption, after
the elaboration time of Meters-and-More-like links)."""


@dataclass(frozen=True, slots=True)
class Medium:
    """What all links of one kind have in common."""

    scheme: Scheme = DBPSK_FEC
    noise: Noise = MAINS
    frame_octets_max: int = FRAME_OCTETS_MAX
    retries_max: int = 3

    @property
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

    def try_us(self, frame_octets: int) -> int:
        """How long one try of a segment keeps the line: frame, acknowledgement, two turnarounds."""
        frame_us = airtime_us(frame_octets, self.scheme)
        return frame_us + acknowledgement_us(self.scheme) + 2 * TURNAROUND_US

    def longest_us(self, message_octets: int) -> int:
        """How long a message takes at most over one hop, every retry included."""
        tries = 1 + self.retries_max
        return tries * sum(self.try_us(octets) for octets in self.segments(message_octets))


@cache
def acknowledgement_us(scheme: Scheme) -> int:
    """The airtime of an acknowledgement."""
    return airtime_us(ACKNOWLEDGEMENT_OCTETS, scheme)
