"""Roll-ups of circuits over one time, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from headend.analysis.judged import P95
from headend.analysis.rollup import COLUMNS, Rollup


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """`rows` are places in `rollup` (its first axis) by SIAD's keys; `p95` has what roll-ups do not
    tell, where it is known."""

    rows: Mapping[str, int]
    rollup: Rollup
    p95: Mapping[str, P95] = field(default_factory=dict)

    @classmethod
    def of(cls, by_key: Mapping[str, Rollup], p95: Mapping[str, P95] | None = None) -> Window:
        if not by_key:
            return NOTHING
        rows = {key: row for row, key in enumerate(by_key)}
        return cls(rows, Rollup.stacked([*by_key.values()]), p95 or {})

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def __getitem__(self, key: str) -> Rollup:
        return self.rollup[self.rows[key]]

    def among(self, keys: Sequence[str]) -> Rollup:
        """Those of some circuits, in their order."""
        return self.rollup[np.array([self.rows[each] for each in keys], dtype=np.intp)]


NOTHING: Final = Window({}, Rollup.of_flat(np.zeros((0, len(COLUMNS)), dtype=np.int64)))
