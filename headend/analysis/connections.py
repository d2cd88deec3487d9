"""Meters as single connections: one of a meter on one phase, three of one on all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headend.analysis.hourly import Counts
from headend.analysis.losses import Lines
from headend.analysis.meter_sums import ALL_PHASES
from headend.analysis.quantity import PHASES, Real
from headend.domain.line_section import LineSection


class Connections(NamedTuple):
    """Those of single-phase meters first, in the order of the meters."""

    meter: Counts  # places
    phase: Counts  # places in PHASES; below 0 where nobody knows
    share: Real  # of its meter's power: a meter on three phases tells only its total

    def of_meters(self, values: Real) -> Real:
        """What meters draw (intervals x meters), by connection."""
        return np.asarray(values[:, self.meter] * self.share)

    def volts(self, volts: Real) -> Real:
        """Of (intervals x meters x 3): a meter on one phase tells its own as L1."""
        own = np.where(self.share == 1, 0, self.phase)
        return np.asarray(volts[:, self.meter, own])


def connections(phase: npt.ArrayLike) -> Connections:
    """Of meters on these phases: places in PHASES, ALL_PHASES, or below 0."""
    of = np.asarray(phase, dtype=np.int64)
    single, three = np.flatnonzero(of != ALL_PHASES), np.flatnonzero(of == ALL_PHASES)
    count = len(PHASES)
    return Connections(
        np.concatenate([single, np.repeat(three, count)]),
        np.concatenate([of[single], np.tile(np.arange(count), len(three))]),
        np.concatenate([np.ones(len(single)), np.full(count * len(three), 1 / count)]),
    )


def lines_of(sections: Sequence[LineSection], names: Sequence[Collection[str]]) -> Lines:
    """The utility's records of lines as they carry connections, each known by some names (its
    meter, its service point); one that no section supplies hangs at the transformer itself.

    Each section's `upstream` is one of them, and none feeds itself.
    """
    by_code = {each.code: place for place, each in enumerate(sections)}
    supplied = {name: each.code for each in sections for name in each.supplies}
    behind = np.zeros((len(sections), len(names)), dtype=bool)
    for connection, known_as in enumerate(names):
        at = next((supplied[name] for name in known_as if name in supplied), None)
        while at is not None:
            behind[by_code[at], connection] = True
            at = sections[by_code[at]].upstream
    ohms = [
        np.array([each.length_m / 1000 * km for each, km in zip(sections, of, strict=True)])
        for of in (
            [each.ohm_km for each in sections],
            [each.neutral_ohm_km for each in sections],
        )
    ]
    return Lines(behind, *ohms)
