"""Machines that hold their voltage: vars are fed until its mean over the legs is the wanted one.

OpenDSS steps towards the same point by a fixed factor (its generator model 3); here the secant
through the last two solutions is followed, so that what is found does not depend on steps.
"""

from __future__ import annotations

from dataclasses import dataclass

TOLERANCE_PU = 1e-10
FIRST_STEP_SHARE = 0.05
"""Of the range of vars, for the first step of a secant."""


@dataclass(slots=True, eq=False)
class HeldVoltage:
    """One machine's: its legs, volts across a leg, and the vars of a leg that it can feed."""

    legs: tuple[int, ...]
    volts: float
    least: float
    most: float
    fed: float
    _before: tuple[float, float] | None = None

    def step(self, volts: float) -> bool:
        """Choose the next vars by the voltage that came of the last; whether they changed."""
        missing = self.volts - volts
        if abs(missing) < TOLERANCE_PU * self.volts:
            return False
        if self._before is None or self._before[0] == self.fed:
            slope = self.volts * 0.01 / max((self.most - self.least) * FIRST_STEP_SHARE, 1.0)
        else:
            slope = (volts - self._before[1]) / (self.fed - self._before[0])
        self._before = self.fed, volts
        if slope <= 0:
            slope = self.volts * 0.01 / max((self.most - self.least) * FIRST_STEP_SHARE, 1.0)
        after = min(max(self.fed + missing / slope, self.least), self.most)
        changed = after != self.fed
        self.fed = after
        return changed
