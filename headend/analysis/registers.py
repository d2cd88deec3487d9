"""Energy registers that were read with holes, as energies of intervals.

A register goes on counting while nobody hears its meter: what flowed in a gap is known from the
reading after it, only not when.  It is spread evenly over the gap.  Sums over a window therefore
stay right under communication loss, and the shares of single hours are an estimate there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headend.analysis.quantity import Flags, Real


class Energies(NamedTuple):
    """Of intervals (intervals x meters), in the register's unit; NaN before a meter's first reading
    and after its last.  `measured` tells which were read on both ends, and not spread."""

    values: Real
    measured: Flags

    @property
    def coverage(self) -> Real:
        """Of each meter: the share of intervals that were measured."""
        return np.asarray(self.measured.mean(axis=0))


def energies(registers: npt.ArrayLike) -> Energies:
    """From readings at the bounds of intervals (one more than those, x meters), NaN: missing."""
    read = np.asarray(registers, dtype=np.float64)
    there = ~np.isnan(read)
    at = np.arange(len(read))
    between = np.full(read.shape, np.nan)
    for meter in range(read.shape[1]):
        known = at[there[:, meter]]
        if len(known):
            inside = slice(known[0], known[-1] + 1)
            between[inside, meter] = np.interp(at[inside], known, read[known, meter])
    return Energies(np.diff(between, axis=0), there[1:] & there[:-1])


def whole(values: npt.ArrayLike) -> Real:
    """Energies with a meter's own average where its registers tell nothing: before its first
    reading and after its last.  0 for a meter that was never read twice."""
    given = np.asarray(values, dtype=np.float64)
    there = ~np.isnan(given)
    mean = np.where(there, given, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there, given, mean)
