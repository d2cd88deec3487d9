"""What has outlived its span, what of it somebody still needs, and what is left of a day."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime


class Needed(enum.StrEnum):
    """Why a row stays although its span is over."""

    NEWEST = "newest"  # of its device: what comes next is compared with it
    NOT_VALIDATED = "not-validated"
    NOT_ROLLED_UP = "not-rolled-up"
    ROWS_KEPT = "rows-kept"  # what it was made of is still here, and it would be made again
    NOT_IN_DATA_STORE = "not-in-data-store"
    OWED = "owed"  # the legacy database has not been told
    UNSETTLED = "unsettled"  # a reply of it has not been acknowledged
    UNDER_WAY = "under-way"  # it has not ended, or is part of what has not
    BELONGINGS_KEPT = "belongings-kept"  # what refers to it is still here
    RESTORED = "restored"  # a restoration still compares it


@dataclass(frozen=True, slots=True)
class Cut:
    """Where what is kept of a kind begins: a day of the utility's, and its midnight."""

    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Outlived:
    """A table's rows beyond their span: how many go, or went, of which time, and what stays of them
    and why.  One row may be held for several reasons; `held` counts it once."""

    kind: str
    table: str
    kept_since: date
    rows: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    held: int = 0
    reasons: dict[Needed, int] = field(default_factory=dict)
    months_dropped: int = 0


@dataclass(frozen=True, slots=True)
class KeptSince:
    """Where a table begins by now, how many rows have gone in all, and how many were held when
    somebody last looked."""

    table: str
    kept_since: date | None  # None while nothing has gone
    gone: int
    held: int
    at: datetime
