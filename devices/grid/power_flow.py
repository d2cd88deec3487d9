"""Power flow of a network of any shape: nodal admittances, loads as injected currents.

Loads stand in the admittance matrix as impedances of their rated power; what they take otherwise is
injected as a current, until nothing changes any more (the normal algorithm of OpenDSS: Dugan and
McDermott, IEEE PES General Meeting 2011).  Starts from the solution without loads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from devices.grid.circuit import GROUND, Circuit, Element
from devices.grid.errors import BadNetwork, NotConverged
from devices.grid.load_currents import LoadCurrents, Places
from devices.grid.sparse import Factors, Matrix, Singular
from devices.grid.zbus import Complex, LoadNetwork, Real

TOLERANCE_PU = 1e-10
STALLED_PU = 1e-8
"""Where rounding lets nothing come closer, this is close enough."""
ITERATIONS_MAX = 300


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Voltages of all nodes in volts, by row; nodes that nothing feeds have none."""

    circuit: Circuit
    voltage: Complex
    leg_currents: Complex
    iterations: int
    dead: frozenset[int] = frozenset()

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
        self._dead = dead_nodes(circuit)
        self._loads = LoadCurrents(circuit.legs)
        self._last: Complex | None = None

    def without_loads(self) -> Complex:
        """Voltages with every load switched off."""
        return self._factored(False).solve(self._sources())

    def solve(self, *, tolerance_pu: float = TOLERANCE_PU) -> Solution:
        """Raises NotConverged; BadNetwork where an element hangs in the air."""
        circuit, loads = self.circuit, self._loads
        size = len(circuit.nodes)
        factors = self._factored(True)
        sources = self._sources()
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
            best = min(best, worst)
        change = np.nan_to_num(change, nan=np.inf)
        node = int(change.argmax())
        raise NotConverged(circuit.node_names[node], iteration, float(change[node]))

    def _sources(self) -> Complex:
        injected = np.zeros(len(self.circuit.nodes), dtype=np.complex128)
        for source in self.circuit.sources:
            current = source.element.y @ source.emf
            for node, value in zip(source.element.nodes, current, strict=True):
                if node != GROUND:
                    injected[node] += value
        return injected

    def _factored(self, with_loads: bool) -> Factors:
        matrix = Matrix(len(self.circuit.nodes))
        for element in self.circuit.elements.values():
            matrix.add(element.nodes, element.y)
        if with_loads:
            for leg, y in zip(self.circuit.legs, self._loads.y, strict=True):
                matrix.add(leg.ends, np.array([[y, -y], [-y, y]]))
        for node in self._dead:
            matrix.rows[node] = {node: 1 + 0j}
            for row in matrix.rows:
                if node in row and row is not matrix.rows[node]:
                    del row[node]
        try:
            return matrix.factored()
        except Singular as error:
            name = self.circuit.node_names[error.row]
            raise BadNetwork(f"node {name} has no path to any source or to ground") from error

    def _scale(self, v: Complex) -> Real:
        """What a change of voltage is measured by: the bus's base, else the voltage itself."""
        bases = [self.circuit.base_kv.get(bus, 0.0) * 1000 for bus, _ in self.circuit.nodes]
        return np.where(np.array(bases) > 0, bases, np.maximum(np.abs(v), 1.0))


def load_network(circuit: Circuit, head_bus: str) -> LoadNetwork:
    """A circuit as its loads see it, for `zbus.solve`: for constant-power loads to ground.

    Everything that the loads draw flows through the head's bus, whose nodes are 1, 2 and 3, and no
    element behind it leads to ground.  Raises BadNetwork for what cannot be reduced.
    """
    if any(leg.ends[1] != GROUND for leg in circuit.legs):
        raise BadNetwork("only loads between a phase and ground can be reduced")
    if any((head_bus, number) not in circuit.nodes for number in (1, 2, 3)):
        raise BadNetwork(f"bus {head_bus} is no head of three phases")
    head = [circuit.nodes[head_bus, number] for number in (1, 2, 3)]
    flow = PowerFlow(replace(circuit, legs=[]))
    factors = flow._factored(False)
    v0 = factors.solve(flow._sources())
    at = [leg.ends[0] for leg in circuit.legs]
    ones = np.zeros((len(circuit.nodes), len(at)), dtype=np.complex128)
    ones[at, range(len(at))] = 1
    z = factors.solve(ones)
    names = circuit.node_names
    phase = [list(circuit.nodes)[node][1] - 1 for node in at]
    return LoadNetwork(
        tuple(names[node] for node in at),
        z[at],
        v0[at],
        np.array(phase, dtype=np.intp) % 3,
        z[head],
        v0[head],
    )


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
