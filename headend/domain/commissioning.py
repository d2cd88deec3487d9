"""What is looked at before a meter is commissioned, and what was found."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Verdict(enum.StrEnum):
    """What a check says."""

    HELD = "held"
    CORRECTED = "corrected"  # it did not hold, was put right, and holds now
    NOTED = "noted"  # nothing to hold it against; written down as it was found
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one commissioning; `why` and what to do where it failed."""

    meter: str
    at: datetime
    what: str
    verdict: Verdict
    expected: str | None
    found: str | None
    why: str
    who: str
