"""A network reduced to its loads: what its customers see of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from devices.grid.circuit import GROUND, Circuit
from devices.grid.errors import BadNetwork
from devices.grid.power_flow import PowerFlow
from devices.grid.zbus import LoadNetwork


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
    factors = flow.factored(False)
    v0 = factors.solve(flow.sources())
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
