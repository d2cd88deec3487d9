"""Where a generation of a meter's keys stands."""

from __future__ import annotations

import enum


class KeyState(enum.StrEnum):
    """A client has one current generation with a meter, and at most one pending."""

    CURRENT = "current"
    PENDING = "pending"  # sent to the meter, perhaps; not proven
    RETIRED = "retired"  # replaced; kept for what was recorded under it
