"""What the store keeps that no capability owns, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A commercial message as first received; (`source`, `message_id`) is its idempotency key,
    where it has a `message_id`.

    `digest` is of the body without its time stamp, `request` the octets as they came (the SOAP
    envelope); `answer` those of the first answer.
    """

    source: str
    message_id: str | None
    digest: str
    received_at: datetime
    transaction_id: str
    request: bytes
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message owed to the commercial side on one channel, at least once.

    Rows of one (`order`, `channel`) leave in the order of `sequence`, each only after the one
    before it is settled by the consumer's own acknowledgement of `message_id`.
    """

    message_id: str
    order: int
    channel: str  # "queue", "soap" or "legacy"
    kind: str  # "reply" or "event"
    created_at: datetime
    body: bytes  # a `protocols.commercial.messages.ResultMessage`, encoded
    sequence: int = 0  # given by the store
    address: str | None = None  # "soap": where to
    tries: int = 0
    not_before: datetime | None = None
    settled_at: datetime | None = None
    trouble: str | None = None  # why the last try came to nothing, where that is known


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A CIM message owed to another system, at least once; gone when it is settled.

    Messages of one `stream` leave one after the other, each only after the one before it is settled
    by the consumer's own acknowledgement of `message_id`.  `body` is the message's element,
    deflated.
    """

    message_id: str
    stream: str
    channel: str  # "queue" or "soap"
    created_at: datetime
    body: bytes
    address: str | None = None  # "soap": where to
    tries: int = 0
    due_at: datetime | None = None  # None behind another of its stream
    trouble: str | None = None  # why the last try came to nothing


@dataclass(frozen=True, slots=True)
class OutboundStream:
    """What messages are made from, one after the other: an answer in pages, or what is told as it
    comes.  `cursor` says how far it has come; it moves in the transaction that posts the messages.

    `request` is the question's element as it came, empty where nobody asked.
    """

    name: str
    kind: str  # "pages", "reads" or "subscriber"
    cursor: str
    made_at: datetime
    request: bytes = b""
    address: str | None = None


class StoreUnavailable(RuntimeError):
    """The database would not begin, write or commit; nothing of the transaction was kept."""


class AlreadyStored(RuntimeError):
    """Something with this key is stored already, perhaps by a worker that was faster."""


class Unreadable(RuntimeError):
    """What is stored of an order is no order to this program, perhaps to a later one."""

    def __init__(self, number: int, why: Exception) -> None:
        super().__init__(f"order {number} cannot be read: {why}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Standing:
    """Of an order whose step broke, what its end takes, as it is stored: texts are not decoded, so
    that reading them cannot break.  `out_of_time`: its deadline has passed or, of one that has
    ended, the time in which its effect is looked for."""

    number: int
    transaction_id: str
    source: str
    meter: str
    kind: str
    noun: str
    message_id: str | None
    correlation_id: str | None
    reply_address: str | None
    amount: str | None
    unit: str | None
    generic: bool
    unfinished: bool
    bounded: bool  # a limit that is to end at a time
    commanded: int
    breakages: int  # before this one
    out_of_time: bool
