"""The objects of a script as a circuit, solved with its controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from devices.grid.circuit import Circuit, Element
from devices.grid.dss.lines import Line
from devices.grid.dss.loads import Generator, Load
from devices.grid.dss.script import Script
from devices.grid.dss.shunts import Capacitor, Reactor
from devices.grid.dss.sources import Vsource
from devices.grid.dss.transformers import RegControl, Transformer
from devices.grid.errors import BadNetwork
from devices.grid.power_flow import PowerFlow, Solution
from devices.grid.primitives import opened
from devices.grid.regulators import TapChanger, regulated

LEGAL_KV = (0.208, 0.480, 12.47, 24.9, 34.5, 115.0, 230.0)
"""OpenDSS's voltage bases where a script sets none."""


@dataclass(slots=True)
class Network:
    """A script that has been run: the circuit, and what was left out of it."""

    script: Script
    circuit: Circuit
    changers: dict[str, TapChanger] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        return self.script.notes

    def solve(self) -> Solution:
        """Raises BadNetwork, NotConverged."""
        flow = PowerFlow(self.circuit)
        self.circuit.base_kv = dict(self._bases(flow))
        if not self.script.options.controls:
            return flow.solve()
        regulators = [
            each.regulator(self.circuit)
            for each in self.script.objects.values()
            if isinstance(each, RegControl) and each.enabled
        ]
        solution = regulated(flow, regulators, self.changers, note=self.script.note)
        for each in self.script.objects.values():
            if isinstance(each, Transformer) and each.full_name in self.changers:
                for coil, tap in zip(each.coils, self.changers[each.full_name].taps, strict=True):
                    coil.tap = tap
        return solution

    def _bases(self, flow: PowerFlow) -> Iterator[tuple[str, float]]:
        """By the voltage of each bus's first node without load, as OpenDSS does."""
        options = self.script.options
        legal = options.voltage_bases or list(LEGAL_KV)
        voltages = np.abs(flow.without_loads())
        for bus, numbers in self.circuit.buses.items():
            if bus in options.bus_bases:
                yield bus, options.bus_bases[bus]
            elif numbers:
                kv = float(voltages[self.circuit.nodes[bus, numbers[0]]]) * 3**0.5 / 1000
                yield bus, min(legal, key=lambda base: abs(1 - kv / base)) / 3**0.5


def read(path: Path) -> Network:
    """The network of a script file.  Raises BadNetwork, naming file and line."""
    script = Script(solve=_moved)
    script.run(path)
    network = built(script)
    if not script.options.bases_wanted and not script.options.bus_bases:
        script.note("no CalcVoltageBases: per-unit values refer to the nearest of the usual bases")
    for each in script.objects.values():
        if each.ignored:
            told = ", ".join(sorted(each.ignored))
            script.notes.append(f"{each.where}: {each.full_name}: {told} not modelled")
        if isinstance(each, RegControl) and each.reversible:
            script.notes.append(f"{each.where}: {each.full_name}: reverse power is not looked at")
    return network


def _moved(script: Script) -> None:
    """A `solve` in the middle of a script: controls move the taps there."""
    if any(isinstance(each, RegControl) for each in script.objects.values()):
        built(script).solve()


def built(script: Script) -> Network:
    """The circuit as the script has left it.  Raises BadNetwork."""
    if not script.name:
        raise BadNetwork("the script makes no circuit")
    options = script.options
    frequency = script.defaults.frequency
    if options.frequency not in (None, frequency):
        raise BadNetwork(f"frequency {options.frequency:g} Hz, where no source has a voltage")
    circuit = Circuit(script.name, frequency)
    network = Network(script, circuit)
    for each in script.objects.values():
        if not each.enabled:
            continue
        try:
            _add(network, each)
        except BadNetwork as error:
            raise BadNetwork(f"{each.where}: {each.full_name}: {error}") from error
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            raise BadNetwork(
                f"{each.where}: {each.full_name}: its values cannot be reckoned with ({error})"
            ) from error
    if options.loads_as_impedances:
        circuit.legs = [replace(leg, model=2) for leg in circuit.legs]
    return network


def _add(network: Network, each: object) -> None:
    circuit, options = network.circuit, network.script.options
    match each:
        case Vsource():
            circuit.sources.append(each.build(circuit))
        case Line():
            _add_line(circuit, each)
        case Transformer():
            _add_transformer(network, each)
        case Capacitor() | Reactor():
            each.build(circuit)
        case Load():
            circuit.legs += each.legs(circuit, options.load_multiplier)
            if (y := each.neutral()) is not None and each.bus1 is not None:
                numbers = each.bus1.conductors(each.phases, each.phases + 1)
                node = circuit.terminal(each.bus1.name, numbers[-1:])
                circuit.add(f"{each.full_name} neutral", [node], np.array([[y]], dtype=complex))
        case Generator():
            factor = 1.0 if each.fixed else options.generation_multiplier
            circuit.legs += each.legs(circuit, factor)


def _add_line(circuit: Circuit, each: Line) -> Element:
    if each.bus1 is None or each.bus2 is None:
        raise BadNetwork("a line has two buses")
    count = each.conductors
    y = each.matrix(circuit.frequency)
    if each.open_conductors:
        y = opened(y, [terminal * count + at for terminal, at in sorted(each.open_conductors)])
    terminals = [
        circuit.terminal(bus.name, bus.conductors(each.phases, count))
        for bus in (each.bus1, each.bus2)
    ]
    return circuit.add(each.full_name, terminals, y)


def _add_transformer(network: Network, each: Transformer) -> None:
    changer = each.changer(network.circuit.frequency)
    network.changers[each.full_name] = changer
    terminals = []
    for number, coil in enumerate(each.coils, 1):
        if coil.bus is None:
            raise BadNetwork(f"winding {number} has no bus")
        numbers = coil.bus.conductors(each.phases, each.phases + 1)
        if coil.delta and each.phases > 1:
            numbers = (*numbers[: each.phases], 0)
        terminals.append(network.circuit.terminal(coil.bus.name, numbers))
    network.circuit.add(each.full_name, terminals, changer.matrix())
