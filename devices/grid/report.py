"""What a solved network tells: each node's voltage, the head's power, losses, taps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from devices.grid.circuit import Circuit
from devices.grid.errors import BadNetwork, NotConverged
from devices.grid.load_currents import outside_band
from devices.grid.power_flow import Solution
from devices.grid.regulators import TapChanger


class SolvedBy(Protocol):
    """A network of any kind of file."""

    @property
    def circuit(self) -> Circuit: ...

    @property
    def changers(self) -> Mapping[str, TapChanger]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    def solve(self) -> Solution: ...


@dataclass(frozen=True, slots=True)
class NodeVoltage:
    """One node: `phase` is the node's number in its bus, 1 to 3 for the phases."""

    bus: str
    phase: int
    pu: float
    degrees: float
    volts: float
    base_volts: float


@dataclass(frozen=True, slots=True)
class Power:
    """Kilowatts and kilovars."""

    kw: float
    kvar: float

    @classmethod
    def of(cls, volt_amperes: complex) -> Power:
        """Of watts and vars."""
        return cls(volt_amperes.real / 1000, volt_amperes.imag / 1000)


@dataclass(frozen=True, slots=True)
class Report:
    """A network, solved."""

    circuit: str
    frequency_hz: float
    converged: bool
    iterations: int
    nodes: list[NodeVoltage]
    head: Power  # what all sources deliver
    head_phases: list[Power]  # the first source's terminal, conductor by conductor
    load: Power
    losses: Power  # in lines, transformers and whatever else lies between nodes
    shunts: Power  # what capacitors and reactors to ground take
    taps: dict[str, list[float]] = field(default_factory=dict)  # of each winding, per unit
    notes: list[str] = field(default_factory=list)
    isolated: list[str] = field(default_factory=list)
    """Nodes that no source feeds; they have 0 V."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no report, for machines."""

    code: str  # "bad-network": the file is wrong; "no-solution": it cannot be solved
    text: str
    next_step: str
    file: str | None = None
    line: int | None = None
    node: str | None = None


NO_SOLUTION = (
    "Is more drawn than the network can carry? Scale the loads down (set loadmult=0.5) until it is"
    " solved, and look at the voltages near the node."
)
_ADVICE = {
    "there is no file": "Put the file where the script looks for it, beside itself.",
    "not modelled": "Take it out, or write it by what docs/models.md says is modelled.",
    "no property": "Correct the property's name, or take it out.",
    "no class": "Correct the class's name.",
    "no command": "Correct the command, or make the line a comment.",
    "no path to any source": "Join the node to a source, or disable what hangs on it.",
}
"""By what an error's text says."""


def problem_of(error: BadNetwork | NotConverged, file: str) -> Problem:
    """An error with its place, in this file where it names no other, and what to do."""
    text = str(error)
    if isinstance(error, NotConverged):
        return Problem("no-solution", text, NO_SOLUTION, node=error.node)
    advice = next(
        (advice for part, advice in _ADVICE.items() if part in text),
        "Correct the file and try again.",
    )
    return Problem("bad-network", text, advice, error.file or file, error.line)


def read(*, dss: Path | None = None, cim: Path | None = None) -> SolvedBy:
    """A network from a file of either kind.  Raises BadNetwork."""
    if dss is not None:
        from devices.grid.dss import read as read_dss

        return read_dss(dss)
    if cim is None:
        raise BadNetwork("no file")
    from devices.grid.cim import read as read_cim

    return read_cim(cim)


def reported(network: SolvedBy) -> Report:
    """Solve it and tell.  Raises BadNetwork, NotConverged."""
    solution = network.solve()
    circuit = network.circuit
    notes = list(network.notes)
    isolated = [circuit.node_names[node] for node in sorted(solution.dead)]
    if isolated:
        notes.append(f"no source feeds {_first(isolated)}")
    if solution.loose:
        names = [circuit.node_names[node] for node in sorted(solution.loose)]
        notes.append(
            f"nothing but an antifloat ties to ground, so that rounding shows: {_first(names)}"
        )
    if found := outside_band(circuit.legs, solution.voltage):
        shares = {leg.load: f"{leg.load} at {share:.3f}" for leg, share in found}
        notes.append(
            "at voltages for which their models do not hold, and so drawn as impedances"
            " (per unit of their ratings): " + _first(list(shares.values()))
        )
    return Report(
        circuit.name,
        circuit.frequency,
        True,
        solution.iterations,
        _voltages(solution),
        Power.of(solution.delivered()),
        _first_source(solution),
        Power.of(solution.drawn()),
        Power.of(solution.losses()),
        Power.of(solution.taken_by_shunts()),
        {name: changer.taps for name, changer in network.changers.items()},
        notes,
        isolated,
    )


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (" ..." if names[10:] else "")


def _voltages(solution: Solution) -> list[NodeVoltage]:
    """Bus by bus, in the order in which the file names them; nodes by number."""
    circuit = solution.circuit
    found = []
    for bus, numbers in circuit.buses.items():
        base = circuit.base_kv.get(bus, 0.0) * 1000
        for number in sorted(numbers):
            v = complex(solution.voltage[circuit.nodes[bus, number]])
            degrees = math.degrees(math.atan2(v.imag, v.real))
            pu = abs(v) / base if base else 0.0
            found.append(NodeVoltage(bus, number, pu, degrees, abs(v), base))
    return found


def _first_source(solution: Solution) -> list[Power]:
    if not solution.circuit.sources:
        return []
    source = solution.circuit.sources[0]
    v = solution.at(source.element.nodes)
    into = v * np.conj(source.element.y @ (v - source.emf))
    return [Power.of(complex(-each)) for each in into[: len(source.element.terminals[0])]]
