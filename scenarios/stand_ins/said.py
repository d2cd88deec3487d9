"""What a stand-in of another system asked of the head-end, was answered, and was told: its journal.

It holds what crossed the door and nothing of what the head-end thinks, so that a drawing made of it
shows the system's own view.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal


@dataclass(frozen=True, slots=True)
class Said:
    """One line.  A `command` is an operator's, at the head-end itself; `CIM` a message that came by
    queue or callback.  `what` is short and the same in every language: a route, an operation."""

    at: datetime
    way: Literal["asked", "answered", "told"]
    door: Literal["REST", "SOAP", "CIM", "stream", "command"]
    what: str
    detail: str = ""
    order: int | None = None
    device: str | None = None


def in_order(*journals: Iterable[Said]) -> tuple[Said, ...]:
    """Several journals as one, by time; of one moment in the order in which they are given."""
    return tuple(sorted(chain(*journals), key=lambda said: said.at))
