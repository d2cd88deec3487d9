"""Questions about messages at CIM doors, for commands."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from headend.domain.message_log import DoorMessage
from headend.ports import InboundMessage
from headend.store import schema
from headend.store.messages import DOOR_MESSAGE
from headend.store.rows import INBOUND

_m, _i = DOOR_MESSAGE.table.c, INBOUND.table.c


def logged(connection: Connection, id: str, *, limit: int = 200) -> list[DoorMessage]:
    """What came under a MessageID or CorrelationID, in the order in which it came."""
    found = (
        DOOR_MESSAGE.select()
        .where(or_(_m.message_id == id, _m.correlation_id == id))
        .order_by(_m.number)
        .limit(limit)
    )
    return [DOOR_MESSAGE.read(row) for row in connection.execute(found)]


def kept(connection: Connection, id: str) -> list[InboundMessage]:
    """The messages that took effect under a MessageID, whoever sent them, with their answers."""
    found = INBOUND.select().where(_i.message_id == id).order_by(_i.received_at)
    return [INBOUND.read(row) for row in connection.execute(found)]


def orders_of(connection: Connection, transaction_id: str) -> list[int]:
    """The numbers of the orders that a message made."""
    orders = schema.orders.c
    found = select(orders.number).where(orders.transaction_id == transaction_id)
    return [number for (number,) in connection.execute(found.order_by(orders.number))]
