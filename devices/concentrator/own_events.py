"""A concentrator's own event log: what it did and what was done to it, in memory that needs no
power.  The oldest line goes when it is full."""

from __future__ import annotations

from datetime import datetime

from devices.concentrator.flash import Flash
from protocols.concentrator.upkeep import EventCode, EventEntry

LINES_MAX = 500


def note(flash: Flash, at: datetime, code: EventCode, text: str) -> None:
    """Write a line."""
    flash.events.append(EventEntry(at, code, text))
    del flash.events[:-LINES_MAX]
