"""What is known of medium-voltage feeders from the utility's other systems: names, figures.

A feeder is known by SIMOCE's key where its figures are, and by SIAD's where the organisation is;
`FeederMapping` joins the two.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

CHANNELS: Final = (
    "i_a", "i_b", "i_c", "p_a", "p_b", "p_c", "q_a", "q_b", "q_c", "v_a", "v_b", "v_c",
    "i", "p", "q",
)  # fmt: skip
"""Current (A), active (kW) and reactive power (kvar) and voltage to neutral (V) by phase, in the
order of `headend.analysis.quantity`; then of the feeder as a whole: the mean of the three currents,
and the three-phase powers."""


@dataclass(frozen=True, slots=True)
class FeederHour:
    """An hour of the utility's clocks, `begin` in POSIX seconds: of each of `CHANNELS` the average,
    None where there was no value, and of how many values it is; `expected` are those that there
    should be of each."""

    feeder: str  # SIMOCE's key
    begin: int
    day: date
    expected: int
    means: tuple[float | None, ...]
    counts: tuple[int, ...]
    taken_at: datetime

    def mean(self, channel: str) -> float | None:
        """A channel's average."""
        return self.means[CHANNELS.index(channel)]


class Span(enum.StrEnum):
    """Over how long a feeder's hours are added up."""

    DAY = "day"
    HOURS_48 = "48h"  # Mobile 48 h
    MONTH = "month"  # Mobile Month: 28 days


@dataclass(frozen=True, slots=True)
class FeederRoll:
    """A span of a feeder that ends with a day, that day among it.

    `rollup` is a row of `headend.analysis.rollup`: whole millionths, so that rolls add up exactly.
    `percents` has for each hour of a day the unbalance of each quantity, None where it is not
    defined; of a longer span nothing.  `p95` is what 95 % of a span's hours do not exceed.
    """

    span: Span
    day: date
    feeder: str
    rollup: tuple[int, ...]
    percents: tuple[tuple[float | None, ...], ...]
    p95: tuple[float | None, ...]
    raw_at: datetime  # how new its newest hour is


@dataclass(frozen=True, slots=True)
class FeederSums:
    """What of many rolls tells averages, colours and power factors: of each its day and feeder;
    `numbers` are the roll-ups, one behind the other."""

    days: Sequence[date]
    feeders: Sequence[str]
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class CustomerCount:
    """How many of something a circuit or a zone had on a day: "customers", "transformers", or
    requests by class and status, "CFE_NewServiceRequest/received"."""

    day: date
    cls: str
    key: str
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class KeptInstance:
    """An instance as an adapter last showed it; values as XSD writes them."""

    adapter: str
    cls: str
    key: str
    attributes: dict[str, str]
    references: dict[str, str]
    taken_at: datetime

    @property
    def name(self) -> str:
        """What people call it."""
        return self.attributes.get("name", self.key)


REPOSITORY, BY_HAND = "repository", "hand"


@dataclass(frozen=True, slots=True)
class FeederMapping:
    """A feeder in SIAD and the same one in SIMOCE; where one of the keys is None nobody knows yet.

    `how` is "repository", "hand" or the name of a rule; None while it is unmatched.  A circuit of
    SIAD's that is "hand" and has no feeder is left to people: neither repository nor rules map it.
    """

    siad: str | None
    simoce: str | None
    siad_name: str = ""
    simoce_name: str = ""
    how: str | None = None
    at: datetime | None = None  # since when it is so
    who: str = ""

    @property
    def matched(self) -> bool:
        return self.siad is not None and self.simoce is not None
