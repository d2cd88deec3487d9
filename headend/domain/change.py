"""What others are told of as it comes: events, incidents, orders' ends and readings that arrived.

A change is a reference with a word, not the thing itself: who hears of it asks for what it needs.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class ChangeKind(enum.StrEnum):
    """What has changed."""

    EVENT = "event"  # new, changed, acknowledged
    INCIDENT = "incident"  # began, changed, ended, again, merged, acknowledged
    ORDER = "order"  # the state in which it ended
    READINGS = "readings"  # arrived


@dataclass(frozen=True, slots=True)
class Arrived:
    """Values of one meter that came in one go: `what` is a profile's logical name, or "values".
    `first` and `last` are the earliest and the latest of their times."""

    meter: str
    what: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what has changed.

    `number` is that of the event, incident or order; `device` the meter that it is of, `place` an
    incident's.  `position` is given once it is committed: positions grow in the order in which
    they become visible, so that who has read up to one has missed none before it.
    """

    kind: ChangeKind
    what: str
    at: datetime
    number: int | None = None
    device: str | None = None
    place: str | None = None
    arrived: tuple[Arrived, ...] = ()
    position: int = 0
