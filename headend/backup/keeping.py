"""Which backups are kept: the newest of each of the last days, and of each of the last weeks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime


def kept(taken_at: Iterable[datetime], *, daily: int, weekly: int) -> frozenset[datetime]:
    """Of the times of backups (UTC), those to keep.

    Days and weeks count where there is a backup in them, so that a month without any costs none of
    the old ones; and the newest stays, whatever the numbers are.
    """
    newest_first = sorted(set(taken_at), reverse=True)
    return frozenset(
        newest_first[:1]
        + _newest_of(newest_first, lambda at: at.date(), daily)
        + _newest_of(newest_first, lambda at: at.isocalendar()[:2], weekly)
    )


def _newest_of(
    newest_first: list[datetime], span: Callable[[datetime], Hashable], count: int
) -> list[datetime]:
    found: dict[Hashable, datetime] = {}
    for at in newest_first:
        found.setdefault(span(at), at)
    return list(found.values())[:count]
