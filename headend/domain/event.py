"""Events that devices noticed, and incidents: events of many meters that are one occurrence."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Severity(enum.StrEnum):
    """How bad an event is for supply or revenue, the mildest first."""

    INFO = "info"
    WARNING = "warning"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def and_above(self) -> tuple[Severity, ...]:
        """This one and all that are worse."""
        every = tuple(Severity)
        return every[every.index(self) :]


class Source(enum.StrEnum):
    """By which way an event was heard of."""

    LOG = "log"  # a row of an event log; its time is the event's own
    PUSH = "push"  # a code that the meter sent unasked, at its clock's time
    STATUS_WORD = "status-word"  # a bit that was not set before; it came up by then


class IncidentKind(enum.StrEnum):
    """What many meters can lose at once."""

    OUTAGE = "outage"
    PHASE_LOSS = "phase-loss"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a device noticed; stored once, by however many ways it was heard of.

    `at` is the device's time, that of the log where a log told.  `code` is the log's number, None
    where only a status word told.  `place` is the transformer, or else the concentrator, under
    which the meter hung when the event was first heard of: "transformer T-7".
    """

    device: str
    name: str  # a word: "power-down"; "code-200" of a code that the table does not have
    severity: Severity
    at: datetime
    received_at: datetime  # when it was first heard of
    sources: tuple[Source, ...]
    code: int | None = None
    place: str | None = None
    kind: IncidentKind | None = None  # of a loss or a restoration: to what it belongs
    incident: int | None = None
    number: int = 0  # given by the store


@dataclass(frozen=True, slots=True)
class Incident:
    """One occurrence at one place.  It ends when every meter that lost something has it back, and
    opens again by a loss soon after.  `merged_into`: events that came late told that it was a part
    of another one."""

    kind: IncidentKind
    place: str
    began_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    members: int = 0
    without: int = 0  # members that have not told of a restoration yet
    merged_into: int | None = None
    number: int = 0  # given by the store


class Subject(enum.StrEnum):
    """What somebody acknowledges."""

    EVENT = "event"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has seen it and looks after it.  The first one stands."""

    subject: Subject
    number: int
    at: datetime
    who: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class StatusWord:
    """A status or alarm register as it was at a time."""

    device: str
    name: str  # logical name
    at: datetime
    value: int
