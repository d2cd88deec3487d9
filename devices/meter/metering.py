"""The metering part: registers as closed forms over the load and the interruptions of its supply.

Nothing ticks.  What a register shows at a moment follows from the load (`load.Load`) and from the
few moments at which the supply went off or on, or the load was replaced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from devices.meter.load import Coupled, Energy, Load, PhaseLoad

W_MS_PER_WH = 3_600_000

SPANS_MAX = 1_000
"""Interruptions kept for the load profile; before the oldest one it shows the sum of the rest."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` on the meter counted from `before`, with this load, if current flowed."""

    begin: float
    before: Energy
    load: Load
    flows: bool = True


@dataclass(slots=True)
class Metering:
    """What flows through one meter."""

    load: Load
    spans: list[Span] | None = field(default=None)
    """None as long as nothing ever changed, which is what most meters are."""

    def supply_changed(self, on: bool, *, now: float) -> None:
        """Current flows from now on, or none does: the relay moved, or the grid's power did."""
        self._begin(self.load, on, now)

    def replace_load(self, load: Load, *, on: bool, now: float) -> None:
        """The installation draws something else from now on.  Energy goes on from where it was."""
        self._begin(load, on, now)
        self.load = load

    def _begin(self, load: Load, flows: bool, now: float) -> None:
        before = self.energy(now)
        if self.spans is None:
            self.spans = [Span(0.0, self.load.energy(0.0), self.load)]
        self.spans.append(Span(now, before, load, flows))
        if isinstance(load, Coupled):
            load.switched(flows, now=now)
        if len(self.spans) > SPANS_MAX:
            del self.spans[0]

    def _at(self, moment: float) -> Span | None:
        for span in reversed(self.spans or ()):
            if span.begin <= moment:
                return span
        return None

    def energy(self, at: float) -> Energy:
        """The four integrals at a moment, past or present."""
        span = self._at(at)
        if span is None:
            return self.spans[0].before if self.spans else self.load.energy(at)
        if not span.flows:
            return span.before
        return span.before + (span.load.energy(at) - span.load.energy(span.begin))

    def phases(self, at: float) -> tuple[PhaseLoad, ...]:
        """Each phase at a moment.  The voltage is measured on the grid's side of the relay."""
        span = self._at(at)
        if span is None:
            return self.load.at(at)
        there = span.load.at(at)
        if span.flows:
            return there
        return tuple(PhaseLoad(0, 0, phase.voltage_dv) for phase in there)


def current_ca(phase: PhaseLoad) -> int:
    """The current in 0.01 A, from apparent power and voltage, rounded down."""
    if phase.voltage_dv == 0:
        return 0
    apparent_va_squared = phase.active_w**2 + phase.reactive_var**2
    return math.isqrt(apparent_va_squared * 1_000_000) // phase.voltage_dv
