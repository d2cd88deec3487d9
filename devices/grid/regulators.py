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

from devices.grid.circuit import Circuit, Regulator
from devices.grid.power_flow import PowerFlow, Solution
from devices.grid.primitives import TransformerData, Winding, transformer

CONTROL_ITERATIONS_MAX = 15
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


def regulated(
    flow: PowerFlow,
    regulators: Sequence[Regulator],
    changers: dict[str, TapChanger],
    *,
    note: Callable[[str], None] = lambda text: None,
    rounds_max: int = CONTROL_ITERATIONS_MAX,
) -> Solution:
    """Solve, let the controls move, and solve again, until none does.  Raises NotConverged."""
    solution = flow.solve()
    for _ in range(rounds_max):
        wanted = [
            (each.delay_s, each, change)
            for each in regulators
            if (change := change_wanted(solution, each, changers[each.transformer]))
        ]
        if not wanted:
            return solution
        first = min(delay for delay, _, _ in wanted)
        moved = False
        for delay, each, change in wanted:
            if delay == first:
                moved |= _move(flow.circuit, each, changers[each.transformer], change)
        if not moved:
            return solution
        solution = flow.solve()
    note(f"controls still moved after {rounds_max} rounds; the solution is that of the last")
    return solution


def change_wanted(solution: Solution, regulator: Regulator, changer: TapChanger) -> float:
    """Per unit of the winding, in whole taps; 0 inside the band or at the end of the range."""
    measured = abs(_measured(solution, regulator, changer))
    limited = False
    if regulator.v_limit > 0:
        local = abs(_local(solution, regulator)) / regulator.pt_ratio
        limited = local > regulator.v_limit
    if not limited and abs(regulator.v_reg - measured) <= regulator.band / 2:
        return 0.0
    tap = regulator.tap_winding
    ratio = regulator.remote_ratio if regulator.remote_nodes else regulator.pt_ratio
    boost = (regulator.v_reg - measured) * ratio / changer.rated[regulator.winding]
    if limited:
        local = abs(_local(solution, regulator)) / regulator.pt_ratio
        boost = (regulator.v_limit - local) * regulator.pt_ratio / changer.rated[regulator.winding]
    step = changer.increment(tap)
    change = round(boost / step) * step
    if regulator.tap_winding != regulator.winding:
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


def _measured(solution: Solution, regulator: Regulator, changer: TapChanger) -> complex:
    element = solution.circuit.elements[regulator.transformer]
    if regulator.remote_nodes:
        coils = solution.at(regulator.remote_nodes)
        ratio = regulator.remote_ratio
    else:
        v = solution.at(element.terminals[regulator.winding])
        count = changer.data.phases
        if changer.data.windings[regulator.winding].delta:
            following = np.roll(v[:count], -1) if count > 1 else v[1:2]
            coils = v[:count] - following
        else:
            coils = v[:count] - v[count]
        ratio = regulator.pt_ratio
    phase = _phase(regulator, np.abs(coils))
    measured = complex(coils[phase]) / ratio
    if regulator.r or regulator.x:
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
