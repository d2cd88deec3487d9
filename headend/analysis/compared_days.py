"""Which two days the daily profile comparison may show.

The earlier lies more than four weeks before today, the later after it and at most yesterday.  Days
of the same weekday tell what an action changed; they are offered first.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

WEEKS_BEFORE: Final = 4
EARLIER_WEEKS_OFFERED: Final = 52


class Refusal(enum.StrEnum):
    """Why two days cannot be compared: a code; the sentence is in `SENTENCES`."""

    EARLIER_TOO_LATE = "earlier-too-late"
    LATER_NOT_AFTER = "later-not-after"
    LATER_NOT_PAST = "later-not-past"


SENTENCES: Final = {
    Refusal.EARLIER_TOO_LATE: (
        "the earlier day must be more than four weeks before today;"
        " choose one that lies further back"
    ),
    Refusal.LATER_NOT_AFTER: "the later day must come after the earlier; choose a later one",
    Refusal.LATER_NOT_PAST: "the later day must be over; choose yesterday or a day before",
}


def latest_earlier(today: date) -> date:
    """The last day that is more than four weeks ago."""
    return today - timedelta(weeks=WEEKS_BEFORE, days=1)


def refused(earlier: date, later: date, today: date) -> Refusal | None:
    """Why these two are not compared, or None where they may be."""
    if earlier > latest_earlier(today):
        return Refusal.EARLIER_TOO_LATE
    if later <= earlier:
        return Refusal.LATER_NOT_AFTER
    if later >= today:
        return Refusal.LATER_NOT_PAST
    return None


def offered_later(earlier: date, today: date) -> Sequence[date]:
    """Later days for an earlier one: those of its weekday first, each part with the newest first.
    None where the earlier day is too late."""
    if earlier > latest_earlier(today):
        return ()
    span = (today - earlier).days
    newest_first = [today - timedelta(days=back) for back in range(1, span)]
    return sorted(newest_first, key=lambda day: day.weekday() != earlier.weekday())


def offered_earlier(later: date, today: date) -> Sequence[date]:
    """Earlier days of a later one's weekday, the newest first, of a year."""
    first = min(latest_earlier(today), later - timedelta(days=1))
    first -= timedelta(days=(first.weekday() - later.weekday()) % 7)
    return [first - timedelta(weeks=number) for number in range(EARLIER_WEEKS_OFFERED)]


def first_offer(today: date) -> tuple[date, date]:
    """The pair that a page shows at first: yesterday, and its weekday as late as may be."""
    later = today - timedelta(days=1)
    return offered_earlier(later, today)[0], later
