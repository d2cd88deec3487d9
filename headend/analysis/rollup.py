"""Hours summed, so that days and windows follow by adding.

Sums are whole millionths of the unit (and of a percent): adding them is exact in any order.  An
hour that comes late, or comes again, changes a day and a month by adding and taking away, and
leaves what adding up everything anew would give, to the last digit.

An hour counts for a quantity where each of its phases has the minimum share of its values: a mean
over hours in which a phase was missing would be of other hours than those of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from headend.analysis.hourly import Counts, Hours
from headend.analysis.quantity import PHASES, QUANTITIES, Flags, Quantity, Real
from headend.analysis.unbalance import max_deviation

MILLIONTHS: Final = 1_000_000
_ACTIVE = QUANTITIES.index(Quantity.ACTIVE_POWER)
_REACTIVE = QUANTITIES.index(Quantity.REACTIVE_POWER)
_NAMES = tuple(each.value.replace("-", "_") for each in QUANTITIES)


@dataclass(frozen=True, slots=True, eq=False)
class Rollup:
    """Sums over hours; (...) are whatever was rolled up: feeders, days."""

    sums: Counts  # (..., quantities, phases): of the hours' averages, millionths
    hours: Counts  # (..., quantities): that count
    percents: Counts  # (..., quantities): of the hours' unbalances (max deviation), millionths
    percent_hours: Counts  # (..., quantities): in which that is defined
    power: Counts  # (..., 2): kW and kvar of the three phases, of the same hours, millionths
    power_hours: Counts  # (..., 1): hours that count for both
    received: Counts  # (..., quantities): values of all phases that were there
    expected: Counts  # (..., quantities): that should have been
    span_hours: Counts  # (..., 1): hours of the time itself

    def __add__(self, other: Rollup) -> Rollup:
        """Of two times that do not overlap, or of two parts of one hour's feeders."""
        return Rollup(*(a + b for a, b in zip(_parts(self), _parts(other), strict=True)))

    def __sub__(self, other: Rollup) -> Rollup:
        """Without a part that was added before."""
        return Rollup(*(a - b for a, b in zip(_parts(self), _parts(other), strict=True)))

    def over(self, axis: int) -> Rollup:
        """Summed along one of the leading axes, counted from the first."""
        return Rollup(*(each.sum(axis=axis) for each in _parts(self)))

    def by(self, firsts: Sequence[int], axis: int) -> Rollup:
        """Summed along a leading axis in pieces that begin at these places: hours to days."""
        return Rollup(*(np.add.reduceat(each, firsts, axis=axis) for each in _parts(self)))

    def __getitem__(
        self, key: int | slice | tuple[int | slice | None, ...] | npt.NDArray[np.intp]
    ) -> Rollup:
        """Of some of what was rolled up, by the leading axes."""
        return Rollup(*(each[key] for each in _parts(self)))

    def flat(self) -> Counts:
        """One row of integers (..., columns) in the order of COLUMNS, to be stored."""
        lead = self.power_hours.shape[:-1]
        return np.concatenate([each.reshape(*lead, -1) for each in _parts(self)], axis=-1)

    @classmethod
    def stacked(cls, rollups: Sequence[Rollup]) -> Self:
        """Of several alike, the first axis theirs."""
        return cls(*map(np.stack, zip(*map(_parts, rollups), strict=True)))

    @classmethod
    def of_flat(cls, rows: npt.ArrayLike) -> Self:
        """What `flat` gave.  Raises ValueError where the columns are not as many."""
        given = np.asarray(rows, dtype=np.int64)
        if given.shape[-1] != len(COLUMNS):
            raise ValueError(f"{given.shape[-1]} columns, not {len(COLUMNS)}")
        pieces = np.split(given, np.cumsum(_WIDTHS)[:-1], axis=-1)
        shape = (*given.shape[:-1], len(QUANTITIES), len(PHASES))
        return cls(pieces[0].reshape(shape), *pieces[1:])


_EACH = len(QUANTITIES)
_WIDTHS = (_EACH * len(PHASES), _EACH, _EACH, _EACH, 2, 1, _EACH, _EACH, 1)
COLUMNS: Final = (
    *(f"sum_{name}_{phase.lower()}" for name in _NAMES for phase in PHASES),
    *(f"hours_{name}" for name in _NAMES),
    *(f"percents_{name}" for name in _NAMES),
    *(f"percent_hours_{name}" for name in _NAMES),
    "sum_kw",
    "sum_kvar",
    "power_hours",
    *(f"received_{name}" for name in _NAMES),
    *(f"expected_{name}" for name in _NAMES),
    "span_hours",
)
"""Names of what `Rollup.flat` tells."""


def rolled(
    hours: Hours, *, floors: npt.ArrayLike = 0.0, minimum_coverage: float = 0.8
) -> tuple[Rollup, Real]:
    """Roll-ups of the hours one by one, (..., hours), and their unbalances in percent
    (..., hours, quantities), NaN where an hour does not count or it is not defined.

    `floors` (quantities) are mean amounts at or below which a percentage is not defined.
    """
    expected = hours.expected[:, None, None]
    received = np.minimum(hours.received, expected)
    means = np.round(hours.means * MILLIONTHS)
    whole = (received >= minimum_coverage * expected) & (received > 0) & ~np.isnan(means)
    counts: Flags = np.asarray(whole.all(axis=-1))
    means = np.where(counts[..., None], means, np.nan)
    floor = np.asarray(floors, dtype=np.float64) * MILLIONTHS
    percent = max_deviation(means, floor=floor).percent
    percent = np.round(percent * MILLIONTHS) / MILLIONTHS
    defined = ~np.isnan(percent)
    sums = np.where(counts[..., None], means, 0.0).astype(np.int64)
    both = counts[..., _ACTIVE] & counts[..., _REACTIVE]
    power = sums[..., [_ACTIVE, _REACTIVE], :].sum(axis=-1) * both[..., None]
    lead = counts.shape[:-1]
    per_quantity = np.broadcast_to(expected[..., 0] * len(PHASES), counts.shape)
    found = Rollup(
        sums=sums,
        hours=counts.astype(np.int64),
        percents=np.round(np.where(defined, percent, 0.0) * MILLIONTHS).astype(np.int64),
        percent_hours=defined.astype(np.int64),
        power=power,
        power_hours=both[..., None].astype(np.int64),
        received=received.sum(axis=-1),
        expected=per_quantity.astype(np.int64),
        span_hours=np.ones((*lead, 1), dtype=np.int64),
    )
    return found, percent


_parts: Callable[[Rollup], tuple[Counts, ...]] = attrgetter(*(it.name for it in fields(Rollup)))
