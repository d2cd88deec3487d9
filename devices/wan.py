"""How long a message takes between a concentrator's modem and the head-end.

Round trips are log-normal about a median: an assumption, in medians of the size that cellular sites
show (docs/models.md).  Delays are whole milliseconds: rounding hides that `exp` may differ in its
last bit between machines.
"""

from __future__ import annotations

import enum
import math
from random import Random


class Technology(enum.Enum):
    """A cellular network: the median round trip in ms, and the spread of its logarithm."""

    LTE = (70, 0.35)
    GPRS = (600, 0.50)


def round_trip_ms(technology: Technology, rng: Random) -> int:
    """One round trip, at least a millisecond."""
    median_ms, spread = technology.value
    return max(1, round(rng.lognormvariate(math.log(median_ms), spread)))


def one_way_ms(technology: Technology, rng: Random) -> int:
    """Half a round trip, rounded up: one message's way."""
    return -(-round_trip_ms(technology, rng) // 2)
