"""What a concentrator is asked to do besides orders for its meters: to tell of itself, to have its
clock measured, to read some meters once.

Somebody asks, or the configuration does by its schedule; either is kept until it has ended, so that
a concentrator that is away is asked when it comes back, and a head-end that restarts goes on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

import msgspec

from headend.domain.reason import ReasonCode
from protocols.concentrator.collecting import Task

Told = dict[str, int | float | str]
"""What came of an activity: words and their values, units in the words' ends (`offset_s`)."""


class ActivityKind(enum.StrEnum):
    """What is asked of a concentrator."""

    STATE = "state"  # how it fares: memory, tasks that are behind, meters, events
    CLOCK = "clock"  # how its clock stands; one that is off is shifted
    TOPOLOGY = "topology"  # where its meters are in its network
    EVENTS = "events"  # its own event log
    FAULTS = "faults"  # its own and its modem's fault log
    TASK = "task"  # to read meters once
    DISCOVER = "discover"  # to look for meters that are not in its table
    REBOOT = "reboot"  # to restart


DEMANDS = frozenset({ActivityKind.DISCOVER, ActivityKind.REBOOT})
"""Those that have it do something: asked for by a message of one id, so that it is done once."""

SCHEDULED_KINDS = tuple(
    kind for kind in ActivityKind if kind not in (ActivityKind.TASK, ActivityKind.REBOOT)
)
"""Those that a schedule may ask for; what is read by schedule is a task of collection, and nobody
restarts a device without a reason."""


class ActivityState(enum.StrEnum):
    """How far it has come."""

    ASKED = "asked"  # not yet sent: it waits for its concentrator
    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"  # it was sent, and its time is over without the answer
    EXPIRED = "expired"  # its concentrator was not there in time


OPEN = frozenset({ActivityState.ASKED, ActivityState.SENT})


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing asked of one concentrator.  `key` names a turn of a schedule, which asks once;
    `task` is what is to be read; `told` what came of it, or so far."""

    number: int
    concentrator: str
    kind: ActivityKind
    asked_by: str  # an account, os:USER, or schedule:NAME
    asked_at: datetime
    deadline: datetime
    state: ActivityState = ActivityState.ASKED
    key: str | None = None
    task: Task | None = None
    sent_at: datetime | None = None  # the last time
    tries: int = 0
    ended_at: datetime | None = None
    reason: ReasonCode | None = None
    told: Told | None = None

    @property
    def open(self) -> bool:
        """Whether it still waits for something."""
        return self.state in OPEN

    @property
    def scheduled(self) -> bool:
        """Whether a schedule has asked."""
        return self.key is not None

    @property
    def message_id(self) -> str:
        """Of the message that asks for a demand, the same however often it is sent.  With the
        moment: a restored database gives numbers once more."""
        return f"activity-{self.number}-{self.asked_at:%Y%m%dT%H%M%S.%f}"

    @property
    def own_task(self) -> Task:
        """Its task under a name of its own: a concentrator goes on where one of a name was."""
        assert self.task is not None
        return msgspec.structs.replace(self.task, name=f"once-{self.number}")
