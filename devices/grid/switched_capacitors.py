"""Capacitors under control: switched by what a watched element carries, or by its voltage.

kvar           of the watched phase times the phases: on above the one setting, off below the
               other
current        amperes by the ratio of the current transformer
voltage        volts by the ratio of the potential transformer: on below, off above
power factor   from 0 to 2, leading above 1: on below, off above
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from devices.grid.circuit import Circuit
from devices.grid.power_flow import Solution

SwitchedBy = Literal["current", "voltage", "kvar", "power factor", "time"]
Phase = int | Literal["avg", "max", "min"]


@dataclass(frozen=True, slots=True)
class CapacitorRule:
    """A control's settings, in OpenDSS's units."""

    name: str
    element: str
    terminal: int
    phases: int
    by: SwitchedBy
    on: float
    off: float
    pt_ratio: float
    ct_ratio: float
    delay_s: float
    delay_off_s: float
    dead_time_s: float
    override: tuple[float, float] | None  # volts below which it closes, above which it opens
    ct_phase: Phase
    pt_phase: Phase


@dataclass(slots=True, eq=False)
class CapacitorControl:
    """A rule on its capacitor; `switch` closes one step more (1) or opens one (-1)."""

    rule: CapacitorRule
    states: list[int]
    switch: Callable[[int], None]
    is_open: bool = False
    """Whether it has opened its last step; until then it takes the capacitor for closed, however
    that is told, and looks for more steps to close."""
    opened_at: float = -1e9
    _wanted: int = 0

    @property
    def name(self) -> str:
        return self.rule.name

    def looked(self, solution: Solution, now: float) -> float | None:
        """Seconds until it acts on what it sees; None where it is content."""
        rule = self.rule
        self._wanted = self._by_voltage(solution) or self._by_rule(solution)
        if not self._wanted:
            return None
        if self._wanted < 0:
            return rule.delay_off_s
        since = now - self.opened_at
        if since < rule.dead_time_s:
            return max(rule.delay_s, rule.dead_time_s + rule.delay_s - since)
        return rule.delay_s

    def act(self, circuit: Circuit, now: float, *, one_step: bool) -> bool:
        """Whether a step was switched."""
        if self._wanted > 0:
            self.states[self.states.index(0)] = 1
            self.is_open = False
        else:
            if 1 in self.states:
                self.states[len(self.states) - 1 - self.states[::-1].index(1)] = 0
            self.is_open = 1 not in self.states
            if self.is_open:
                self.opened_at = now
        self.switch(self._wanted)
        return True

    def again(self) -> float | None:
        """It acts once for each time that it wants to."""
        return None

    def _able(self, change: int) -> int:
        """A step can be closed where one is open, and opened until the last one is."""
        return change if (0 in self.states if change > 0 else not self.is_open) else 0

    def _by_voltage(self, solution: Solution) -> int:
        if self.rule.override is None:
            return 0
        low, high = self.rule.override
        volts = self._volts(solution)
        if volts < low and self.is_open:
            return self._able(1)
        return self._able(-1) if volts > high else 0

    def _by_rule(self, solution: Solution) -> int:
        rule = self.rule
        if rule.by == "voltage":
            volts = self._volts(solution)
            if volts < rule.on:
                return self._able(1)
            return self._able(-1) if volts > rule.off else 0
        if rule.by == "current":
            seen = self._amperes(solution)
        else:
            power = self._power(solution)
            seen = power.imag / 1000
            if rule.by == "power factor":
                factor = abs(power.real / power) if power else 1.0
                seen = factor if power.real * power.imag >= 0 else 2 - factor
                if seen < rule.on:
                    return self._able(1)
                return self._able(-1) if seen > rule.off else 0
        if seen > rule.on:
            return self._able(1)
        return self._able(-1) if seen < rule.off else 0

    def _conductors(self, solution: Solution) -> tuple[np.ndarray, np.ndarray]:
        """Voltages and currents of the watched terminal's phases."""
        element = solution.circuit.elements[self.rule.element]
        first = sum(len(each) for each in element.terminals[: self.rule.terminal - 1])
        which = slice(first, first + self.rule.phases)
        v = solution.at(element.nodes)
        return v[which], solution.currents(element)[which]

    def _volts(self, solution: Solution) -> float:
        v, _ = self._conductors(solution)
        return _of_phase(np.abs(v), self.rule.pt_phase) / self.rule.pt_ratio

    def _amperes(self, solution: Solution) -> float:
        _, i = self._conductors(solution)
        return _of_phase(np.abs(i), self.rule.ct_phase) / self.rule.ct_ratio

    def _power(self, solution: Solution) -> complex:
        v, i = self._conductors(solution)
        each = v * np.conj(i)
        phase = self.rule.ct_phase
        if phase == "avg":
            return complex(each.sum())
        if phase in ("max", "min"):
            at = int(np.abs(each).argmax() if phase == "max" else np.abs(each).argmin())
        else:
            at = min(int(phase), len(each)) - 1
        return complex(each[at]) * self.rule.phases


def _of_phase(sizes: np.ndarray, phase: Phase) -> float:
    if phase == "avg":
        return float(sizes.mean())
    if phase == "max":
        return float(sizes.max())
    if phase == "min":
        return float(sizes.min())
    return float(sizes[min(phase, len(sizes)) - 1])
