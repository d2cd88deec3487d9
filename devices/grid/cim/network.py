"""A CIM model as a circuit, solved with its tap changers' controls.

CIM tells no band of voltage for loads, so theirs is wide: below half of the rated voltage and above
one and a half they become impedances.  Positive p of a PowerElectronicsConnection or a machine is
fed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from devices.grid.cim.known import left_out
from devices.grid.cim.rdf import Model, Thing, parsed
from devices.grid.cim.transformers import NODES, Built, of_power_transformer, of_tank, regulators_of
from devices.grid.circuit import GROUND, Circuit, Leg, Regulator, Source
from devices.grid.errors import BadNetwork, NotConverged
from devices.grid.load_currents import outside_band
from devices.grid.power_flow import PowerFlow, Solution
from devices.grid.primitives import delta, line, phase_matrix, series
from devices.grid.regulators import TapChanger, regulated
from devices.grid.zbus import Complex

SWITCHES = (
    "LoadBreakSwitch", "Breaker", "Fuse", "Recloser", "Sectionaliser", "Disconnector", "Switch",
    "Jumper", "Cut",
)  # fmt: skip
SWITCH_OHM = 1e-6
LOW, HIGH, LOWEST = 0.5, 1.5, 0.25
HERTZ = 60.0
"""CIM tells susceptances, not capacitances: the frequency changes nothing but what is printed."""

INJECTING = {
    # class: its phases' class and their pointer
    "PowerElectronicsConnection": (
        "PowerElectronicsConnectionPhase.PowerElectronicsConnection",
        "PowerElectronicsConnectionPhase",
    ),
    "SynchronousMachine": ("", "RotatingMachine"),
    "AsynchronousMachine": ("", "RotatingMachine"),
}
NOT_MODELLED = (
    "SeriesCompensator", "NonlinearShuntCompensator", "StaticVarCompensator",
    "ExternalNetworkInjection", "EquivalentInjection", "EquivalentBranch",
)  # fmt: skip


@dataclass(slots=True)
class Network:
    """A model that has been read."""

    circuit: Circuit
    changers: dict[str, TapChanger] = field(default_factory=dict)
    regulators: list[Regulator] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def solve(self) -> Solution:
        """Raises BadNetwork; NotConverged as well where a load gets less than its band.

        CIM tells nothing of loads that let go: that one would be less than its model states is no
        solution of the model.
        """
        flow = PowerFlow(self.circuit)
        solution = regulated(flow, self.regulators, self.changers, note=self.notes.append)
        for leg, share in outside_band(self.circuit.legs, solution.voltage):
            if share < LOW:
                node = self.circuit.node_names[leg.ends[0]]
                raise NotConverged.collapsed(leg.load, node, share, solution.iterations)
        return solution


def read(path: Path) -> Network:
    """The network of a file.  Raises BadNetwork, naming the object and its line."""
    try:
        reader = _Reader(parsed(path), Network(Circuit(path.stem.lower(), HERTZ)))
        reader.read()
    except BadNetwork as error:
        raise BadNetwork.of_file(path.name, f"{path.name}: {error}", error.line) from error
    return reader.network


class _Reader:
    def __init__(self, model: Model, network: Network):
        self.model, self.network, self.circuit = model, network, network.circuit

    def read(self) -> None:
        model = self.model
        for kind in NOT_MODELLED:
            for thing in model.by_kind[kind]:
                raise thing.wrong(" is not modelled")
        self.network.notes += left_out(model)
        self._each("EnergySource", self._source)
        if not self.circuit.sources:
            raise BadNetwork("there is no EnergySource")
        self._each("ACLineSegment", self._line)
        for kind in SWITCHES:
            self._each(kind, self._switch)
        self._each("PowerTransformer", self._power_transformer)
        self._each("TransformerTank", lambda each: self._transformer(of_tank(model, each)))
        self._each("LinearShuntCompensator", self._shunt)
        self._each("EnergyConsumer", self._consumer)
        for kind in INJECTING:
            self._each(kind, lambda each: self._injection(each, each.kind))

    def _each(self, kind: str, take: Callable[[Thing], None]) -> None:
        """Raises BadNetwork for what one of them says and nothing can be reckoned with."""
        for each in self.model.by_kind[kind]:
            try:
                take(each)
            except (ArithmeticError, np.linalg.LinAlgError, LookupError) as error:
                why = f": its values cannot be reckoned with ({error})"
                raise each.wrong(why) from error

    # Where things are.

    def _buses(self, equipment: Thing, count: int) -> list[str]:
        terminals = sorted(
            self.model.pointing("Terminal.ConductingEquipment", equipment),
            key=lambda each: each.number("ACDCTerminal.sequenceNumber", 1),
        )
        if len(terminals) < count:
            raise equipment.wrong(f" has {len(terminals)} terminals of {count}")
        buses = [self._bus(terminal) for terminal in terminals[:count]]
        base = self.model.follow(equipment, "ConductingEquipment.BaseVoltage")
        for bus in buses:
            self._base(bus, base)
        return buses

    def _bus(self, terminal: Thing) -> str:
        return self.model.followed(terminal, "Terminal.ConnectivityNode").name.lower()

    def _base(self, bus: str, base: Thing | None) -> None:
        if base is not None:
            kv = base.number("BaseVoltage.nominalVoltage") / 1000 / math.sqrt(3)
            self.circuit.base_kv.setdefault(bus, kv)

    def _volts(self, equipment: Thing) -> float:
        """Rated, between phases."""
        base = self.model.followed(equipment, "ConductingEquipment.BaseVoltage")
        return base.number("BaseVoltage.nominalVoltage")

    def _phases(self, equipment: Thing, pointer: str, prefix: str) -> list[tuple[int, Thing]]:
        """Node numbers with their phase objects, in their order."""
        found = self.model.pointing(pointer, equipment)
        order = f"{prefix}.sequenceNumber"
        found = sorted(found, key=lambda e: e.number(order, NODES[e.code(f"{prefix}.phase")]))
        return [(NODES[each.code(f"{prefix}.phase")], each) for each in found]

    # What they are.

    def _source(self, each: Thing) -> None:
        (bus,) = self._buses(each, 1)
        z1, z0 = (
            complex(each.number(f"EnergySource.r{part}"), each.number(f"EnergySource.x{part}"))
            for part in ("", "0")
        )
        element = self.circuit.add(
            f"source.{each.name}".lower(),
            [self.circuit.terminal(bus, (1, 2, 3)), (GROUND,) * 3],
            series(np.linalg.inv(phase_matrix(z1, z0, 3)).astype(np.complex128)),
        )
        angle = each.number("EnergySource.voltageAngle", 0.0)
        volts = each.number("EnergySource.voltageMagnitude") / math.sqrt(3)
        turns = np.exp(1j * (angle - np.array([0, 2, 4]) * math.pi / 3))
        self.circuit.sources.append(Source(element, np.concatenate([volts * turns, np.zeros(3)])))

    def _line(self, each: Thing) -> None:
        one, other = self._buses(each, 2)
        pointer = "ACLineSegmentPhase.ACLineSegment"
        numbers = [number for number, _ in self._phases(each, pointer, "ACLineSegmentPhase")]
        numbers = [number for number in numbers if number] or [1, 2, 3]
        length = each.number("Conductor.length", 1.0)
        z: Complex
        b: Complex
        per_length = self.model.follow(each, "ACLineSegment.PerLengthImpedance")
        if per_length is not None and per_length.kind == "PerLengthPhaseImpedance":
            z, b = self._matrices(per_length, len(numbers))
        else:
            prefix = "PerLengthSequenceImpedance" if per_length else "ACLineSegment"
            told = per_length or each
            z1, z0 = (
                complex(told.number(f"{prefix}.r{part}"), told.number(f"{prefix}.x{part}"))
                for part in ("", "0")
            )
            z = phase_matrix(z1, z0, len(numbers))
            b1, b0 = (told.number(f"{prefix}.b{part}ch", 0.0) for part in ("", "0"))
            b = phase_matrix(complex(b1), complex(b0), len(numbers))
            length = length if per_length else 1.0
        terminals = [self.circuit.terminal(bus, numbers) for bus in (one, other)]
        c = b * length / (2 * math.pi * HERTZ)
        if not np.isfinite(z).all() or abs(np.linalg.det(z)) == 0 or length <= 0:
            raise each.wrong(" has no impedance")
        self.circuit.add(f"line.{each.name}".lower(), terminals, line(z * length, c, HERTZ))

    def _matrices(self, per_length: Thing, count: int) -> tuple[Complex, Complex]:
        z = np.zeros((count, count), dtype=np.complex128)
        b = np.zeros((count, count), dtype=np.complex128)
        pointer = "PhaseImpedanceData.PhaseImpedance"
        for each in self.model.pointing(pointer, per_length):
            row, column = (
                int(each.number(f"PhaseImpedanceData.{axis}")) - 1 for axis in ("row", "column")
            )
            if not (0 <= row < count and 0 <= column < count):
                continue  # conductors that this line has not
            value = complex(
                each.number("PhaseImpedanceData.r"), each.number("PhaseImpedanceData.x")
            )
            z[row, column] = z[column, row] = value
            b[row, column] = b[column, row] = each.number("PhaseImpedanceData.b", 0.0)
        return z, b

    def _switch(self, each: Thing) -> None:
        one, other = self._buses(each, 2)
        found = self.model.pointing("SwitchPhase.Switch", each)
        pairs = [
            (NODES[p.code("SwitchPhase.phaseSide1")], NODES[p.code("SwitchPhase.phaseSide2")])
            for p in found
            if p.flag("SwitchPhase.closed", True)
        ]
        if not found:
            pairs = [(number, number) for number in (1, 2, 3)]
        if each.flag("Switch.open", each.flag("Switch.normalOpen", False)):
            pairs = []
        if pairs:
            self.circuit.add(
                f"switch.{each.name}".lower(),
                [
                    self.circuit.terminal(one, [first for first, _ in pairs]),
                    self.circuit.terminal(other, [second for _, second in pairs]),
                ],
                series(np.eye(len(pairs), dtype=np.complex128) / SWITCH_OHM),
            )

    def _power_transformer(self, each: Thing) -> None:
        ends = self.model.pointing("PowerTransformerEnd.PowerTransformer", each)
        if ends:
            self._transformer(of_power_transformer(self.model, each, ends))

    def _transformer(self, built: Built) -> None:
        terminals = []
        for end, numbers in zip(built.ends, built.nodes, strict=True):
            bus = self._bus(self.model.followed(end, "TransformerEnd.Terminal"))
            self._base(bus, self.model.follow(end, "TransformerEnd.BaseVoltage"))
            terminals.append(self.circuit.terminal(bus, numbers))
        self.circuit.add(built.name, terminals, built.changer.matrix())
        self.network.changers[built.name] = built.changer
        self.network.regulators += regulators_of(self.model, built)

    def _shunt(self, each: Thing) -> None:
        (bus,) = self._buses(each, 1)
        prefix = "LinearShuntCompensatorPhase"
        found = self._phases(
            each, "ShuntCompensatorPhase.ShuntCompensator", "ShuntCompensatorPhase"
        )
        is_delta = each.code("ShuntCompensator.phaseConnection") == "D"
        if found and not is_delta:
            numbers = [number for number, _ in found]
            values = [
                1j
                * phase.number(f"{prefix}.bPerSection")
                * phase.number("ShuntCompensatorPhase.sections", 1.0)
                for _, phase in found
            ]
            y = np.diag(values).astype(np.complex128)
        else:
            numbers = [number for number, _ in found] or [1, 2, 3]
            b = each.number("LinearShuntCompensator.bPerSection")
            one = 1j * b * each.number("ShuntCompensator.sections", 1.0)
            y = delta(one / 3, 3) if is_delta else one * np.eye(3, dtype=np.complex128)
        terminal = self.circuit.terminal(bus, numbers)
        self.circuit.add(f"capacitor.{each.name}".lower(), [terminal], y)

    def _consumer(self, each: Thing) -> None:
        (bus,) = self._buses(each, 1)
        found = self._phases(each, "EnergyConsumerPhase.EnergyConsumer", "EnergyConsumerPhase")
        is_delta = each.code("EnergyConsumer.phaseConnection") == "D"
        total = complex(each.number("EnergyConsumer.p", 0.0), each.number("EnergyConsumer.q", 0.0))
        share = total / max(1, len(found))  # of a phase that tells nothing itself
        powers = [
            complex(
                phase.number("EnergyConsumerPhase.p", share.real),
                phase.number("EnergyConsumerPhase.q", share.imag),
            )
            for _, phase in found
        ]
        numbers = [number for number, _ in found] or [1, 2, 3]
        self._legs(each, bus, numbers, powers or [total / 3] * 3, is_delta, total)

    def _injection(self, each: Thing, kind: str) -> None:
        (bus,) = self._buses(each, 1)
        pointer, prefix = INJECTING[kind]
        found = self._phases(each, pointer, prefix) if pointer else []
        own = kind if pointer else prefix
        total = -complex(each.number(f"{own}.p", 0.0), each.number(f"{own}.q", 0.0))
        powers = [
            -complex(phase.number(f"{prefix}.p"), phase.number(f"{prefix}.q")) for _, phase in found
        ]
        numbers = [number for number, _ in found] or [1, 2, 3]
        self._legs(each, bus, numbers, powers or [total / 3] * 3, False, total)

    def _legs(
        self,
        each: Thing,
        bus: str,
        numbers: list[int],
        powers: list[complex],
        is_delta: bool,
        total: complex,
    ) -> None:
        nodes = self.circuit.terminal(bus, numbers)
        if "ConductingEquipment.BaseVoltage" in each.links:
            between = self._volts(each)
        else:
            between = self.circuit.base_kv.get(bus, 0.0) * 1000 * math.sqrt(3)
        if between <= 0:
            raise each.wrong(" has no base voltage")
        ends: Iterable[tuple[int, int]]
        if not is_delta:
            ends, volts = [(node, GROUND) for node in nodes], between / math.sqrt(3)
        elif len(nodes) == 2:
            ends, powers, volts = [(nodes[0], nodes[1])], [sum(powers)], between
        elif len(nodes) == 1:
            ends, volts = [(nodes[0], GROUND)], between
        else:
            ends, volts = [(nodes[at], nodes[(at + 1) % 3]) for at in range(3)], between
        for pair, power in zip(ends, powers, strict=True):
            self.circuit.legs += self._leg(each, pair, power, volts)

    def _leg(self, each: Thing, ends: tuple[int, int], power: complex, volts: float) -> list[Leg]:
        response = self.model.follow(each, "EnergyConsumer.LoadResponse")
        name = f"{each.kind}.{each.name}".lower()
        leg = Leg(name, ends, power.real, power.imag, volts, 1, LOW, HIGH, LOWEST)
        if response is None:
            return [leg]
        prefix = "LoadResponseCharacteristic"
        if response.flag(f"{prefix}.exponentModel", False):
            exponents = tuple(response.number(f"{prefix}.{q}VoltageExponent", 0.0) for q in "pq")
            return [
                replace(leg, model=4, exponents=(exponents[0], exponents[1])),
            ]
        legs = []
        for part, model in (("Power", 1), ("Current", 5), ("Impedance", 2)):
            p, q = (response.number(f"{prefix}.{of}Constant{part}", 0.0) / 100 for of in "pq")
            if p or q:
                legs.append(replace(leg, model=model, watts=leg.watts * p, vars=leg.vars * q))
        return legs
