"""A network as its solver sees it: nodes, elements that are matrices, sources, and loads.

A node is one conductor of a bus, "632.2"; node 0 of a bus is ground, which has no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from devices.grid.zbus import Complex

GROUND = -1


@dataclass(slots=True, eq=False)
class Element:
    """Something linear: its conductors' nodes, terminal by terminal, and its primitive matrix."""

    name: str  # "line.650632"
    terminals: tuple[tuple[int, ...], ...]
    y: Complex

    @property
    def nodes(self) -> tuple[int, ...]:
        """All conductors' nodes in the order of the matrix."""
        return tuple(node for terminal in self.terminals for node in terminal)


@dataclass(slots=True, eq=False)
class Source:
    """A voltage behind an impedance: its element and the electromotive forces of its conductors."""

    element: Element
    emf: Complex


@dataclass(frozen=True, slots=True)
class Leg:
    """A load between two nodes: one phase of a wye, one side of a delta.

    `model` is OpenDSS's number: 1 constant power, 2 constant impedance, 3 constant P and quadratic
    Q, 4 exponents, 5 constant current, 6 and 7 constant P with fixed Q, 8 ZIP.  Outside its band of
    voltage a load becomes an impedance.
    """

    load: str
    ends: tuple[int, int]
    watts: float
    vars: float
    volts: float  # rated, across the leg
    model: int = 1
    low: float = 0.95  # below this share of the rated voltage the current falls with it
    high: float = 1.05
    lowest: float = 0.5  # below this share it is the impedance of rated power
    exponents: tuple[float, float] = (1.0, 2.0)  # model 4
    zip: tuple[float, ...] = ()  # model 8: Z, I, P shares of watts, of vars, cut-off
    fixed_vars: float = 0.0  # models 6 and 7: what no multiplier changes


@dataclass(frozen=True, slots=True)
class Reverse:
    """What a regulator does when power flows backwards: regulate to other settings, or go to its
    neutral tap and stay there."""

    v_reg: float = 120.0
    band: float = 3.0
    threshold_w: float = 100_000.0
    delay_s: float = 60.0
    neutral: bool = False


@dataclass(slots=True, eq=False)
class Regulator:
    """A tap changer's control, by the rules of OpenDSS's RegControl (see `regulators`)."""

    name: str
    transformer: str
    winding: int  # from 0: where voltage and current are measured
    tap_winding: int
    v_reg: float = 120.0
    band: float = 3.0
    pt_ratio: float = 60.0
    ct_primary: float = 300.0
    r: float = 0.0
    x: float = 0.0
    delay_s: float = 15.0
    pt_phase: int | Literal["max", "min"] = 1
    max_tap_change: int = 16
    v_limit: float = 0.0
    remote_nodes: tuple[int, ...] = ()
    remote_ratio: float = 60.0
    tap_delay_s: float = 2.0
    """Between one tap and the next, where controls are timed."""
    reverse: Reverse | None = None  # None: it does not notice


@dataclass(slots=True, eq=False)
class Circuit:
    """The network.  Elements that change their matrix (tap changers) stay in it by name."""

    name: str
    frequency: float = 60.0
    buses: dict[str, list[int]] = field(default_factory=dict)  # node numbers in order of use
    nodes: dict[tuple[str, int], int] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    base_kv: dict[str, float] = field(default_factory=dict)
    """Of a bus, to neutral; what per-unit values refer to."""

    def node(self, bus: str, number: int) -> int:
        """A node's row; it comes into being with its first use."""
        if number == 0:
            self.buses.setdefault(bus, [])
            return GROUND
        key = (bus, number)
        if key not in self.nodes:
            self.nodes[key] = len(self.nodes)
            self.buses.setdefault(bus, []).append(number)
        return self.nodes[key]

    def terminal(self, bus: str, numbers: Iterable[int]) -> tuple[int, ...]:
        """The rows of a terminal's conductors."""
        return tuple(self.node(bus, number) for number in numbers)

    def add(self, name: str, terminals: Sequence[tuple[int, ...]], y: Complex) -> Element:
        """One more element; its name is new."""
        element = Element(name, tuple(terminals), y)
        self.elements[name] = element
        return element

    @property
    def node_names(self) -> list[str]:
        """By row."""
        return [f"{bus}.{number}" for bus, number in self.nodes]
