"""Everything a head-end's database knows of one order, gathered for `ami explain`.

What travelled on a meter's link is what the concentrator said of it, by the concentrator's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec

from headend.domain.order import Attempt, JournalLine, Order
from headend.domain.reason import REASONS
from headend.ports import InboundMessage, Outgoing
from headend.store import queries
from protocols.commercial.messages import UnknownMessage as UnknownOutgoing
from protocols.commercial.messages import decode_result
from protocols.concentrator.messages import Frame, Result, UnknownMessage, decode_upward
from tools.capture.places import Places
from tools.dlms.apdu_text import Telling


@dataclass(frozen=True, slots=True)
class Spoken:
    """One APDU: as it travelled, as it was meant, and in words."""

    at: datetime
    direction: str
    text: str
    ciphered: bool
    repeated: bool  # the same octets went the same way before
    wire: bytes
    plain: bytes | None


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt with what travelled."""

    attempt: Attempt
    result: Result | None
    spoken: tuple[Spoken, ...]
    offsets: tuple[int | None, ...] = ()  # of each frame in the capture, where there is one

    @property
    def frames(self) -> tuple[Frame, ...]:
        return () if self.result is None else self.result.frames


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole story of one order."""

    order: Order
    inbound: InboundMessage | None
    journal: tuple[JournalLine, ...]
    tries: tuple[Tried, ...]
    outgoing: tuple[Outgoing, ...]


def gather(
    connection: queries.Connection, number: int, places: Places | None = None
) -> Explanation | None:
    """All of one order, or None where there is no such order; `places` of a capture of the run."""
    order = queries.order(connection, number)
    if order is None:
        return None
    return Explanation(
        order,
        queries.inbound_of(connection, order.transaction_id),
        tuple(queries.journal(connection, number)),
        tuple(
            _tried(attempt, order.meter, places) for attempt in queries.attempts(connection, number)
        ),
        tuple(queries.outgoing_of(connection, number)),
    )


def _tried(attempt: Attempt, meter: str, places: Places | None) -> Tried:
    result = None
    if attempt.exchanges is not None:
        try:
            message = decode_upward(attempt.exchanges)
        except UnknownMessage:  # of a later version; the octets stay in the database
            message = None
        result = message if isinstance(message, Result) else None
    if result is None:
        return Tried(attempt, None, ())
    found = {} if places is None else places.find(meter, result.frames)
    offsets = tuple(found.get(frame) for frame in result.frames) if found else ()
    return Tried(attempt, result, _spoken(result), offsets)


def _spoken(result: Result) -> tuple[Spoken, ...]:
    telling = Telling()
    before: set[tuple[str, bytes]] = set()
    found = []
    for apdu in result.apdus:
        found.append(
            Spoken(
                apdu.at,
                apdu.direction,
                telling.octets(apdu.wire if apdu.plain is None else apdu.plain),
                ciphered=apdu.plain is not None and apdu.plain != apdu.wire,
                repeated=(apdu.direction, apdu.wire) in before,
                wire=apdu.wire,
                plain=apdu.plain,
            )
        )
        before.add((apdu.direction, apdu.wire))
    return tuple(found)


# --- as JSON -------------------------------------------------------------------------------------


def as_json(told: Explanation) -> dict[str, Any]:
    """The explanation as plain values: octets in hexadecimal, times in ISO 8601."""
    order = told.order
    return {
        "order": _plain(order),
        "reason": None if order.reason is None else _plain(REASONS[order.reason]),
        "message": None if told.inbound is None else message_as_json(told.inbound),
        "journal": [_plain(line) for line in told.journal],
        "attempts": [_attempt(tried) for tried in told.tries],
        "evidence": [_plain(item) for item in order.evidence],
        "outgoing": [outgoing_as_json(message) for message in told.outgoing],
    }


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def message_as_json(message: InboundMessage) -> dict[str, Any]:
    """A message that came in, with its first answer."""
    return {
        "source": message.source,
        "message_id": message.message_id,
        "received_at": _plain(message.received_at),
        "request": message.request.decode(errors="replace"),
        "answer": None if message.answer is None else message.answer.decode(errors="replace"),
    }


def _attempt(tried: Tried) -> dict[str, Any]:
    attempt, result = tried.attempt, tried.result
    return {
        "attempt": attempt.number,
        "started_at": _plain(attempt.started_at),
        "ended_at": _plain(attempt.ended_at),
        "verification": attempt.verification,
        "result": attempt.result,
        "engine": attempt.engine,
        "status": None if result is None else result.status,
        "acted": None if result is None else result.acted,
        "refusal": None if result is None else _plain(result.refusal),
        "before": None if result is None else _plain(result.before),
        "limit": None if result is None else _plain(result.limit),
        "supply": None if result is None else _plain(result.supply),
        "link": None if result is None else _plain(result.link),
        "apdus": [
            {
                "at": _plain(each.at),
                "direction": each.direction,
                "text": each.text,
                "ciphered": each.ciphered,
                "repeated": each.repeated,
                "wire": each.wire.hex().upper(),
                "plain": None if each.plain is None else each.plain.hex().upper(),
            }
            for each in tried.spoken
        ],
        "frames": [
            _plain(frame) | ({} if offset is None else {"capture_offset": offset})
            for frame, offset in zip_longest(tried.frames, tried.offsets)
        ],
    }


def outgoing_as_json(message: Outgoing) -> dict[str, Any]:
    """What was sent to the commercial side."""
    try:
        body = _plain(decode_result(message.body))
    except UnknownOutgoing:
        body = None
    return {
        "message_id": message.message_id,
        "channel": message.channel,
        "kind": message.kind,
        "address": message.address,
        "created_at": _plain(message.created_at),
        "tries": message.tries,
        "settled_at": _plain(message.settled_at),
        "trouble": message.trouble,
        "body": body,
    }
