"""What the bus's machines want done: packets sent, lines of the trace, letters laid aside."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from protocols.cim.bus.letter import Letter
from protocols.mqtt import Packet


@dataclass(frozen=True, slots=True)
class Send:
    """Publish a packet.  Until `until` it is worth trying again while the broker is away."""

    packet: Packet
    until: datetime


class Act(enum.StrEnum):
    """What a node did with a message."""

    RECEIVED = "received"
    FORWARDED = "forwarded"  # a request towards its destination
    ASKED = "asked"  # a request handed to the bus
    ASKED_AGAIN = "asked-again"  # the same request, no reply having come
    PERFORMED = "performed"  # handed to the system behind a node
    REPLIED = "replied"
    REPEATED = "repeated"  # a reply given before, given again
    REFUSED = "refused"  # a reply FAILED made by the node itself
    DROPPED = "dropped"  # known already, or awaited by nobody
    LAID_ASIDE = "laid-aside"  # among the dead letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One line of a message's trace.

    `came_from` and `goes_to` are names of systems; `print` is the SHA-256 of the octets carried, so
    that equal prints mean equal octets.  `about` is the request's MessageID, on its reply too.
    """

    at: datetime
    node: str
    act: Act
    about: str
    message_id: str | None
    came_from: str
    goes_to: str
    print: str
    octets: int
    why: str = ""


class Why(enum.StrEnum):
    """Why a letter is dead."""

    UNREADABLE = "unreadable"
    NO_ROUTE = "no-route"
    TIMED_OUT = "timed-out"
    NOT_AWAITED = "not-awaited"  # a reply to a request that is unknown here, or was given up
    NOT_A_REQUEST = "not-a-request"  # a reply on a queue for requests


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that did not get where it should, as it came, with the reason."""

    at: datetime
    node: str
    why: Why
    details: str
    packet: Packet
    message_id: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Perform:
    """Have the system behind this node do what a request asks.  Unless `one_way`, its reply is
    owed to the machine by `answer` under the same key, before `until`."""

    key: str
    letter: Letter
    requester: str
    until: datetime
    one_way: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The one reply to a request of ours.  `made_here` when nobody else replied in time."""

    key: str
    letter: Letter
    made_here: bool = False


@dataclass(frozen=True, slots=True)
class Followed:
    """A further message to a request that was answered: a page, or the outcome of what was
    acknowledged."""

    key: str
    letter: Letter


Effect = Send | Hop | DeadLetter | Perform | Answered | Followed
