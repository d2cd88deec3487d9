"""One hop between two modules: how well it carries, as its ends measure it by what they hear.

Quality is kept until something about the hop changes: a fault begins or ends, or the hour does.
Rates are integers out of 2**32, expected transmissions are thousandths.
"""

from __future__ import annotations

from devices.channel.link import Link
from devices.channel.route import AnyLink, bearer_of
from protocols.plc.error_rates import ONE
from protocols.plc.frames import Direction

REFERENCE_OCTETS = 64  # of the frames that expected transmissions are reckoned for (assumption)
NEVER = 1_000_000_000
"""Expected transmissions, in thousandths, of a hop that carries nothing."""

_HOUR_S = 3600


class Hop:
    """A link with its quality at the time of the last `look`."""

    __slots__ = (
        "_steady_until",
        "expected_milli",
        "kept_of_2_32",
        "link",
        "ratio_cdb",
        "seen",
        "usable",
    )

    def __init__(self, link: AnyLink) -> None:
        self.link = link
        self.seen = 0  # which of the changes that nobody could foresee the measurement knows
        self.ratio_cdb = 0  # signal to noise, down
        self.usable = False  # short frames come through more often than not, both ways
        self.kept_of_2_32 = 0  # there and back, of short frames
        self.expected_milli = NEVER  # exchanges of reference frames until one succeeds
        self._steady_until = float("-inf")

    def look(self, now: float, *, anew: bool = False) -> Hop:
        """Measure, where anything may have changed since."""
        if anew or now >= self._steady_until:
            self._measure(now)
            self._steady_until = steady_until(self.link, now)
        return self

    @property
    def steady_until(self) -> float:
        """Until when the measurement holds, as far as is known now."""
        return self._steady_until

    def _measure(self, now: float) -> None:
        bearer = bearer_of(self.link)
        sizes = bearer.acknowledgement_octets, REFERENCE_OCTETS
        short_down, down = bearer.lost_of_2_32(*sizes, direction=Direction.DOWN, now=now)
        short_up, up = bearer.lost_of_2_32(*sizes, direction=Direction.UP, now=now)
        self.ratio_cdb = bearer.ratio_cdb(now)
        self.usable = max(short_down, short_up) < ONE // 2
        self.kept_of_2_32 = (ONE - short_down) * (ONE - short_up) // ONE
        self.expected_milli = NEVER
        if self.usable:
            kept = (ONE - down) * (ONE - up)
            self.expected_milli = min(NEVER - 1, 1000 * ONE * ONE // max(1, kept))


def steady_until(link: AnyLink, now: float) -> float:
    """The next moment at which the link's own quality may change."""
    spans = [*link.spans(now)]
    edges = [edge for span in spans for edge in (span.start, span.end) if edge is not None]
    ahead = [edge for edge in edges if edge > now]
    if isinstance(link, Link):
        # The noise floor steps on the hour; appliances tell their spans day by day, UTC.
        ahead.append((now // _HOUR_S + 1) * _HOUR_S)
    return min(ahead, default=float("inf"))
