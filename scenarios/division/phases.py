"""Which phase each customer of a feeder hangs on, so that the feeder is as unbalanced as is wanted.

Solar roofs are spread over the phases alike: what they give changes with the sky, and a feeder
would change its colour with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from devices.grid.customers import PERIOD_DAYS, day_of, habits_of

THREE_PHASE_EVERY = 10
"""One customer in so many has three phases (assumption)."""


def chosen(
    seed: int, meters: Iterable[str], shares: tuple[float, float, float], utc_offset_min: int
) -> Iterator[tuple[str, str]]:
    """Each meter of a feeder with its phases, "A" to "ABC".  `shares` are what the phases are to
    carry in a period; they add up to 1."""
    roofs: list[tuple[float, int, str]] = []
    others: list[tuple[float, int, str]] = []
    carried = np.zeros(3)
    for place, meter in enumerate(meters, 1):
        if place % THREE_PHASE_EVERY == 0:
            carried += _mean_w(seed, meter, 3, utc_offset_min)
            yield meter, "ABC"
        else:
            watts = float(_mean_w(seed, meter, 1, utc_offset_min)[0])
            solar_w = habits_of(seed, meter, 1).solar_w
            (roofs if solar_w else others).append((watts, solar_w, meter))
    total = float(carried.sum()) + sum(watts for watts, _, _ in (*roofs, *others))
    placed_w = np.zeros(3)
    for watts, solar_w, meter in sorted(roofs, key=lambda each: (-each[1], each[2])):
        phase = int(placed_w.argmin())
        placed_w[phase] += solar_w
        carried[phase] += watts
        yield meter, "ABC"[phase]
    wanting = np.array(shares) * total - carried
    for watts, _, meter in sorted(others, key=lambda each: (-each[0], each[2])):
        phase = int(wanting.argmax())
        wanting[phase] -= watts
        yield meter, "ABC"[phase]


def _mean_w(seed: int, meter: str, phases: int, utc_offset_min: int) -> npt.NDArray[np.float64]:
    """Of a whole period, of each phase."""
    days = [
        day_of(seed, meter, phases, day, utc_offset_min=utc_offset_min)[0].mean(axis=1)
        for day in range(PERIOD_DAYS)
    ]
    return np.mean(days, axis=0)
