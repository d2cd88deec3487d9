"""A head-end that came back from a backup: what it has to find out before it sends anything.

Between the backup and the loss there was a life that the backup knows nothing of.  It used
invocation counters, gave out order numbers, sent commands and changed keys.  Whoever goes on from
the backup as if nothing had been would repeat nonces, give an order a number that a concentrator
answers from memory, and carry orders out twice.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

COUNTERS_PER_S = 100
"""More invocation counters than one client uses with one meter in a second, on average: an
exchange takes a round trip, 10 ms at least on any way to a meter in the field.  A day's are 0.2 %
of all that a key has."""

ORDERS_PER_S = 100
"""More orders than are accepted in a second over hours; the utility's peak is tens in a minute."""

CHANGES_PER_S = 10_000
"""More changes than the event stream tells in a second over hours: a change of readings stands for
up to 500, and a million meters upload some thousands of rows in a second."""

SLACK = timedelta(hours=1)
"""What clocks may have been wrong by, here and where the backup was made."""

ATTEMPTS = 1000
"""More attempts than an order has: what concentrators remember of the lost life's bears numbers
that are given out no more."""


class Standing(enum.StrEnum):
    """Where a restored head-end stands."""

    RESTORED = "restored"  # nothing is sent; meters are asked for their counters
    RESUMED = "resumed"


class Raised(enum.StrEnum):
    """What became of one key's counters."""

    WAITING = "waiting"  # jumped; the meter has not been asked yet
    RAISED = "raised"  # the meter was asked, and has proven that it has the key
    ASSUMED = "assumed"  # the meter cannot be asked: the jump stands alone
    WRONG_KEY = "wrong-key"  # the meter has another key: somebody has to go there
    USED_UP = "used-up"  # no counter is left: only a new key helps


@dataclass(frozen=True, slots=True)
class Restoration:
    """One restoration of this database.  `order_before` is the last order number that the backup
    knows, `order_after` the last of those that the lost life may have given out."""

    number: int
    backup: str
    consistent_at: datetime
    restored_at: datetime
    restored_by: str
    standing: Standing
    order_before: int
    order_after: int
    keys_found: int = 0  # changes of keys that the journal beside the backups had
    resumed_at: datetime | None = None
    resumed_by: str | None = None

    @property
    def age(self) -> timedelta:
        """At most so long the lost life may have lasted."""
        return max(self.restored_at - self.consistent_at, timedelta()) + SLACK


@dataclass(frozen=True, slots=True)
class RestoredKey:
    """The counters of one key of a meter, since the restoration."""

    meter: str
    client: int
    generation: int
    before: int | None  # the next, as the backup has it
    least: int  # what it was raised to at once
    standing: Raised
    told: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A result of a command that no order here knows of: the lost life's."""

    concentrator: str
    order: int
    attempt: int
    meter: str
    action: str
    status: str
    at: datetime
    received_at: datetime
    octets: bytes  # the message, as it is encoded


def margin(age: timedelta, per_s: int) -> int:
    """So many of something a life of that age may have used."""
    return int(age.total_seconds() * per_s)
