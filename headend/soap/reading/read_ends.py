"""Which orders of an answer made of reads are open, and which have ended and are not told of yet.

It stands in the answer's stream, and changes in the transaction that ends an order.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from headend.domain.order import Kind, Order
from headend.ports import OutboundStream, Transaction
from headend.soap.reading.later import stream_of

ON_DEMAND = "GetMeterReadings"
"""The noun of orders that answer a question; other reads have MeterReadings."""
READS = "reads"


class Ends(msgspec.Struct, frozen=True):
    """The cursor of such an answer: numbers of orders.  `held`: somebody still waits for all of it
    at the door, until `until`."""

    open: tuple[int, ...]
    ended: tuple[int, ...] = ()
    held: datetime | None = None

    def written(self) -> str:
        return msgspec.json.encode(self).decode()


def ends_in(stream: OutboundStream) -> Ends:
    """How far an answer is."""
    return msgspec.json.decode(stream.cursor, type=Ends)


def follow(tx: Transaction, order: Order, at: datetime) -> None:
    """Of `Settling.following`: note that an order has ended whose question is still answered."""
    if order.kind is not Kind.READ or order.noun != ON_DEMAND:
        return
    stream = tx.stream(stream_of(order.transaction_id))
    if stream is None:
        return
    known = ends_in(stream)
    rest = tuple(number for number in known.open if number != order.number)
    ended = Ends(rest, (*known.ended, order.number), known.held)
    tx.move_stream(stream.name, ended.written())
