"""The result queue: what the head-end puts on it, how a consumer settles it (seed 004, table 2).

Topics, below a root that the configuration names (default `ami/v1/commercial`):

`<root>/results`   head-end to consumer: `ResultMessage`, QoS 1
`<root>/messages`  head-end to consumer: a message of IEC 61968-100 in XML, QoS 1
`<root>/receipts`  consumer to head-end: `ResultReceipt`, QoS 1

A message is delivered at least once and, for one order, in sequence: the next leaves only when the
one before it is settled.  It is settled by the consumer's receipt of its `message_id`, never by the
broker's PUBACK; a consumer drops a `message_id` it has already stored and sends the receipt again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

VERSION = 1
ROOT = "ami/v1/commercial"


def results(root: str = ROOT) -> str:
    return f"{root}/results"


def cim(root: str = ROOT) -> str:
    """Of messages that are no order's results: answers to questions, readings, events."""
    return f"{root}/messages"


def receipts(root: str = ROOT) -> str:
    return f"{root}/receipts"


class UnknownMessage(ValueError):
    """The bytes are not a message of this set; the text says why and where."""


class ReasonGiven(msgspec.Struct, frozen=True):
    """Why an order did not succeed."""

    code: str  # the head-end's own code, e.g. "modem-fault"
    cim: str  # Reply.Error code, IEC 61968-9 Annex B
    text: str  # English
    details: str  # Spanish, behind a stable key: "FALLA_MODEM: ..."
    crew: bool  # field work is recommended


class DemandGiven(msgspec.Struct, frozen=True, omit_defaults=True):
    """A meter's billing periods after one was ended, as far as the meter tells."""

    resets: int | None = None  # its counter of periods
    reset_at: str | None = None  # the end of the last one, ISO 8601 by the meter's clock
    rows: int | None = None  # of its billing profile
    maximum: str | None = None  # of the present period, in `unit`
    unit: str | None = None
    maximum_at: str | None = None  # "" where there is none yet


class ValueGiven(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the meter showed when it was read back ("valor lectura")."""

    limit: str | None = None
    limit_active: str | None = None
    unit: str | None = None
    supply_on: bool | None = None
    control_state: int | None = None
    load_on: bool | None = None  # the load relay
    demand: DemandGiven | None = None


class EvidenceGiven(msgspec.Struct, frozen=True):
    """A statement that the reason rests on."""

    source: str
    at: datetime
    text: str


class ResultMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome of one order ("reply"), or something that came to light about it ("event")."""

    message_id: str
    kind: Literal["reply", "event"]
    at: datetime
    order: int
    transaction_id: str
    source: str  # the system that ordered, Header/Source
    meter: str
    action: str  # "set-limit", "disconnect", … as `Kind` of the head-end's orders names them
    ok: bool
    state: str  # final state of the order
    noun: str = "EndDeviceControls"  # of the request that the reply answers
    generic: bool = False  # the request came in the generic style
    correlation_id: str | None = None
    request_message_id: str | None = None
    amount: str | None = None
    unit: str | None = None
    reason: ReasonGiven | None = None
    value: ValueGiven | None = None
    evidence: tuple[EvidenceGiven, ...] = ()
    note: str | None = None  # events: what came to light
    v: int = VERSION


class ResultReceipt(msgspec.Struct, frozen=True):
    """The consumer has stored the message."""

    message_id: str
    v: int = VERSION


_encoder = msgspec.json.Encoder()
_result = msgspec.json.Decoder(ResultMessage)
_receipt = msgspec.json.Decoder(ResultReceipt)


def encode(message: ResultMessage | ResultReceipt) -> bytes:
    return _encoder.encode(message)


def decode_result(wire: bytes) -> ResultMessage:
    """Raises `UnknownMessage`."""
    try:
        message = _result.decode(wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownMessage(str(error)) from error
    if message.v != VERSION:
        raise UnknownMessage(f"version {message.v} is not {VERSION}")
    return message


def decode_receipt(wire: bytes) -> ResultReceipt:
    """Raises `UnknownMessage`."""
    try:
        return _receipt.decode(wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownMessage(str(error)) from error
