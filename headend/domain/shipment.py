"""What a manufacturer delivers, what becomes of each meter of it, and the receipt."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from headend.domain.life_cycle import Refusal, Step, taken
from headend.domain.meter import Meter, Stage


class Fate(enum.StrEnum):
    """What becomes of one meter of a shipment."""

    ENTERED = "entered"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Appraised:
    """What becomes of one line.  `column` and `next_step` are of what is refused, `why` tells also
    what is changed."""

    line: int
    meter: str
    fate: Fate
    why: str = ""
    next_step: str = ""
    column: str = ""

    def __str__(self) -> str:
        """As it stands behind a file's name."""
        column = f", {self.column}" if self.column else ""
        meter = f" meter {self.meter}" if self.meter else ""
        why = f": {self.why}" if self.why else ""
        return f"line {self.line}{column}:{meter} {self.fate}{why}"


def weighed(known: Meter | None, delivered: Mapping[str, Any]) -> tuple[Fate, Meter | Refusal, str]:
    """What becomes of a meter that a shipment tells these fields of: its fate, the meter after it
    or why it is refused, and what is changed.  What the shipment does not tell stays."""
    if known is None:
        return Fate.ENTERED, Meter(**delivered, stage=Stage.IN_STOCK), ""
    changed = {name: value for name, value in delivered.items() if getattr(known, name) != value}
    if not changed:
        return Fate.UNCHANGED, known, ""
    after = taken(replace(known, **changed), Step.CORRECT)
    if isinstance(after, Refusal):
        return Fate.REFUSED, after, ""
    return Fate.CHANGED, after, ", ".join(sorted(changed))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A shipment that was taken in.  `digest` is the SHA-256 of the file in hexadecimal digits; the
    same file is not taken twice."""

    number: int
    digest: str
    file: str
    taken_at: datetime
    who: str
    meters: int
    entered: int
    changed: int
    unchanged: int
    keys_new: int
    keys_kept: int


def refused_of(refused: int, lines: int) -> str:
    """How many of a shipment's lines are refused, in words."""
    return f"{refused:,} of {lines:,} lines {'is' if refused == 1 else 'are'} refused"
