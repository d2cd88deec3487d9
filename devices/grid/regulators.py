"""Tap changers under control, stepped until no control wants to move: OpenDSS's RegControl rules.

    measured voltage = winding voltage / PT ratio + (R + jX) * winding current / CT primary
    outside v_reg +- band / 2: change needed = (v_reg - measured) * PT ratio / rated voltage

The change is rounded to whole taps; of it seven tenths are made at once, at least one tap.  Of
several that want to move, those with the shortest delay move first (control mode "static").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from devices.grid.circuit import Circuit, Regulator, Reverse
from devices.grid.control import controlled
from devices.grid.power_flow import PowerFlow, Solution
from devices.grid.primitives import TransformerData, Winding, transformer

AT_ONCE = 0.7
"""Of the taps wanted."""


@dataclass(slots=True, eq=False)
class TapChanger:
    """A transformer whose taps move, in its circuit."""

    data: TransformerData
    taps: list[float]
    tap_min: Sequence[float]
    tap_max: Sequence[float]
    tap_steps: Sequence[int]
    rated: Sequence[float]
    """Volts across a coil of each winding."""

    def increment(self, winding: int) -> float:
        """One step."""
        return (self.tap_max[winding] - self.tap_min[winding]) / self.tap_steps[winding]

    def matrix(self) -> np.ndarray:
        """At the present taps."""
        windings = tuple(
            Winding(w.delta, w.volts, w.r_pu, tap, w.r_neutral, w.x_neutral)
            for w, tap in zip(self.data.windings, self.taps, strict=True)
        )
        d = self.data
        return transformer(
            TransformerData(
                d.phases,
                windings,
                d.va,
                d.reactances_pu,
                d.no_load_loss_pu,
                d.magnetising_pu,
                d.antifloat,
                d.high_leads,
            )
        )


@dataclass(slots=True, eq=False)
class TapControl:
    """A regulator on its tap changer."""

    regulator: Regulator
    changer: TapChanger
    reversed: bool = False
    """Whether power flows backwards, and it looks at the other settings."""
    _wanted: float = 0.0

    @property
    def name(self) -> str:
        return self.regulator.name

    def looked(self, solution: Solution, now: float) -> float | None:
        """Seconds until it moves; None inside the band or at the end of the range."""
        regulator = self.regulator
        if self.reversed and regulator.reverse is not None and regulator.reverse.neutral:
            step = self.changer.increment(regulator.tap_winding)
            away = 1.0 - self.changer.taps[regulator.tap_winding]
            self._wanted = round(away / step) * step
            return 0.0 if self._wanted else None
        self._wanted = change_wanted(solution, regulator, self.changer, reverse=self.reversed)
        return regulator.delay_s if self._wanted else None

    def act(self, circuit: Circuit, now: float, *, one_step: bool) -> bool:
        """Whether the tap moved."""
        step = self.changer.increment(self.regulator.tap_winding)
        if not one_step:
            return _move(circuit, self.regulator, self.changer, self._wanted)
        moved = _move(circuit, self.regulator, self.changer, math.copysign(step, self._wanted))
        self._wanted -= math.copysign(step, self._wanted)
        if abs(self._wanted) < 0.9 * step:
            self._wanted = 0.0
        return moved

    def again(self) -> float | None:
        """The tap's own time, while more is wanted."""
        return self.regulator.tap_delay_s if self._wanted else None


@dataclass(slots=True, eq=False)
class Reversal:
    """Notices that power flows the other way, and turns its regulator round."""

    control: TapControl
    reverse: Reverse

    @property
    def name(self) -> str:
        return f"{self.control.name} reversal"

    def looked(self, solution: Solution, now: float) -> float | None:
        """Seconds until the regulator turns round; None while it looks the right way."""
        regulator = self.control.regulator
        element = solution.circuit.elements[regulator.transformer]
        first = sum(len(each) for each in element.terminals[: regulator.winding])
        which = slice(first, first + len(element.terminals[regulator.winding]))
        forward = -float(solution.power(element)[which].sum().real)
        threshold = self.reverse.threshold_w
        turned = forward > threshold if self.control.reversed else forward < -threshold
        return self.reverse.delay_s if turned else None

    def act(self, circuit: Circuit, now: float, *, one_step: bool) -> bool:
        """Turn; the taps follow by the settings of the other way."""
        self.control.reversed = not self.control.reversed
        return True

    def again(self) -> float | None:
        """Once is enough."""
        return None


def regulated(
    flow: PowerFlow,
    regulators: Sequence[Regulator],
    changers: dict[str, TapChanger],
    *,
    note: Callable[[str], None] = lambda text: None,
) -> Solution:
    """Solve with tap changers' controls alone.  Raises NotConverged."""
    controls = [TapControl(each, changers[each.transformer]) for each in regulators]
    return controlled(flow, controls, note=note)


def change_wanted(
    solution: Solution, regulator: Regulator, changer: TapChanger, *, reverse: bool = False
) -> float:
    """Per unit of the winding, in whole taps; 0 inside the band or at the end of the range."""
    measured = abs(_measured(solution, regulator, changer, reverse=reverse))
    limited = False
    if regulator.v_limit > 0:
        local = abs(_local(solution, regulator)) / regulator.pt_ratio
        limited = local > regulator.v_limit
    v_reg, band = regulator.v_reg, regulator.band
    if reverse and regulator.reverse is not None:
        v_reg, band = regulator.reverse.v_reg, regulator.reverse.band
    if not limited and abs(v_reg - measured) <= band / 2:
        return 0.0
    tap = regulator.tap_winding
    ratio = regulator.remote_ratio if regulator.remote_nodes else regulator.pt_ratio
    boost = (v_reg - measured) * ratio / changer.rated[regulator.winding]
    if limited:
        local = abs(_local(solution, regulator)) / regulator.pt_ratio
        boost = (regulator.v_limit - local) * regulator.pt_ratio / changer.rated[regulator.winding]
    step = changer.increment(tap)
    change = round(boost / step) * step
    if (regulator.tap_winding != regulator.winding) != reverse:
        change = -change
    at = changer.taps[tap]
    if change > 0 and at >= changer.tap_max[tap] or change < 0 and at <= changer.tap_min[tap]:
        return 0.0
    return change


def _move(circuit: Circuit, regulator: Regulator, changer: TapChanger, change: float) -> bool:
    tap = regulator.tap_winding
    step = changer.increment(tap)
    count = max(1, math.trunc(AT_ONCE * abs(change) / step))
    count = min(count, regulator.max_tap_change)
    before = changer.taps[tap]
    after = before + math.copysign(count * step, change)
    changer.taps[tap] = min(max(after, changer.tap_min[tap]), changer.tap_max[tap])
    circuit.elements[regulator.transformer].y = changer.matrix()
    return changer.taps[tap] != before


def _coils(solution: Solution, regulator: Regulator) -> np.ndarray:
    """Voltages across the winding's coils."""
    element = solution.circuit.elements[regulator.transformer]
    v = solution.at(element.terminals[regulator.winding])
    return np.asarray(v)


def _local(solution: Solution, regulator: Regulator) -> complex:
    v = _coils(solution, regulator)
    return complex(v[0] - v[-1])


def _measured(
    solution: Solution, regulator: Regulator, changer: TapChanger, *, reverse: bool
) -> complex:
    """On its own side; where power flows backwards, on the transformer's other side."""
    element = solution.circuit.elements[regulator.transformer]
    winding = regulator.winding
    if reverse:
        winding = 0 if winding else 1
    if regulator.remote_nodes and not reverse:
        coils = solution.at(regulator.remote_nodes)
        ratio = regulator.remote_ratio
    else:
        v = solution.at(element.terminals[winding])
        count = changer.data.phases
        if changer.data.windings[winding].delta:
            following = np.roll(v[:count], -1) if count > 1 else v[1:2]
            coils = v[:count] - following
        else:
            coils = v[:count] - v[count]
        ratio = regulator.pt_ratio
    phase = _phase(regulator, np.abs(coils))
    measured = complex(coils[phase]) / ratio
    if (regulator.r or regulator.x) and not reverse:
        width = changer.data.phases + 1
        current = solution.currents(element)[regulator.winding * width + phase]
        measured += complex(regulator.r, regulator.x) * complex(current) / regulator.ct_primary
    return measured


def _phase(regulator: Regulator, sizes: np.ndarray) -> int:
    if regulator.pt_phase == "max":
        return int(sizes.argmax())
    if regulator.pt_phase == "min":
        return int(sizes.argmin())
    return min(regulator.pt_phase, len(sizes)) - 1
