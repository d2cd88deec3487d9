"""What the windows say of each feeder, wherever its figures come from."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from headend.analysis.bands import Colour
from headend.analysis.figures import Figures, figures
from headend.analysis.judged import Judged, judged, of_power
from headend.analysis.power_factor import power_factor
from headend.analysis.quantity import UNITS, Quantity
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import KeptInstance
from headend.web.consulta.organisation import SUBSTATION, Organisation
from headend.web.consulta.window import Window


class Shown(enum.StrEnum):
    """The three stamps of time of the paper."""

    MONTH = "month"
    HOURS_48 = "48h"
    NOW = "now"


class Mode(enum.StrEnum):
    PERCENT = "percent"
    MAGNITUDE = "magnitude"


@dataclass(frozen=True, slots=True)
class Standing:
    """A circuit and what is known of it."""

    circuit: KeptInstance
    substation: str
    kilovolts: float | None
    windows: Mapping[Shown, Judged] = field(default_factory=dict)

    def value(self, shown: Shown, quantity: Quantity, mode: Mode) -> float | None:
        found = self.windows.get(shown)
        if found is None:
            return None
        it = found[quantity]
        return it.percent if mode is Mode.PERCENT else it.magnitude


def standings(
    organisation: Organisation,
    circuits: Sequence[KeptInstance],
    windows: Mapping[Shown, Window],
    policy: AnalysisPolicy,
) -> list[Standing]:
    """Circuits with the windows that are known of each, by SIAD's keys."""
    told: dict[str, dict[Shown, Judged]] = {each.key: {} for each in circuits}
    for shown, window in windows.items():
        for key, each in judged_of(organisation, circuits, window, policy).items():
            told[key][shown] = each
    made = []
    for it in circuits:
        substation = organisation.within(it, SUBSTATION)
        name = "–" if substation is None else substation.name
        made.append(Standing(it, name, organisation.kilovolts(it), told[it.key]))
    return made


def judged_of(
    organisation: Organisation,
    circuits: Sequence[KeptInstance],
    window: Window,
    policy: AnalysisPolicy,
) -> dict[str, Judged]:
    """What a window says of those of some circuits that it has, by SIAD's keys."""
    keys, levels = _levels(organisation, circuits, window)
    p95 = [window.p95.get(key) for key in keys]
    found = judged(window.among(keys), policy, levels, p95)
    return dict(zip(keys, found, strict=True))


def codes_of(
    organisation: Organisation,
    circuits: Sequence[KeptInstance],
    window: Window,
    policy: AnalysisPolicy,
) -> dict[str, list[int]]:
    """The same where colours alone are asked for: of each quantity the place in COLOURS."""
    keys, levels = _levels(organisation, circuits, window)
    codes = figures(window.among(keys), policy, nominal_v=levels).colours
    return dict(zip(keys, codes.tolist(), strict=True))


def _levels(
    organisation: Organisation, circuits: Sequence[KeptInstance], window: Window
) -> tuple[list[str], list[float | None]]:
    """Circuits that a window has, and their nominal voltages."""
    here = [each for each in circuits if each.key in window]
    return [each.key for each in here], [organisation.volts(each) for each in here]


@dataclass(frozen=True, slots=True)
class Together:
    """Several feeders as one: `kw` and `kvar` are sums of their averages, however many of each
    one's hours count; `missing_kvar` is what each lacks for itself, added up."""

    kw: float
    kvar: float
    power_factor: float | None
    missing_kvar: float
    coverage: float  # 0 to 1: the mean of the feeders' least

    def whole(self, quantity: Quantity) -> float | None:
        """Their power; None of currents, which have different voltages, and of voltages."""
        return of_power((self.kw, self.kvar), quantity)


def together(found: Figures) -> Together | None:
    """Of feeders' figures (the first axis); None where nothing is known of any."""
    known = ~np.isnan(found.power).any(axis=-1)
    if not known.any():
        return None
    kw, kvar = found.power[known].sum(axis=0).tolist()
    factor = float(power_factor(kw, kvar))
    return Together(
        kw,
        kvar,
        None if math.isnan(factor) else factor,
        float(np.nansum(found.capacitors_kvar[known])),
        float(np.nan_to_num(np.fmin.reduce(found.coverage, axis=-1)).mean()),
    )


def exceeding(counted: Mapping[Colour, int]) -> float | None:
    """The share of those that are judged which are not good."""
    judged_ones = sum(count for colour, count in counted.items() if colour is not Colour.UNKNOWN)
    return (counted[Colour.YELLOW] + counted[Colour.RED]) / judged_ones if judged_ones else None


def sorted_by(
    found: Sequence[Standing], shown: Shown, quantity: Quantity, mode: Mode
) -> list[Standing]:
    """The worst first; who has no figure comes last."""

    def place(each: Standing) -> tuple[bool, float, str]:
        value = each.value(shown, quantity, mode)
        return value is None, -(value or 0.0), each.circuit.key

    return sorted(found, key=place)


def unit(quantity: Quantity, mode: Mode) -> str:
    return "%" if mode is Mode.PERCENT else UNITS[quantity]
