"""Solving with a nodal admittance matrix: sparse LU in the order of least degree.

Feeders are nearly trees, so that eliminating the node with the fewest neighbours first fills almost
nothing in, and plain dictionaries do.  The diagonal of an admittance matrix serves as pivot
(Tinney's second scheme, Proc. IEEE 55, 1967); where it vanishes, nothing feeds the node.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from devices.grid.zbus import Complex

PIVOT_MIN = 1e-13
"""Siemens; OpenDSS's smallest shunts have 1e-12."""


class Singular(ArithmeticError):
    """Nothing feeds this row."""

    def __init__(self, row: int):
        super().__init__(f"row {row} has no pivot")
        self.row = row


@dataclass(slots=True)
class Matrix:
    """A square complex matrix, built up term by term."""

    size: int
    rows: list[dict[int, complex]] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = [{} for _ in range(self.size)]

    def add(self, nodes: Sequence[int], block: Complex) -> None:
        """Add an element's primitive matrix; a node below 0 is ground, which has no row."""
        for i, row in enumerate(nodes):
            if row < 0:
                continue
            into = self.rows[row]
            for j, column in enumerate(nodes):
                value = complex(block[i, j])
                if column >= 0 and value:
                    into[column] = into.get(column, 0j) + value

    def times(self, vector: Complex) -> Complex:
        """The matrix by a vector."""
        return np.array(
            [sum(value * vector[column] for column, value in row.items()) for row in self.rows],
            dtype=np.complex128,
        ).reshape(vector.shape)

    def factored(self) -> Factors:
        """Raises Singular."""
        return Factors(self)


class Factors:
    """L and U of a matrix, row by row in the order of elimination."""

    __slots__ = ("_lower", "_order", "_upper")

    def __init__(self, matrix: Matrix):
        rows = [dict(row) for row in matrix.rows]
        for i, row in enumerate(matrix.rows):  # the structure must be symmetric
            for j in row:
                rows[j].setdefault(i, 0j)
        heap = [(len(row), i) for i, row in enumerate(rows)]
        heapq.heapify(heap)
        done = [False] * matrix.size
        self._order: list[int] = []
        self._lower: list[list[tuple[int, complex]]] = []
        self._upper: list[tuple[complex, list[tuple[int, complex]]]] = []
        while heap:
            degree, pivot = heapq.heappop(heap)
            if done[pivot] or degree != len(rows[pivot]):
                continue
            done[pivot] = True
            row = rows[pivot]
            head = row.pop(pivot, 0j)
            if abs(head) < PIVOT_MIN:
                raise Singular(pivot)
            lower = []
            entries = list(row.items())
            for i, _ in entries:
                target = rows[i]
                factor = target.pop(pivot) / head
                if factor:
                    lower.append((i, factor))
                    for j, value in entries:
                        target[j] = target.get(j, 0j) - factor * value
                        if j != i:
                            rows[j].setdefault(i, 0j)
                else:
                    for j, _ in entries:
                        target.setdefault(j, 0j)
                        rows[j].setdefault(i, 0j)
                heapq.heappush(heap, (len(target), i))
            for i, _ in entries:
                heapq.heappush(heap, (len(rows[i]), i))
            self._order.append(pivot)
            self._lower.append(lower)
            self._upper.append((head, entries))

    def solve(self, right: Complex) -> Complex:
        """For one right-hand side, or for several in columns."""
        if right.ndim == 2:
            x: list = [right[i].copy() for i in range(len(right))]  # type: ignore[type-arg]
        else:
            x = right.tolist()
        for pivot, lower in zip(self._order, self._lower, strict=True):
            value = x[pivot]
            for i, factor in lower:
                x[i] = x[i] - factor * value
        for pivot, (head, entries) in zip(
            reversed(self._order), reversed(self._upper), strict=True
        ):
            value = x[pivot]
            for j, factor in entries:
                value = value - factor * x[j]
            x[pivot] = value / head
        return np.array(x, dtype=np.complex128)
