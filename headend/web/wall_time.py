"""Moments by the utility's clocks, as HTML's `datetime-local` writes them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from headend.tasks.schedule import instant_of


def wall(at: datetime | None, zone: ZoneInfo) -> str:
    """What such a field shows."""
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"


def moment_of(text: str, zone: ZoneInfo) -> datetime | None:
    """What such a field says.  Raises ValueError, OverflowError."""
    if not text:
        return None
    said = datetime.fromisoformat(text)
    return instant_of(said.date(), said.time(), zone)
