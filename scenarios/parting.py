"""Where two runs part: the first line of the world's log that differs, and which orders ended
otherwise.  Runs of one file and seed never part; so a difference has a cause, and this finds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

CONTEXT = 3  # lines before and after


@dataclass(frozen=True, slots=True)
class Parting:
    """The difference between two logs."""

    same: bool
    line: int | None  # of the first that differs, counted from 1
    before: tuple[dict[str, Any], ...]  # what both have in front of it
    left: tuple[dict[str, Any], ...]  # from the first difference on
    right: tuple[dict[str, Any], ...]
    outcomes: dict[int, tuple[str, str]]  # orders that ended otherwise: how, on each side
    kinds: dict[str, tuple[int, int]]  # kinds of lines of which there are not as many


def part(left: Sequence[bytes], right: Sequence[bytes]) -> Parting:
    """Compare two logs, line by line."""
    both = min(len(left), len(right))
    line = next((i for i in range(both) if left[i] != right[i]), both)
    if line == both and len(left) == len(right):
        return Parting(True, None, (), (), (), {}, {})
    ours, theirs = _outcomes(left), _outcomes(right)
    counts = Counter(_kind(each) for each in left), Counter(_kind(each) for each in right)
    return Parting(
        False,
        line + 1,
        _decoded(left[max(0, line - CONTEXT) : line]),
        _decoded(left[line : line + CONTEXT]),
        _decoded(right[line : line + CONTEXT]),
        {
            order: (ours.get(order, "none"), theirs.get(order, "none"))
            for order in sorted({*ours, *theirs})
            if ours.get(order) != theirs.get(order)
        },
        {
            kind: (counts[0][kind], counts[1][kind])
            for kind in sorted({*counts[0], *counts[1]})
            if counts[0][kind] != counts[1][kind]
        },
    )


def _outcomes(lines: Sequence[bytes]) -> dict[int, str]:
    """The last state of each order, and its cause."""
    found = {}
    for line in _decoded(lines):
        if line["kind"] == "journal":
            found[line["order"]] = f"{line['state']}: {line['cause']}"
    return found


def _kind(line: bytes) -> str:
    return str(msgspec.json.decode(line)["kind"])


def _decoded(lines: Sequence[bytes]) -> tuple[dict[str, Any], ...]:
    return tuple(msgspec.json.decode(line) for line in lines)
