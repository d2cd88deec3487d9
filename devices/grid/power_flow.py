"""Power flow of a network of any shape: nodal admittances, loads as injected currents.

Loads stand in the admittance matrix as impedances of their rated power; what they take otherwise is
injected as a current, until nothing changes any more (the normal algorithm of OpenDSS: Dugan and
McDermott, IEEE PES General Meeting 2011).  Starts from the solution without loads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from devices.grid.circuit import GROUND, Circuit, Element, Leg
from devices.grid.errors import BadNetwork, NotConverged
from devices.grid.held_voltages import HeldVoltage
from devices.grid.load_currents import LoadCurrents, Places
from devices.grid.sparse import Factors, Matrix, Singular
from devices.grid.zbus import Complex, Real

TOLERANCE_PU = 1e-10
STALLED_PU = 1e-8
"""Where rounding lets nothing come closer, this is close enough."""
LOOSE_PU, LOOSE_ONE_IN, PATIENCE = 1e-5, 50, 40
"""A few nodes may be known to this only: floating neutrals and deltas, which nothing but a
transformer's antifloat ties to ground."""
ITERATIONS_MAX = 300
HOLDING_ROUNDS_MAX = 60


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Voltages of all nodes in volts, by row; nodes that nothing feeds have none."""

    circuit: Circuit
    voltage: Complex
    leg_currents: Complex
    iterations: int
    dead: frozenset[int] = frozenset()
    loose: frozenset[int] = frozenset()
    """Nodes that hang by almost nothing, so that rounding moves them by more than 1e-8 pu."""

    def at(self, nodes: Collection[int]) -> Complex:
        """Voltages of some nodes; ground's is 0."""
        v = np.append(self.voltage, 0)
        found: Complex = v[list(nodes)]
        return found

    def currents(self, element: Element) -> Complex:
        """Into each conductor of an element."""
        found: Complex = element.y @ self.at(element.nodes)
        return found

    def power(self, element: Element) -> Complex:
        """Into each conductor, volt-amperes."""
        return self.at(element.nodes) * np.conj(self.currents(element))

    def losses(self) -> complex:
        """What elements between nodes take, volt-amperes."""
        return self._taken(lambda element: not _is_shunt(element))

    def taken_by_shunts(self) -> complex:
        """What elements to ground take, volt-amperes."""
        return self._taken(_is_shunt)

    def _taken(self, counts: Callable[[Element], bool]) -> complex:
        sources = {source.element.name for source in self.circuit.sources}
        elements = self.circuit.elements.values()
        return complex(
            sum(
                self.power(element).sum()
                for element in elements
                if element.name not in sources and counts(element)
            )
        )

    def delivered(self) -> complex:
        """What all sources deliver at their terminals, volt-amperes."""
        total = 0j
        for source in self.circuit.sources:
            element = source.element
            v = self.at(element.nodes)
            current = element.y @ (v - source.emf)
            count = len(element.terminals[0])
            total -= complex((v * np.conj(current))[:count].sum())
        return total

    def drawn(self) -> complex:
        """What all loads take, volt-amperes."""
        if not self.circuit.legs:
            return 0j
        ends = np.array([leg.ends for leg in self.circuit.legs])
        v = np.append(self.voltage, 0)
        return complex(((v[ends[:, 0]] - v[ends[:, 1]]) * np.conj(self.leg_currents)).sum())


class PowerFlow:
    """A circuit, ready to be solved again after elements changed their matrices."""

    def __init__(self, circuit: Circuit):
        self.circuit = circuit
        self.held: list[HeldVoltage] = []
        self._dead = dead_nodes(circuit)
        self._loads = LoadCurrents(circuit.legs)
        self._last: Complex | None = None
        self._kept: dict[bool, tuple[list[Complex], Factors]] = {}

    def draw(self, legs: Sequence[Leg]) -> None:
        """Other powers for the same legs; the matrix stays, so that its factors can."""
        y = self._loads.y
        self.circuit.legs = list(legs)
        self._loads = LoadCurrents(legs)
        self._loads.y = y

    def without_loads(self) -> Complex:
        """Voltages with every load switched off."""
        return self.factored(False).solve(self.sources())

    def solve(self, *, tolerance_pu: float = TOLERANCE_PU) -> Solution:
        """Raises NotConverged; BadNetwork where an element hangs in the air."""
        factors = self.factored(True)
        solution = self._solved(factors, tolerance_pu)
        for _ in range(HOLDING_ROUNDS_MAX):
            changed = [self._hold(each, solution) for each in self.held]
            if not any(changed):
                return solution
            solution = self._solved(factors, tolerance_pu)
        if self.held:
            name = self.circuit.legs[self.held[0].legs[0]].load
            raise NotConverged(f"{name}, which holds its voltage,", solution.iterations, math.nan)
        return solution

    def _hold(self, machine: HeldVoltage, solution: Solution) -> bool:
        """Let a machine choose its vars by the voltage that it sees; whether they changed."""
        across = self._loads.voltages(np.append(solution.voltage, 0))
        legs = list(machine.legs)
        changed = machine.step(float(np.abs(across[legs]).mean()))
        self._loads.feed_vars(legs, machine.fed)
        return changed

    def _solved(self, factors: Factors, tolerance_pu: float) -> Solution:
        circuit, loads = self.circuit, self._loads
        size = len(circuit.nodes)
        sources = self.sources()
        v = self.without_loads() if self._last is None else self._last
        scale = self._scale(v)
        best, change = np.inf, np.zeros(size)
        iteration = 0
        for iteration in range(1, ITERATIONS_MAX + 1):
            across = loads.voltages(np.append(v, 0))
            extra = loads.y * across - loads.currents(across)
            after = factors.solve(sources + _spread(loads.ends, extra, size))
            change = np.abs(after - v) / scale
            v = after
            worst = float(change.max(initial=0.0))
            if not np.isfinite(worst):
                break
            if worst < tolerance_pu or (worst >= best / 2 and worst < STALLED_PU):
                self._last = v
                across = loads.voltages(np.append(v, 0))
                return Solution(circuit, v, loads.currents(across), iteration, self._dead)
            loose = np.flatnonzero(change > STALLED_PU)
            if iteration >= PATIENCE and worst < LOOSE_PU and len(loose) * LOOSE_ONE_IN < size:
                self._last = v
                across = loads.voltages(np.append(v, 0))
                few = frozenset(loose.tolist())
                return Solution(circuit, v, loads.currents(across), iteration, self._dead, few)
            best = min(best, worst)
        change = np.nan_to_num(change, nan=np.inf)
        node = int(change.argmax())
        raise NotConverged(circuit.node_names[node], iteration, float(change[node]))

    def sources(self) -> Complex:
        """Currents that the sources inject, node by node."""
        injected = np.zeros(len(self.circuit.nodes), dtype=np.complex128)
        for source in self.circuit.sources:
            current = source.element.y @ source.emf
            for node, value in zip(source.element.nodes, current, strict=True):
                if node != GROUND:
                    injected[node] += value
        return injected

    def factored(self, with_loads: bool) -> Factors:
        """Anew only where an element's matrix is another one than before."""
        matrices = [element.y for element in self.circuit.elements.values()]
        kept = self._kept.get(with_loads)
        if kept is not None and len(kept[0]) == len(matrices):
            if all(one is other for one, other in zip(kept[0], matrices, strict=True)):
                return kept[1]
        factors = self._factors(with_loads)
        self._kept[with_loads] = matrices, factors
        return factors

    def _factors(self, with_loads: bool) -> Factors:
        matrix = Matrix(len(self.circuit.nodes))
        for element in self.circuit.elements.values():
            matrix.add(element.nodes, element.y)
        if with_loads:
            for leg, y in zip(self.circuit.legs, self._loads.y, strict=True):
                matrix.add(leg.ends, np.array([[y, -y], [-y, y]]))
        for node in self._dead:
            for other in matrix.rows[node]:
                if other != node:
                    matrix.rows[other].pop(node, None)
            matrix.rows[node] = {node: 1 + 0j}
        try:
            return matrix.factored()
        except Singular as error:
            name = self.circuit.node_names[error.row]
            raise BadNetwork(f"node {name} has no path to any source or to ground") from error

    def _scale(self, v: Complex) -> Real:
        """What a change of voltage is measured by: the bus's base, else the voltage itself."""
        bases = [self.circuit.base_kv.get(bus, 0.0) * 1000 for bus, _ in self.circuit.nodes]
        return np.where(np.array(bases) > 0, bases, np.maximum(np.abs(v), 1.0))


def _is_shunt(element: Element) -> bool:
    return all(node == GROUND for terminal in element.terminals[1:] for node in terminal)


def _spread(ends: Places, currents: Complex, size: int) -> Complex:
    total = np.zeros(size + 1, dtype=np.complex128)
    np.add.at(total, ends[:, 0], currents)
    np.add.at(total, ends[:, 1], -currents)
    found: Complex = total[:size]
    return found


def dead_nodes(circuit: Circuit) -> frozenset[int]:
    """Nodes that no source feeds, through elements that couple them."""
    parent = list(range(len(circuit.nodes)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for element in circuit.elements.values():
        nodes = element.nodes
        for i in range(len(nodes)):
            for j in range(i):
                if nodes[i] != GROUND and nodes[j] != GROUND and element.y[i, j]:
                    parent[root(nodes[i])] = root(nodes[j])
    fed = {
        root(node) for source in circuit.sources for node in source.element.nodes if node != GROUND
    }
    return frozenset(node for node in range(len(parent)) if root(node) not in fed)
