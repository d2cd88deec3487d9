"""What the legacy integration database has not been told yet: references, not the things."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class OwedKind(enum.StrEnum):
    """What has changed."""

    PAGE = "page"  # a day of a profile: its rows, or what validation made of them
    READING = "reading"
    EVENT = "event"  # or who has seen it
    INCIDENT = "incident"  # likewise


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing of which the newest state has still to be delivered, however often it changed.

    A page is told by its meter (`device`), `profile` and day (`moment`); a reading by its meter,
    the object's logical name (`profile`) and its time; events and incidents by number (`moment`).
    `line` grows with each change, so that whoever delivered an older state settles no newer one.
    """

    kind: OwedKind
    device: str
    profile: str
    moment: str
    line: int = 0  # given by the store
