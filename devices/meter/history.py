"""What a meter really did.

This is the simulation's truth, which no DLMS client can read: scenarios compare it with what the
head-end recorded, and so find orders that were lost or executed twice.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

HISTORY_MAX = 10_000
"""Entries that a meter keeps, the newest ones.  A meter of a scenario sees some tens."""


class Deed(enum.StrEnum):
    """What happened."""

    RELAY_OPENED = "relay-opened"
    RELAY_CLOSED = "relay-closed"
    RELAY_STUCK = "relay-stuck"  # told to move, and did not
    STATE_MOVED = "state-moved"  # control state only; the relay was there already
    SUPPLY_UNCHANGED = "supply-unchanged"  # told to go where it was already
    SUPPLY_REFUSED = "supply-refused"  # no transition: control mode or state
    LIMIT_WRITTEN = "limit-written"  # threshold_normal
    PARAMETER_WRITTEN = "parameter-written"  # any other attribute
    LIMITER_OVER = "limiter-over"  # the over-threshold action ran
    LIMITER_UNDER = "limiter-under"
    FIRMWARE_ACTIVATED = "firmware-activated"
    PERIOD_ENDED = "period-ended"  # a client ended the billing period
    LOAD_SWITCHED = "load-switched"  # the load relay; `value` is 1 for on
    LOAD_UNCHANGED = "load-unchanged"  # told to go where it was already
    LOAD_STUCK = "load-stuck"  # told to move, and did not
    LOCKED_OUT = "locked-out"  # repeated trips bar local reconnection


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry.  `at` is the world's time, POSIX seconds UTC."""

    at: float
    deed: Deed
    cause: str  # "client 5", "limiter", "button"
    detail: str = ""  # a transition's letter, or attribute and value
    value: int | None = None  # the limit written, in the register's raw unit
