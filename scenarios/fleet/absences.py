"""When the meters of one concentrator are out of reach: `devices.outages` by the array."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from devices.outages import USUAL

Integers = npt.NDArray[np.int64]

FOR_EVER = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Absences:
    """Rows are meters, columns their outages, oldest first; whole POSIX seconds."""

    begins: Integers
    ends: Integers
    silent: npt.NDArray[np.bool_]
    """For months: they are away all the time."""

    def away(self, now: float) -> npt.NDArray[np.bool_]:
        """Which are out of reach at a moment."""
        inside = (self.begins <= now) & (now < self.ends)
        return np.asarray(np.any(inside, axis=1))


def absences(seed: int, indices: range, begin: float, end: float) -> Absences:
    """Those of meters in a row between two moments, fixed by the seed."""
    of_meters = [_spans(seed, index, begin, end) for index in indices]
    width = max(map(len, of_meters), default=0)
    begins = np.full((len(indices), width), FOR_EVER, np.int64)
    ends = begins.copy()
    for meter, spans in enumerate(of_meters):
        for number, (first, last) in enumerate(spans):
            begins[meter, number], ends[meter, number] = first, last
    silent = [USUAL.silent_for_months(seed, str(index)) for index in indices]
    return Absences(begins, ends, np.array(silent, np.bool_))


def _spans(seed: int, index: int, begin: float, end: float) -> list[tuple[int, int]]:
    every = (
        (int(begin if span.start is None else span.start), _whole(span.end))
        for span in USUAL.spans(seed, str(index), begin)
    )
    return list(takewhile(lambda span: span[0] < end, every))


def _whole(end: float | None) -> int:
    return FOR_EVER if end is None else int(end)
