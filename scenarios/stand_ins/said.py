"""What a stand-in of another system asked of the head-end, was answered, and was told: its journal.

It holds what crossed the door and nothing of what the head-end thinks, so that a drawing made of it
shows the system's own view.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Said:
    """One line.  A `command` is an operator's, at the head-end itself.  `what` is short and the same in every language: a route, an operation, a noun."""

    at: datetime
    way: Literal["asked", "answered", "told"]
    door: Literal["REST", "SOAP", "stream", "command"]
    what: str
    detail: str = ""
    order: int | None = None
    device: str | None = None
