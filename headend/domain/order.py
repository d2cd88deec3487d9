"""An order: what the commercial system wants done to one meter, and the states it passes through.

    RECEIVED -> VALIDATED | REJECTED -> QUEUED -> DISPATCHED -> EXECUTING
             -> DONE | FAILED | EXPIRED | CANCELLED, and UNKNOWN while an effect is not known.

Each order reaches exactly one of the final states, whatever crashes (DESIGN section 5).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from headend.domain.evidence import Evidence
from headend.domain.reading import Reading, WantedObject
from headend.domain.reason import ReasonCode
from protocols.concentrator.messages import ClockWanted, DemandMark, DemandRead, TariffWanted


class Kind(enum.StrEnum):
    """What is ordered."""

    SET_LIMIT = "set-limit"
    REMOVE_LIMIT = "remove-limit"
    CONNECT = "connect"
    ARM = "arm"
    DISCONNECT = "disconnect"
    LOAD_OFF = "load-off"
    LOAD_ON = "load-on"
    RESET_DEMAND = "reset-demand"
    READ = "read"
    SET_CLOCK = "set-clock"
    SET_TARIFF = "set-tariff"
    CHANGE_KEYS = "change-keys"
    UPDATE_FIRMWARE = "update-firmware"


LIMITS = frozenset({Kind.SET_LIMIT, Kind.REMOVE_LIMIT})
LOADS = frozenset({Kind.LOAD_OFF, Kind.LOAD_ON})
"""They switch a load that the utility may switch, never a supply."""
OPPOSITE = {Kind.LOAD_OFF: Kind.LOAD_ON, Kind.LOAD_ON: Kind.LOAD_OFF}
"""What ends a load's switching that is bound in time."""
OWN = frozenset(
    {Kind.READ, Kind.SET_CLOCK, Kind.SET_TARIFF, Kind.CHANGE_KEYS, Kind.UPDATE_FIRMWARE}
)
"""The head-end's own affairs.  No commercial system asked for them, so none is told; and they may
be sent again whatever became of the last time: a change of keys and an image find out how far they
had come, and a clock or a calendar is looked at before it is written."""

# The customer wants a limit "de alta prioridad ... de extremo a extremo" (seed 004); giving supply
# back shares it.  Lower goes first.
PRIORITY: dict[Kind, int] = {
    Kind.SET_LIMIT: 10,
    Kind.REMOVE_LIMIT: 10,
    Kind.CONNECT: 10,
    Kind.ARM: 10,
    Kind.DISCONNECT: 20,
    Kind.LOAD_OFF: 20,
    Kind.LOAD_ON: 20,
    Kind.RESET_DEMAND: 22,
    Kind.READ: 40,
    Kind.SET_CLOCK: 45,
    Kind.SET_TARIFF: 45,
    Kind.CHANGE_KEYS: 50,
    Kind.UPDATE_FIRMWARE: 60,
}
READY = 2
"""Of class 70's control_state: ready for reconnection, Blue Book 4.5.8."""

SCHEDULED = 90
"""The priority of reads that come round by themselves."""

URGENT_MAX = 39
"""The lowest priority, as a number, of what a person or a supply waits for: reads come after it and
leave it a place in each lane."""


class State(enum.StrEnum):
    """Where an order stands."""

    RECEIVED = "received"
    VALIDATED = "validated"
    REJECTED = "rejected"
    QUEUED = "queued"
    DISPATCHED = "dispatched"
    EXECUTING = "executing"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


FINAL = frozenset({State.REJECTED, State.DONE, State.FAILED, State.EXPIRED, State.CANCELLED})

_AFTER_SENDING = frozenset({State.QUEUED, State.UNKNOWN, State.DONE, State.FAILED, State.EXPIRED})
TRANSITIONS: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.VALIDATED, State.REJECTED}),
    State.VALIDATED: frozenset({State.QUEUED}),
    # UNKNOWN: a head-end that came back from a backup does not know what was sent after that.
    State.QUEUED: frozenset(
        {State.DISPATCHED, State.CANCELLED, State.EXPIRED, State.FAILED, State.UNKNOWN}
    ),
    State.DISPATCHED: _AFTER_SENDING | {State.EXECUTING},
    State.EXECUTING: _AFTER_SENDING,
    State.UNKNOWN: frozenset({State.QUEUED, State.DONE, State.FAILED, State.EXPIRED}),
    **dict.fromkeys(FINAL, frozenset[State]()),
}


class ImpossibleTransition(RuntimeError):
    """The code tried to move an order along an edge that does not exist."""


@dataclass(frozen=True, slots=True)
class ValueRead:
    """What the meter showed when it was read: the limit in `unit` (W, VA, A), the supply, the load
    relay, or its billing."""

    limit: Decimal | None = None  # threshold_normal
    limit_active: Decimal | None = None  # threshold_active
    unit: str | None = None
    supply_on: bool | None = None
    control_state: int | None = None  # class 70: 0 disconnected, 1 connected, 2 ready
    load_on: bool | None = None
    demand: DemandRead | None = None

    def __str__(self) -> str:
        if self.limit is not None:
            return f"{self.limit} {self.unit}"
        if self.load_on is not None:
            return "load on" if self.load_on else "load off"
        if self.demand is not None:
            return _billing(self.demand)
        states = ("disconnected", "connected", "ready for reconnection")
        return "nothing" if self.control_state is None else states[self.control_state]


def _billing(read: DemandRead) -> str:
    told = []
    if read.resets is not None:
        told.append(f"billing period {read.resets}")
    if read.reset_at:
        told.append(f"the last ended {read.reset_at}")
    if read.maximum is not None:
        told.append(f"maximum {read.maximum} {read.unit or ''}".rstrip())
    return ", ".join(told) or "nothing"


@dataclass(frozen=True, slots=True)
class Order:
    """One meter, one wish.  `number` grows in the order of acceptance.

    Times are aware and UTC.  `ready_at` is the start the sender asked for; `not_before` the
    earliest time of the next step (a retry, a read-back); nothing acts after `deadline`.
    """

    number: int
    transaction_id: str
    source: str
    meter: str
    kind: Kind
    accepted_at: datetime
    ready_at: datetime
    not_before: datetime
    deadline: datetime
    state: State = State.RECEIVED
    priority: int = 50
    message_id: str | None = None
    correlation_id: str | None = None
    reply_address: str | None = None
    noun: str = "EndDeviceControls"  # of the message, as is the style: its replies keep both
    generic: bool = False
    amount: Decimal | None = None  # SET_LIMIT only
    unit: str | None = None
    until: datetime | None = None  # when a limit, or a load's switching, bound in time ends
    any_day: bool = False  # the permission for days that are no working days
    concentrator: str | None = None
    attempts: int = 0  # the last attempt's number: commands, read-backs, busy refusals
    tries: int = 0  # attempts that count against the limit: a busy refusal or a read-back is none
    commanded: int = 0  # the number of the last attempt that may act
    not_after: datetime | None = None  # of that attempt
    reason: ReasonCode | None = None
    value_read: ValueRead | None = None
    evidence: tuple[Evidence, ...] = ()
    ended_at: datetime | None = None
    verify_at: datetime | None = None  # next look at an effect that was unknown at the end
    restores: int | None = None  # the bounded order whose end this one carries out
    objects: tuple[WantedObject, ...] = ()  # READ only
    readings: tuple[Reading, ...] = ()
    held_at: datetime | None = None  # since when it waits for a second person
    approved_by: str | None = None  # the second person, where one was needed
    image: str | None = None  # UPDATE_FIRMWARE only: SHA-256 of a `MeterImage` on the shelf
    activate_at: datetime | None = None  # UPDATE_FIRMWARE: not before; None: once it is verified
    clock: ClockWanted | None = None  # SET_CLOCK only
    tariff: TariffWanted | None = None  # SET_TARIFF only
    until_pressed: bool = False  # CONNECT, ARM: an armed supply is not yet what was wanted

    def __post_init__(self) -> None:
        if (self.amount is not None) != (self.kind is Kind.SET_LIMIT):
            raise ValueError("an amount belongs to a set-limit order, and only to it")
        if bool(self.objects) != (self.kind is Kind.READ):
            raise ValueError("objects belong to a read, and only to it")
        if (self.image is not None) != (self.kind is Kind.UPDATE_FIRMWARE):
            raise ValueError("an image belongs to an update of firmware, and only to it")
        if (self.clock is not None) != (self.kind is Kind.SET_CLOCK):
            raise ValueError("bounds of a clock belong to a set-clock order, and only to it")
        if (self.tariff is not None) != (self.kind is Kind.SET_TARIFF):
            raise ValueError("a calendar belongs to a set-tariff order, and only to it")

    @property
    def armed(self) -> bool:
        """Whether its supply was last seen ready for a hand at the meter to bring it back."""
        return self.value_read is not None and self.value_read.control_state == READY

    @property
    def demand_before(self) -> DemandMark | None:
        """How billing stood before anything was sent; RESET_DEMAND: None until it was read.

        What is read back later stands in its place only when the order has ended by it."""
        read = None if self.value_read is None else self.value_read.demand
        return None if read is None or self.kind is not Kind.RESET_DEMAND else read.mark

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def held(self) -> bool:
        """Whether it is not sent before a second person has approved it."""
        return self.held_at is not None and not self.final

    def to(self, state: State, **changes: Any) -> Order:
        """The order one step on.  Raises `ImpossibleTransition` on an edge that does not exist."""
        if state not in TRANSITIONS[self.state]:
            raise ImpossibleTransition(f"order {self.number}: {self.state} -> {state}")
        return replace(self, state=state, **changes)


TAKEN_OVER = "taken over: the head-end started again"
"""The cause of the line in the journal of each order that was under way when the process ended."""


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of an order's story.  Lines are only ever added."""

    order: int
    at: datetime
    state: State
    cause: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try on the field, with what travelled."""

    order: int
    number: int
    started_at: datetime
    ended_at: datetime | None = None
    verification: bool = False  # a read-back, not a command
    result: str | None = None  # the status that came back, or why none did
    engine: str | None = None  # the DLMS engine that spoke
    exchanges: bytes | None = None  # the concentrator's Result as received, for `explain`
