"""Results to the commercial system by SOAP, to the address its order named.

A delivery is settled only by the consumer's own word: a Reply OK that names our MessageID or the
CorrelationID we sent.  Anything else, a fault, another document, an HTTP 200 with nothing in it, is
a try that failed and is made again under the same MessageID.

The allow-list is asked at each try, because it may have been shortened since the order came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from headend.integration.outbox import NotDelivered
from headend.ports import Outgoing
from headend.soap.door.admission import OUR_NAME
from headend.soap.door.raw_soap import SoapFault, body_of
from headend.soap.outbound.addresses import ReplyAddresses
from protocols.cim import envelope, schema, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.cim.replies import soap_envelope
from protocols.cim.results import message_of
from protocols.commercial.messages import decode_result

ANSWER_MAX_BYTES: Final = 256 * 1024  # an acknowledgement takes 2 kB
_ACKNOWLEDGEMENT_BOUNDS: Final = xml.Bounds(octets_max=ANSWER_MAX_BYTES, elements_max=2000)


class CallbackFailed(Exception):
    """Nothing usable came back from the address; the text says why, without its content."""


class NothingAnswered(CallbackFailed):
    """The address took it, and said nothing."""


class Callback(Protocol):
    """The way to a ReplyAddress."""

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        """Post a SOAP envelope whose body element is `operation`'s, and return the envelope that
        came back.  Raises `CallbackFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class SoapChannel:
    """The outbox's way to ReplyAddresses (`headend.integration.outbox.Channel`)."""

    callback: Callback
    addresses: ReplyAddresses

    async def deliver(self, outgoing: Outgoing) -> bool:
        """Make one try.  Returns True; raises `NotDelivered` for whatever is no acknowledgement."""
        address = outgoing.address
        if address is None or not self.addresses.permits(address):
            raise NotDelivered("the address is not on the allow-list")
        message = message_of(decode_result(outgoing.body), sender=OUR_NAME)
        octets = xml.serialize(soap_envelope(envelope.write(message)))
        try:
            answer = await self.callback.post(address, octets, message.root_name())
        except CallbackFailed as error:
            raise NotDelivered(str(error)) from error
        check_acknowledged(message, answer)
        return True


def check_acknowledged(sent: Message, answer: bytes) -> None:
    """Pass when an answer settles what was sent: Reply OK under our MessageID or CorrelationID.

    Raises `NotDelivered` otherwise.
    """
    try:
        body = body_of(xml.parse(answer, _ACKNOWLEDGEMENT_BOUNDS))
        schema.check(body)
        message = envelope.read(body)
    except (NotAMessage, RequestRefused, SoapFault) as error:
        raise NotDelivered(f"the answer is no acknowledgement: {error}") from error
    if message.kind is not Kind.RESPONSE or message.reply is None or message.header is None:
        raise NotDelivered(f"the answer is no reply: {message.root_name()}")
    if message.reply.result is not Result.OK:
        raise NotDelivered(f"the consumer replied {message.reply.result}")
    assert sent.header is not None
    ours = {sent.header.message_id, sent.header.correlation_id} - {None}
    named = {message.header.correlation_id, *(item.value for item in message.reply.ids)}
    if not ours & named:
        raise NotDelivered("the reply names neither our MessageID nor our CorrelationID")
