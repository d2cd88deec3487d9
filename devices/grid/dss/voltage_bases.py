"""Which voltage a bus's per-unit values refer to: OpenDSS's CalcVoltageBases.

The network is solved without loads and without anything to ground, and each bus gets that of the
legal bases which is nearest to the voltage of its first node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from devices.grid.circuit import Circuit, Element
from devices.grid.dss.options import Options
from devices.grid.errors import BadNetwork
from devices.grid.power_flow import PowerFlow
from devices.grid.zbus import Complex

LEGAL_KV = (0.208, 0.480, 12.47, 24.9, 34.5, 115.0, 230.0)
"""OpenDSS's where a script sets none."""


def bases(circuit: Circuit, options: Options) -> Iterator[tuple[str, float]]:
    """Kilovolts to neutral, bus by bus."""
    legal = options.voltage_bases or list(LEGAL_KV)
    voltages = np.abs(_without_loads(circuit))
    for bus, numbers in circuit.buses.items():
        if bus in options.bus_bases:
            yield bus, options.bus_bases[bus]
        elif numbers:
            kv = float(voltages[circuit.nodes[bus, numbers[0]]]) * 3**0.5 / 1000
            yield bus, min(legal, key=lambda base: abs(1 - kv / base)) / 3**0.5


def _without_loads(circuit: Circuit) -> Complex:
    series = replace(circuit, elements=dict(_series_only(circuit)), legs=[])
    try:
        return PowerFlow(series).without_loads()
    except BadNetwork:  # something hangs in the air without its shunts
        return PowerFlow(replace(circuit, legs=[])).without_loads()


def _series_only(circuit: Circuit) -> Iterator[tuple[str, Element]]:
    for name, element in circuit.elements.items():
        if name.startswith(("capacitor.", "reactor.", "load.")) and _to_ground(element):
            continue
        if not name.startswith("fault."):
            yield name, element


def _to_ground(element: Element) -> bool:
    return all(node < 0 for terminal in element.terminals[1:] for node in terminal)
