"""A job: what a technician's device may do at some meters for some hours, without the head-end.

A job hands over orders and a block of invocation counters, its lease, under keys of the device's
own client.  It is open until its result is in, it is revoked, or its time is over; that it is over
is seen by the clock and written nowhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from protocols.jobs.package import Authorisation as Authorisation

OWNER = "job/"
"""Before a job's id where it holds an order's lease; no worker's name has a slash."""


class JobState(enum.StrEnum):
    """Where a job stands."""

    OPEN = "open"
    CLOSED = "closed"  # its result is in, whole
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Device:
    """A technician's device, enrolled.  `card` is a `protocols.jobs.cards.DeviceCard`, encoded."""

    name: str
    title: str  # its system title, in hexadecimal digits; no other device has it
    card: bytes
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """One package, and what has come back of it.

    `taken` records of its result are taken in; the last of them is called `taken_digest`.
    """

    id: str
    device: str
    made_at: datetime
    not_before: datetime
    expires_at: datetime
    authorisation: Authorisation
    package: bytes  # the file, sealed for the device
    state: JobState = JobState.OPEN
    taken: int = 0
    taken_digest: str | None = None
    ended_at: datetime | None = None  # closed or revoked
    why: str = ""  # it was revoked

    @property
    def owner(self) -> str:
        """The name under which it holds orders."""
        return OWNER + self.id

    def runs(self, now: datetime) -> bool:
        """Whether a device may still work it, as far as the head-end knows."""
        return self.state is JobState.OPEN and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Lease:
    """The invocation counters `first` to `end` - 1 under one generation of keys, for one job.

    `next_own` is the first that the device did not use, once its result tells.  The rest is
    burned: a copy of the device's files could still use it (docs/decisions/0019).
    """

    job: str
    meter: str
    client: int
    generation: int
    first: int
    end: int
    next_own: int | None = None


@dataclass(frozen=True, slots=True)
class TakenOrder:
    """An order that a job took over, as it was then.

    `attempt` is its attempt's number, once something was heard of it; `settled` once the job has
    nothing more to say of it.
    """

    job: str
    number: int
    meter: str
    not_before: datetime
    not_after: datetime
    amount: Decimal | None = None
    unit: str | None = None
    attempt: int | None = None
    settled: bool = False


class Clash(enum.StrEnum):
    """How a job's result can disagree with what the head-end knows."""

    ORDER_ENDED = "order-ended"  # cancelled, superseded, expired or done by another way
    ORDER_UNDER_WAY = "order-under-way"  # the head-end has sent it meanwhile
    ORDER_CHANGED = "order-changed"  # another amount
    METER_CHANGED = "meter-changed"  # a later order has acted on the meter
    TOO_LATE = "too-late"  # acted outside the time it was given
    REVOKED = "revoked"  # done after the job was revoked
    COUNTERS = "counters"  # outside the lease


@dataclass(frozen=True, slots=True)
class Conflict:
    """One disagreement, and what a person does now."""

    job: str
    at: datetime
    clash: Clash
    meter: str
    text: str
    next_step: str
    order: int | None = None
