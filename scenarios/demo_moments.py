"""What whoever watches the demonstration is told, moment by moment, and how each order ended.

Steps are those of seed 004, table 2.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from headend.domain.order import Attempt, JournalLine, Order, State
from headend.domain.reason import ReasonCode
from protocols.cim.envelope import Message
from protocols.commercial.messages import ResultMessage
from protocols.concentrator.messages import Result
from scenarios.schema import OrderSpec
from scenarios.stand_ins.commercial import Answered, Wanted


@dataclass(frozen=True, slots=True)
class Sent:
    """Step 1: the commercial system's SOAP message leaves."""

    at: datetime
    order: int  # which of the story, from 1
    wanted: Wanted
    octets: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Step 2: the head-end's answer, given once the order is stored."""

    at: datetime
    order: int
    answered: Answered
    seconds: float


@dataclass(frozen=True, slots=True)
class Moved:
    """Steps 3, 4 and 7: a line of the head-end's journal."""

    at: datetime
    order: int
    line: JournalLine


@dataclass(frozen=True, slots=True)
class Tried:
    """Steps 5 and 6: an attempt, with what travelled between concentrator and meter."""

    at: datetime
    order: int
    attempt: Attempt
    result: Result | None


@dataclass(frozen=True, slots=True)
class Queued:
    """Step 8: the result on the queue, as the integration platform read it."""

    at: datetime
    order: int
    message: ResultMessage
    octets: int


@dataclass(frozen=True, slots=True)
class Replied:
    """Step 9: the XML that the commercial system stored."""

    at: datetime
    order: int
    message: Message


@dataclass(frozen=True, slots=True)
class Ended:
    """The order's chapter is over: every channel is settled."""

    at: datetime
    order: int


class Turn(enum.Enum):
    """What becomes of the concentrator's way to the network."""

    BARRED = "the mobile operator bars its SIM"
    LOST = "the broker gives its session up"
    ADMITTED = "the operator lets the SIM in again"
    BACK = "it has a session again"


@dataclass(frozen=True, slots=True)
class Turned:
    """Something that happens to the concentrator, and no order does it."""

    at: datetime
    order: int  # the chapter in which it is told
    turn: Turn
    concentrator: str


Moment = Sent | Acknowledged | Moved | Tried | Queued | Replied | Ended | Turned
Tell = Callable[[Moment], None]


@dataclass(frozen=True, slots=True)
class Played:
    """One order of the story, at its end."""

    spec: OrderSpec
    expected: tuple[State, ReasonCode | None]
    order: Order | None  # None: it never came into the store
    replies: tuple[Message, ...]  # final replies that the commercial system stored
    unsettled: tuple[str, ...]  # channels still owed something

    @property
    def ok(self) -> bool:
        """Whether it ended as it should, and everybody heard of it once."""
        if self.order is None or len(self.replies) != 1 or self.unsettled:
            return False
        return (self.order.state, self.order.reason) == self.expected
