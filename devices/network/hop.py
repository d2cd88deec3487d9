"""One hop between two modules: how well it carries, as its ends measure it by what they hear.

Quality is kept until something about the hop changes: a fault begins or ends, or the hour does.
Rates are integers out of 2**32, expected transmissions are thousandths.
"""

from __future__ import annotations

from devices.channel.medium import TURNAROUND_US
from devices.channel.route import AnyLink, bearer_of
from protocols.plc.error_rates import ONE

REFERENCE_OCTETS = 64  # of the frames that expected transmissions are reckoned for (assumption)
NEVER = 1_000_000_000
"""Expected transmissions, in thousandths, of a hop that carries nothing."""


class Hop:
    """A link with its quality at the time of the last `look`."""

    __slots__ = (
        "_bearer",
        "expected_milli",
        "kept_of_2_32",
        "link",
        "ratio_cdb",
        "seen",
        "steady_until",
        "usable",
    )

    def __init__(self, link: AnyLink) -> None:
        self.link = link
        self._bearer = bearer_of(link)
        self.seen = 0  # which of the changes that nobody could foresee the measurement knows
        self.ratio_cdb = 0  # signal to noise, down
        self.usable = False  # short frames come through more often than not, both ways
        self.kept_of_2_32 = 0  # there and back, of short frames
        self.expected_milli = NEVER  # exchanges of reference frames until one succeeds
        self.steady_until = float("-inf")  # the measurement holds, as far as is known

    def look(self, now: float, *, anew: bool = False) -> Hop:
        """Measure, where anything may have changed since."""
        if anew or now >= self.steady_until:
            self._measure(now)
        return self

    def _measure(self, now: float) -> None:
        bearer = self._bearer
        sizes = bearer.acknowledgement_octets, REFERENCE_OCTETS
        ratio_cdb, (short_down, down), (short_up, up) = bearer.quality(*sizes, now=now)
        self.ratio_cdb = ratio_cdb
        self.usable = max(short_down, short_up) < ONE // 2
        self.kept_of_2_32 = (ONE - short_down) * (ONE - short_up) // ONE
        self.expected_milli = NEVER
        if self.usable:
            kept = (ONE - down) * (ONE - up)
            self.expected_milli = min(NEVER - 1, 1000 * ONE * ONE // max(1, kept))
        self.steady_until = bearer.steady_until(now)


def keep_alive_us(link: AnyLink) -> int:
    """How long a keep-alive over one hop has the line: a short frame there and one back."""
    bearer = bearer_of(link)
    frame_us = bearer.airtime_us(bearer.acknowledgement_octets)
    return 2 * (frame_us + TURNAROUND_US)
