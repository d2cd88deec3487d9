"""The objects of a script as a circuit, solved with its controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from devices.grid.circuit import Circuit, Element, Leg
from devices.grid.control import Control, Waiting, controlled
from devices.grid.dss.controls import CapControl, RegControl
from devices.grid.dss.faults import Fault
from devices.grid.dss.generators import Generator
from devices.grid.dss.inverters import PVSystem, Storage
from devices.grid.dss.lines import Line
from devices.grid.dss.loads import Load
from devices.grid.dss.script import Script
from devices.grid.dss.shapes import Moment
from devices.grid.dss.shunts import Capacitor, Reactor
from devices.grid.dss.sources import Vsource
from devices.grid.dss.transformers import Transformer
from devices.grid.dss.voltage_bases import bases
from devices.grid.errors import BadNetwork
from devices.grid.held_voltages import HeldVoltage
from devices.grid.power_flow import PowerFlow, Solution
from devices.grid.primitives import opened
from devices.grid.regulators import Reversal, TapChanger, TapControl
from devices.grid.switched_capacitors import CapacitorControl


@dataclass(slots=True)
class Network:
    """A script that has been run: the circuit, and what was left out of it."""

    script: Script
    circuit: Circuit
    changers: dict[str, TapChanger] = field(default_factory=dict)
    held: list[HeldVoltage] = field(default_factory=list)
    solution: Solution | None = None
    """As the script's last `solve` left it, if nothing was told since."""
    _flow: PowerFlow | None = None
    _taps: list[tuple[RegControl, TapControl]] = field(default_factory=list)
    _controls: list[Control] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return self.script.notes

    def solve(self) -> Solution:
        """Raises BadNetwork, NotConverged."""
        if self.solution is None:
            self.solution = self.solve_at(self.script.options.seconds, None)
        if not self.circuit.base_kv:
            self.circuit.base_kv = dict(bases(self.circuit, self.script.options))
        return self.solution

    def draw(self, moment: Moment) -> None:
        """The same network at another moment.  Raises BadNetwork."""
        if self._flow is None:
            return
        legs, self.held = _legs(self.script, self.circuit, moment)
        self._flow.draw(legs)
        self._flow.held = self.held

    def solve_at(self, seconds: float, waiting: Waiting | None) -> Solution:
        """With controls; where they end is what their elements are edited to.

        Raises BadNetwork, NotConverged.
        """
        options = self.script.options
        if self._flow is None:
            self._flow = PowerFlow(self.circuit)
            self._flow.held = self.held
            self._controls = list(self._made_controls()) if options.controls else []
        solution = controlled(
            self._flow,
            self._controls,
            note=self.script.note,
            rounds_max=options.rounds_max,
            now=seconds,
            waiting=waiting,
        )
        self._settle()
        return solution

    def _settle(self) -> None:
        for each in self.script.objects.values():
            if isinstance(each, Transformer) and each.full_name in self.changers:
                for coil, tap in zip(each.coils, self.changers[each.full_name].taps, strict=True):
                    coil.tap = tap
        for told, control in self._taps:
            told.turned = control.reversed

    def _made_controls(self) -> Iterator[Control]:
        for each in self.script.objects.values():
            if not each.enabled:
                continue
            try:
                if isinstance(each, RegControl):
                    regulator = each.regulator(self.circuit)
                    if regulator.transformer not in self.changers:
                        continue
                    control = TapControl(regulator, self.changers[regulator.transformer])
                    if regulator.reverse is not None:
                        control.reversed = each.turned
                        yield Reversal(control, regulator.reverse)
                    self._taps.append((each, control))
                    yield control
                elif isinstance(each, CapControl):
                    yield self._capacitor_control(each)
            except BadNetwork as error:
                raise BadNetwork.at(each.where, each.full_name, error) from error

    def _capacitor_control(self, each: CapControl) -> CapacitorControl:
        rule, bank = each.rule(), each.capacitor
        assert bank is not None
        bank.states = bank.switched
        circuit = self.circuit
        if rule.element not in circuit.elements:
            raise BadNetwork(f"{rule.element}, which it watches, is not in the circuit")

        def switch(change: int) -> None:
            if bank.full_name in circuit.elements:
                circuit.elements[bank.full_name].y = bank.primitive(circuit.frequency)

        return CapacitorControl(rule, bank.states, switch)


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
            raise BadNetwork.at(each.where, each.full_name, error) from error
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            why = f"its values cannot be reckoned with ({error})"
            raise BadNetwork.at(each.where, each.full_name, why) from error
    circuit.legs, network.held = _legs(script, circuit, options.moment)
    return network


def _add(network: Network, each: object) -> None:
    circuit = network.circuit
    match each:
        case Vsource():
            circuit.sources.append(each.build(circuit))
        case Line():
            _add_line(circuit, each)
        case Transformer():
            _add_transformer(network, each)
        case Capacitor() | Reactor() | Fault():
            each.build(circuit)
        case Load():
            each.ends(circuit)
            if (y := each.neutral()) is not None and each.bus1 is not None:
                numbers = each.bus1.conductors(each.phases, each.phases + 1)
                node = circuit.terminal(each.bus1.name, numbers[-1:])
                circuit.add(f"{each.full_name} neutral", [node], np.array([[y]], dtype=complex))
        case Generator() | PVSystem() | Storage():
            each.ends(circuit)


def _legs(script: Script, circuit: Circuit, moment: Moment) -> tuple[list[Leg], list[HeldVoltage]]:
    """What is drawn and fed at a moment, and which machines hold their voltage."""
    legs: list[Leg] = []
    held: list[HeldVoltage] = []
    for each in script.objects.values():
        if not each.enabled or not isinstance(each, Load | Generator | PVSystem | Storage):
            continue
        try:
            own = each.legs(circuit, moment)
            if isinstance(each, Generator):
                found = each.held(len(legs), moment)
                held += [found] if found is not None else []
        except BadNetwork as error:
            raise BadNetwork.at(each.where, each.full_name, error) from error
        legs += own
    if script.options.loads_as_impedances:
        return [replace(leg, model=2) for leg in legs], []
    return legs, held


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
