"""How a concentrator fares: its meters' places in the network, its tasks, memory, clock and events.

The head-end asks, and the answer's own time tells it how the concentrator's clock stands.  A clock
is shifted and not set: a shift is right however long the message takes.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Literal

import msgspec

from protocols.concentrator.direction import FromConcentrator, ToConcentrator


class EventCode(enum.StrEnum):
    """What a concentrator writes into its own event log."""

    RESTARTED = "restarted"
    TASKS_SET = "tasks-set"
    MEMORY_FULL = "memory-full"  # the oldest blocks begin to go
    CLOCK_SHIFTED = "clock-shifted"
    METER_DISCOVERED = "meter-discovered"
    METER_ADMITTED = "meter-admitted"
    METER_REFUSED = "meter-refused"
    FIRMWARE = "firmware"


class EventEntry(msgspec.Struct, frozen=True):
    """One line of a concentrator's own event log."""

    at: datetime  # by its clock
    code: EventCode
    text: str


class MeterPlace(msgspec.Struct, frozen=True, omit_defaults=True):
    """One meter of the table, and its place in the network."""

    meter: str
    registered: bool
    link: Literal["plc", "rf"] | None = None  # of the route that the next message takes
    level: int = 0  # links between concentrator and meter on it; 0 without one
    via: tuple[str, ...] = ()  # meters whose modules repeat on it, the concentrator's first
    snr_db: float | None = None  # at which its module hears the one above it
    rssi_dbm: float | None = None  # of the radio, where the route is by radio
    last_heard: datetime | None = None
    changes: int = 0  # of its links since the time asked for


class HeardInHour(msgspec.Struct, frozen=True):
    """Keep-alives of one hour: how many were asked of every module, and heard of each."""

    hour: datetime  # when it began
    asked: int
    heard: dict[str, int]  # by meter


class TaskBehind(msgspec.Struct, frozen=True, omit_defaults=True):
    """A meter at which a task has failed since it was last carried out."""

    task: str
    meter: str
    failed: int  # tries in a row
    trouble: str  # of the last one
    read_at: datetime | None = None  # when it was last carried out


class MemoryTold(msgspec.Struct, frozen=True):
    """What was collected and is not uploaded yet."""

    blocks: int
    octets: int
    octets_max: int
    dropped: int  # blocks lost for good, ever


class ReadState(ToConcentrator, frozen=True, tag="read-state", kw_only=True):
    """Tell how you fare; answered by `state`, at once."""

    since: datetime  # events, hours and changes from this time on


class ShiftClock(ToConcentrator, frozen=True, tag="shift-clock", kw_only=True):
    """Shift the own clock; answered by a `receipt`.  The same message again shifts nothing."""

    by_s: float  # ahead, or back where negative


class State(FromConcentrator, frozen=True, tag="state", omit_defaults=True, kw_only=True):
    """How the concentrator fares.  Sent once; `at` is the moment at which it is true."""

    of: str  # id of the `read-state`
    boot: int  # counts the device's starts
    up_since: datetime
    firmware: str
    memory: MemoryTold
    tasks: int = 0  # version of the task table
    behind: tuple[TaskBehind, ...] = ()
    meters: tuple[MeterPlace, ...] = ()  # its table
    hours: tuple[HeardInHour, ...] = ()
    events: tuple[EventEntry, ...] = ()  # the oldest first
