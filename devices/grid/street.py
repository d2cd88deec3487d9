"""Generated low-voltage feeders: a transformer, cables along its streets, customers on them.

Places are those of the power-line channel (`devices.channel.place`): the same metres of cable, the
same phase.  A street's cable has one size from the transformer to its end; the neutral is of the
phases' size and earthed at the transformer, so that a matrix of three phases describes it (Kron's
reduction of the neutral; Kersting, Distribution System Modeling and Analysis, chapter 4).  Cables
of low voltage have no capacitance that a meter would notice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from devices.chance import octets
from devices.channel.place import Phase, Place
from devices.grid.zbus import Complex, LoadNetwork

BRANCHES = 4
"""Streets of a transformer, which a place names."""

RATED_V = 400.0
NO_LOAD_PU = 1.02
"""The transformer's tap holds the empty feeder a little high (assumption)."""

SHORT_CIRCUIT_MVA = 200.0
"""Of the medium voltage behind the transformer, X/R 2 (assumption: a long rural line)."""

_TURNS = (1 + 0j, complex(-0.5, -math.sqrt(3) / 2), complex(-0.5, math.sqrt(3) / 2))
"""Phases A, B and C follow each other by a third of a turn."""


@dataclass(frozen=True, slots=True)
class Cable:
    """Ohms per km of one conductor; the neutral has the same."""

    name: str
    r_ohm_km: float
    x_ohm_km: float


CABLES = (
    Cable("4x50 Al", 0.641, 0.085),
    Cable("4x95 Al", 0.320, 0.082),
    Cable("4x150 Al", 0.206, 0.080),
    Cable("4x240 Al", 0.125, 0.080),
)


@dataclass(frozen=True, slots=True)
class TransformerSize:
    """A distribution transformer, Dyn."""

    kva: int
    copper_w: int
    uk_percent: float = 4.0


SIZES = (
    TransformerSize(100, 1750),
    TransformerSize(160, 2350),
    TransformerSize(250, 3250),
    TransformerSize(400, 4600),
)

PLANNED_VA = 2_200
"""What a planner reckons for one phase of a customer among many (assumption)."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Whose meter, on which street, at which place."""

    meter: str
    branch: int
    place: Place

    @property
    def phases(self) -> tuple[int, ...]:
        """Of the feeder's phases, 0 to 2."""
        if self.place.phase is Phase.ALL:
            return (0, 1, 2)
        return ("ABC".index(self.place.phase.value),)


@dataclass(frozen=True, slots=True)
class Street:
    """A transformer with the streets it feeds."""

    name: str
    transformer: TransformerSize
    cables: tuple[Cable, ...]  # one for each branch
    customers: tuple[Customer, ...]

    @property
    def connections(self) -> tuple[tuple[int, int], ...]:
        """Customer and phase of each row of the network."""
        return tuple(
            (number, phase)
            for number, customer in enumerate(self.customers)
            for phase in customer.phases
        )


def street_of(seed: int, name: str, places: Sequence[tuple[str, Place]]) -> Street:
    """A feeder for meters at these places, in this order, fixed by the seed."""
    customers = tuple(Customer(meter, place.branch % BRANCHES, place) for meter, place in places)
    planned = PLANNED_VA * sum(len(customer.phases) for customer in customers)
    fit = next((at for at, size in enumerate(SIZES) if size.kva * 1000 >= planned), len(SIZES) - 1)
    draws = octets(seed, "street", name, count=1 + BRANCHES)
    larger = draws[0] < 64  # one transformer in four was bought with growth in mind
    transformer = SIZES[min(fit + larger, len(SIZES) - 1)]
    cables = tuple(
        _cable([each for each in customers if each.branch == branch], draws[1 + branch])
        for branch in range(BRANCHES)
    )
    return Street(name, transformer, cables, customers)


def _cable(customers: Sequence[Customer], draw: int) -> Cable:
    """By the moment of its load: watts times metres, as a planner would; sometimes a size more."""
    moment = sum(each.place.distance_m * len(each.phases) for each in customers) * PLANNED_VA / 3
    fit = sum(moment > each for each in (0.5e6, 2.0e6, 5.0e6))
    return CABLES[min(fit + (draw < 64), len(CABLES) - 1)]


def network_of(street: Street, *, no_load_pu: float = NO_LOAD_PU) -> LoadNetwork:
    """The feeder as its customers see it, in closed form: two share the impedance of the metres
    that they share."""
    connections = street.connections
    customer = np.array([each for each, _ in connections], dtype=np.intp)
    phase = np.array([each for _, each in connections], dtype=np.intp)
    branch = np.array([each.branch for each in street.customers], dtype=np.intp)[customer]
    km = np.array([each.place.distance_m / 1000 for each in street.customers])[customer]
    shared = np.minimum(km[:, None], km[None, :]) * (branch[:, None] == branch[None, :])
    same = np.array([complex(each.r_ohm_km, each.x_ohm_km) for each in street.cables])[branch]
    # A phase's current returns by the neutral: its own drop is of both conductors, and what it
    # drops on the neutral all phases share.
    own = (phase[:, None] == phase[None, :]) + 1.0
    source = source_matrix(street.transformer)
    head = source[:, phase]
    z = head[phase] + shared * own * same[:, None]
    v0: Complex = RATED_V / math.sqrt(3) * no_load_pu * np.array(_TURNS, dtype=np.complex128)
    names = tuple(f"{street.customers[each].meter}.{of + 1}" for each, of in connections)
    return LoadNetwork(names, z, v0[phase], phase, head, v0)


def source_matrix(size: TransformerSize) -> Complex:
    """Medium voltage and transformer behind the head, ohms by phases of the low voltage.

    A Dyn transformer's zero-sequence current circles in its delta: the medium voltage adds to the
    positive sequence only.
    """
    base = RATED_V**2 / (size.kva * 1000)
    r = base * size.copper_w / (size.kva * 1000)
    z0 = complex(r, math.sqrt((base * size.uk_percent / 100) ** 2 - r**2))
    behind = RATED_V**2 / (SHORT_CIRCUIT_MVA * 1e6)
    z1 = z0 + behind * complex(1, 2) / math.sqrt(5)
    matrix = np.full((3, 3), (z0 - z1) / 3)
    np.fill_diagonal(matrix, (z0 + 2 * z1) / 3)
    return matrix
