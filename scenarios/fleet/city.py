"""A city by numbers: which meters stand behind which concentrator, and what the head-end knows.

Everything follows from a seed and an index, as `devices.meter.identity` makes it, so any process
can work on any part without being told more than where it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from devices.field_spec import FIRST_METER
from devices.meter.identity import MANAGEMENT_CLIENT, Identity
from headend.domain.meter import Concentrator, Meter

METERS_PER_CONCENTRATOR = 100
"""Spain's figure; Endesa has 82 (docs/models.md)."""

MODEL = "sim-3p"
CLIENT = MANAGEMENT_CLIENT
"""As whom the head-end speaks with the meters."""

CONTRACTED_W = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class City:
    """So many meters, spread over concentrators in order of their numbers."""

    meters: int
    seed: int = 1
    per_concentrator: int = METERS_PER_CONCENTRATOR

    def __post_init__(self) -> None:
        if self.meters < 1 or self.per_concentrator < 1:
            raise ValueError("a city has meters, and concentrators have some of them")

    @property
    def concentrators(self) -> int:
        return -(-self.meters // self.per_concentrator)

    def concentrator(self, number: int) -> Concentrator:
        """One of them, counted from 0, as the head-end knows it."""
        from scenarios.field import sim_of  # stories and all: no working process needs it

        name = self.concentrator_name(number)
        return Concentrator(name, sim_of(name))

    def concentrator_name(self, number: int) -> str:
        """What everybody calls it."""
        return f"C-{number + 1:03d}"

    def behind(self, number: int) -> range:
        """The indices of the meters of one concentrator."""
        first = number * self.per_concentrator
        last = min(first + self.per_concentrator, self.meters)
        return range(FIRST_METER + first, FIRST_METER + last)

    def identity(self, index: int) -> Identity:
        return Identity(self.seed, index)

    def registered(self, number: int) -> Iterator[Meter]:
        """The meters of one concentrator, as the head-end knows them."""
        concentrator = self.concentrator_name(number)
        for index in self.behind(number):
            identity = self.identity(index)
            yield Meter(
                str(index),
                concentrator,
                commissioned=True,
                contracted_w=CONTRACTED_W,
                model=MODEL,
                identity=identity.number,
                title=identity.system_title.hex().upper(),
            )
