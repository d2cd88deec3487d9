"""A story whose grid cannot carry what is drawn: wrong input, told with its place and a way out.

A feeder is solved when somebody first looks at it, so it shows while the story runs, or when its
energies are compared at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from devices.grid.errors import NotConverged
from devices.meter.load import SLOT_S
from scenarios.parts import BadScenario

ADVICE = (
    "Give meters less load_w, put them nearer (distance_m, spacing_m), spread them over more"
    " concentrators, or leave the grid out: [field] grid = false"
)


class NoSolution(BadScenario):
    """There is no power flow of a transformer."""

    code = "no-solution"
    advice = ADVICE


@contextmanager
def explained() -> Iterator[None]:
    """Raises `NoSolution` where the power flow finds none, or the world stopped for that."""
    try:
        yield
    except NotConverged as error:
        raise no_solution(error) from error
    except RuntimeError as error:
        if isinstance(error.__cause__, NotConverged):
            raise no_solution(error.__cause__) from error
        raise


def no_solution(error: NotConverged) -> NoSolution:
    """The same in words of a story: whose grid, which meter, when."""
    meter, _, phase = error.node.rpartition(".")
    minute = (error.step or 0) * SLOT_S // 60
    return NoSolution(
        f"the grid of {error.network} cannot carry what its customers draw: no power flow for a"
        f" day's loads, worst at {minute // 60:02d}:{minute % 60:02d} UTC at meter {meter} on phase"
        f" {phase}"
    )
