"""Billing periods in the messages: what a meter tells of the last reset, and what an order saw.

A reset ends a billing period: the billing profile takes a row, and the maximum demands begin anew
(Blue Book 4.5.2; IEC 62056-6-1, 1.0.0.1.0.255 counts the periods, 1.0.0.1.2.255 tells the last
one's end).  A second reset ends a second period and cannot be undone.  So an order first learns how
the meter stands (`DemandMark`), and resets only a meter that still stands so: however often it is
sent, one period ends.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

NEVER = ""
"""The end of the last period of a meter that tells there was none."""


class DemandMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what a period's end is known: null is what the meter does not tell."""

    resets: int | None = None  # 1.0.0.1.0.255; begins again after its highest value
    reset_at: str | None = None  # 1.0.0.1.2.255, ISO 8601 by the meter's clock; "" for never


class DemandRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A meter's billing periods and its maximum demand as read back."""

    resets: int | None = None  # as in `DemandMark`
    reset_at: str | None = None  # likewise
    rows: int | None = None  # entries in use of the billing profile, 1.0.98.1.0.255
    maximum: str | None = None  # 1.0.1.6.0.255, of the present period; decimal text, scaled
    unit: str | None = None  # of the maximum: "W"
    maximum_at: str | None = None  # when it was reached; "" where there is none yet

    @property
    def mark(self) -> DemandMark:
        """By what its end would be known."""
        return DemandMark(self.resets, self.reset_at)

    @property
    def tells(self) -> bool:
        """Whether a reset would show."""
        return self.resets is not None or self.reset_at is not None


def closed(since: DemandMark, found: DemandMark) -> bool | None:
    """Whether a period has ended since; None where the meter does not tell.

    The counter decides.  The time is for meters without one: some write an old time anew when
    daylight saving begins.
    """
    if since.resets is not None and found.resets is not None:
        return since.resets != found.resets
    if since.reset_at is None or found.reset_at is None:
        return None
    return not _same(since.reset_at, found.reset_at)


def _same(one: str, other: str) -> bool:
    if one == other or NEVER in (one, other):
        return one == other
    try:
        first, second = datetime.fromisoformat(one), datetime.fromisoformat(other)
    except ValueError:
        return False
    if (first.tzinfo is None) is not (second.tzinfo is None):
        first, second = first.replace(tzinfo=None), second.replace(tzinfo=None)
    return first == second
