"""CIM messages on their way to other systems: what is kept of them, and the two ways they leave.

A message is made once, in the transaction that moves what it is made from; it is sent in the same
octets until its consumer acknowledges it, as orders' results are.  One that says AckRequired false
is sent until it was handed over, and no word of the consumer's is waited for.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headend.integration.outbox import NotDelivered, Row
from headend.ports import OutboundMessage, Transaction
from headend.soap.door.raw_soap import SoapFault, body_of
from headend.soap.outbound.addresses import ReplyAddresses
from headend.soap.outbound.callback import (
    Callback,
    CallbackFailed,
    NothingAnswered,
    check_acknowledged,
)
from protocols.cim import envelope, xml
from protocols.cim.envelope import Message
from protocols.cim.errors import NotAMessage
from protocols.cim.replies import soap_envelope
from protocols.commercial import messages as commercial


def kept(message: Message, stream: str, address: str | None) -> OutboundMessage:
    """A message as it is owed: to an address, or on the queue."""
    header = message.header
    assert header is not None and header.message_id is not None and header.timestamp is not None
    return OutboundMessage(
        message_id=header.message_id,
        stream=stream,
        channel="queue" if address is None else "soap",
        created_at=header.timestamp,
        body=packed(xml.serialize(envelope.write(message))),
        address=address,
    )


def packed(octets: bytes) -> bytes:
    """As octets are kept."""
    return zlib.compress(octets, 1)


def unpacked(octets: bytes) -> bytes:
    """They again."""
    return zlib.decompress(octets)


class OfStreams:
    """`headend.integration.outbox.Rows` over these messages."""

    def due(self, tx: Transaction, now: datetime, limit: int, channel: str) -> Sequence[Row]:
        return tx.due_outbound(now, limit, channel=channel)

    def next_due(self, tx: Transaction, channel: str) -> datetime | None:
        return tx.next_outbound_due(channel=channel)

    def postpone(self, tx: Transaction, message_id: str, until: datetime) -> None:
        tx.postpone_outbound(message_id, until=until)

    def note_trouble(self, tx: Transaction, message_id: str, what: str) -> None:
        tx.note_outbound_trouble(message_id, what)

    def settle(self, tx: Transaction, message_id: str, at: datetime) -> bool:
        return tx.settle_outbound(message_id, at=at)

    def named(self, row: OutboundMessage) -> dict[str, Any]:
        return {"stream": row.stream}


@dataclass(frozen=True, slots=True)
class CimQueue:
    """A `Channel`: the topic of CIM messages.  Settled by the receipt of the message's id."""

    publish: Callable[[str, bytes], Awaitable[None]]
    root: str

    async def deliver(self, outgoing: OutboundMessage) -> bool:
        octets = unpacked(outgoing.body)
        try:
            await self.publish(commercial.cim(self.root), octets)
        except ConnectionError as error:
            raise NotDelivered(str(error)) from error
        return _one_way(envelope.read(xml.parse(octets)))


@dataclass(frozen=True, slots=True)
class CimAddress:
    """A `Channel`: by SOAP to the message's address, if it is on the allow-list still."""

    callback: Callback
    addresses: ReplyAddresses

    async def deliver(self, outgoing: OutboundMessage) -> bool:
        address = outgoing.address
        if address is None or not self.addresses.permits(address):
            raise NotDelivered("the address is not on the allow-list")
        root = xml.parse(unpacked(outgoing.body))
        message = envelope.read(root)
        octets = xml.serialize(soap_envelope(root))
        try:
            answer = await self.callback.post(address, octets, message.root_name())
        except CallbackFailed as error:
            if isinstance(error, NothingAnswered) and _one_way(message):
                return True
            raise NotDelivered(str(error)) from error
        if not _one_way(message):
            check_acknowledged(message, answer)
        elif _is_fault(answer):
            raise NotDelivered("a fault came back")
        return True


def _is_fault(answer: bytes) -> bool:
    try:
        return xml.local(body_of(xml.parse(answer))) == "Fault"
    except (NotAMessage, SoapFault):
        return False  # it was taken; nothing else is asked of who answers


def _one_way(message: Message) -> bool:
    return message.header is not None and message.header.ack_required is False
