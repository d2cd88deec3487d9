"""Whom we have told, or are to tell, that something happened."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.event import Severity, Subject


class NoticeStep(enum.StrEnum):
    """Why somebody is told."""

    NEW = "new"
    AGAIN = "again"  # nobody has acknowledged it
    OVER = "over"
    TEST = "test"  # somebody tries the channel


class NoticeState(enum.StrEnum):
    """Where a notice stands."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"  # it cannot be delivered; somebody must look
    DROPPED = "dropped"  # it had lost its sense before it left


@dataclass(frozen=True, slots=True)
class Case:
    """What one rule has told about one event or incident.  `next_at`: when it is told again unless
    somebody acknowledges it; `round` counts how often an incident has opened."""

    rule: str
    subject: Subject
    number: int
    severity: Severity
    opened_at: datetime
    round: int = 1
    told_again: int = 0
    next_at: datetime | None = None
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one channel, delivered at least once.

    `id` is its idempotency key, the same in each try.  `held`: it waits for the end of a quiet
    time.  `due_at` is None once nothing is left to do.
    """

    id: str
    rule: str
    channel: str
    step: NoticeStep
    subject: Subject | None  # None of a test
    number: int | None
    severity: Severity
    made_at: datetime
    due_at: datetime | None
    round: int = 1
    held: bool = False
    tries: int = 0
    state: NoticeState = NoticeState.WAITING
    trouble: str = ""  # why the last try came to nothing, or why it was dropped
    settled_at: datetime | None = None
    line: int = 0  # given by the store

    def sent(self, now: datetime) -> Notice:
        """The channel has taken it."""
        return self._settled(NoticeState.SENT, "", now)

    def dropped(self, why: str, now: datetime) -> Notice:
        """There is no sense in it any more."""
        return self._settled(NoticeState.DROPPED, why, now)

    def dead(self, why: str, now: datetime) -> Notice:
        """Another try would come to nothing."""
        return self._settled(NoticeState.DEAD, why, now)

    def revived(self, now: datetime) -> Notice:
        """Tried again from the start, under the same id."""
        return replace(
            self, state=NoticeState.WAITING, due_at=now, tries=0, held=False, settled_at=None
        )

    def _settled(self, state: NoticeState, why: str, now: datetime) -> Notice:
        return replace(self, state=state, trouble=why, due_at=None, settled_at=now)
