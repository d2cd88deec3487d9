"""Where a meter hangs on the transformer, and what the path to it costs.

The loss of a path is a regression on distance and on the nodes passed, because loads along the
cable cost more than the cable: down 1.95 dB + 14.65 dB/100 m + 1.12 dB a node, up 13.34 dB/100 m,
with a spread of 6.7 dB.  Both ways share the draw of the spread: one cable, one set of loads.  On
another phase than the concentrator's, the coupling between phases comes on top.  All of it is
drawn once and kept: retries meet the same path.

Losses are hundredths of a decibel, rounded to integers before anything is decided on them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from devices.chance import deviate, stream

DOWN_FIXED_CDB = 195
DOWN_PER_100_M_CDB = 1465
DOWN_PER_NODE_CDB = 112
UP_PER_100_M_CDB = 1334
BETWEEN_FIXED_CDB = 472
BETWEEN_PER_100_M_CDB = 1650
SPREAD_CDB = 670  # standard deviation
COUPLING_MEDIAN_CDB = 1000  # log-uniform from half to twice this: 5 to 20 dB (assumption)


class Phase(enum.Enum):
    """The phase that a device is connected to; a three-phase device couples to each."""

    A = "A"
    B = "B"
    C = "C"
    ALL = "ABC"


@dataclass(frozen=True, slots=True)
class Place:
    """Metres of cable and meters passed from the transformer to a meter, and the meter's phase.

    Two places on one `branch` are as far from each other as their distances differ; from one branch
    to another the way leads through the transformer.
    """

    distance_m: int
    nodes_passed: int
    phase: Phase
    branch: int = 0

    def __post_init__(self) -> None:
        if self.distance_m < 0 or self.nodes_passed < 0:
            raise ValueError(f"no such place: {self}")


@dataclass(frozen=True, slots=True)
class Path:
    """What the way to a meter and back costs, fixed by the seed."""

    loss_down_cdb: int
    loss_up_cdb: int


def coupling_cdb(seed: int, transformer: str, one: Phase, other: Phase) -> int:
    """Loss between two phases of a transformer: the same for all of its meters, both ways."""
    if one is other or Phase.ALL in (one, other):
        return 0
    pair = "".join(sorted((one.value, other.value)))
    octave = stream(seed, "phase coupling", transformer, pair).uniform(-1.0, 1.0)
    return round(COUPLING_MEDIAN_CDB * 2.0**octave)


def path_to(
    seed: int, *, transformer: str, meter: str, place: Place, concentrator_phase: Phase = Phase.A
) -> Path:
    """The path from a transformer's concentrator to a meter.  Same seed and names, same path."""
    spread = round(SPREAD_CDB * deviate(seed, "path", meter))
    spread += coupling_cdb(seed, transformer, concentrator_phase, place.phase)
    down = DOWN_FIXED_CDB + DOWN_PER_100_M_CDB * place.distance_m // 100
    down += DOWN_PER_NODE_CDB * place.nodes_passed
    up = UP_PER_100_M_CDB * place.distance_m // 100
    return Path(loss_down_cdb=max(0, down + spread), loss_up_cdb=max(0, up + spread))


def path_between(
    seed: int, *, transformer: str, one: tuple[str, Place], other: tuple[str, Place]
) -> Path:
    """The path between two meters of a transformer, (name, place) each: the same both ways.

    Same seed and names, same path, whichever is named first.
    """
    (_, here), (_, there) = one, other
    if here.branch == there.branch:
        distance_m = abs(here.distance_m - there.distance_m)
    else:
        distance_m = here.distance_m + there.distance_m
    names = sorted((one[0], other[0]))
    spread = round(SPREAD_CDB * deviate(seed, "path between", *names))
    loss = BETWEEN_FIXED_CDB + BETWEEN_PER_100_M_CDB * distance_m // 100 + spread
    loss = max(0, loss + coupling_cdb(seed, transformer, here.phase, there.phase))
    return Path(loss_down_cdb=loss, loss_up_cdb=loss)


def along_streets(index: int, *, branches: int = 4, first_m: int = 15, spacing_m: int = 8) -> Place:
    """The place of a transformer's meter number `index`, from 0: meters in turn on each branch.

    An assumption for generated transformers: services evenly spaced, single-phase, phases in turn.
    """
    position = index // branches
    phase = (Phase.A, Phase.B, Phase.C)[index % 3]
    return Place(first_m + position * spacing_m, position, phase, index % branches)
