"""The metering part: registers as closed forms over the load and the interruptions of its supply.

Nothing ticks.  What a register shows at a moment follows from the load (`load.Load`) and from the
few moments at which the supply went off or on, or the load was replaced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from devices.meter.load import Energy, Load, PhaseLoad

W_MS_PER_WH = 3_600_000

SPANS_MAX = 1_000
"""Interruptions kept for the load profile; before the oldest one it shows the sum of the rest."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` on the meter counted from `before`, with this load; None is an open relay."""

    begin: float
    before: Energy
    load: Load | None


@dataclass(slots=True)
class Metering:
    """What flows through one meter."""

    load: Load
    spans: list[Span] = field(default_factory=list)
    """Empty as long as nothing ever changed, which is what most meters are."""

    def supply_changed(self, on: bool, *, now: float) -> None:
        """The relay opened or closed."""
        self._begin(self.load if on else None, now)

    def replace_load(self, load: Load, *, on: bool, now: float) -> None:
        """The installation draws something else from now on.  Energy goes on from where it was."""
        self._begin(load if on else None, now)
        self.load = load

    def _begin(self, load: Load | None, now: float) -> None:
        before = self.energy(now)
        if not self.spans:
            self.spans.append(Span(0.0, self.load.energy(0.0), self.load))
        self.spans.append(Span(now, before, load))
        if len(self.spans) > SPANS_MAX:
            del self.spans[0]

    def energy(self, at: float) -> Energy:
        """The four integrals at a moment, past or present."""
        for span in reversed(self.spans):
            if span.begin <= at:
                if span.load is None:
                    return span.before
                return span.before + (span.load.energy(at) - span.load.energy(span.begin))
        return self.spans[0].before if self.spans else self.load.energy(at)

    def phases(self, now: float, *, on: bool) -> tuple[PhaseLoad, ...]:
        """Each phase now.  The voltage is measured on the grid's side of the relay."""
        present = self.load.at(now)
        if on:
            return present
        return tuple(PhaseLoad(0, 0, phase.voltage_dv) for phase in present)


def current_ca(phase: PhaseLoad) -> int:
    """The current in 0.01 A, from apparent power and voltage, rounded down."""
    if phase.voltage_dv == 0:
        return 0
    apparent_va_squared = phase.active_w**2 + phase.reactive_var**2
    return math.isqrt(apparent_va_squared * 1_000_000) // phase.voltage_dv


def watt_hours(integral: int) -> int:
    """What an energy register of scaler 0 shows: whole Wh or varh."""
    return integral // W_MS_PER_WH
