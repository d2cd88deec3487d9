"""The SOAP server: octets in, octets out, and an awaited desk in between.

It knows no HTTP: `handle` takes a body and gives a status, headers and a body, so that the same
code serves a socket and the simulated clock, without threads in either.  Spyne hosts one
Application for each target namespace; the operation is found by the body's element, and the
soapAction, which clients fill with the endpoint's address or leave empty, is not looked at.

What could not be read at all, or has no operation here, is answered by a SOAP fault; what was read
and is refused, by a Reply FAILED.  Neither ever shows a stack trace.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from headend.ports import Chance, Clock
from headend.soap.desks import Call, Desk, Desks
from headend.soap.door.admission import OUR_NAME, Admission, Caller
from headend.soap.door.hosts import host_of
from headend.soap.door.raw_soap import SoapFault, body_of, write_fault
from headend.soap.door.told import Told, faulted, faulted_with, replied
from protocols.cim import compression, envelope, extensions, replies, schema, xml
from protocols.cim.codes import Result
from protocols.cim.digest import digest
from protocols.cim.envelope import Header, Message
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.xml import Bounds, Element

log = logging.getLogger(__name__)

ACKNOWLEDGED: Final = "0.3"  # IEC 61968-9 Annex B: simple acknowledgment
XML: Final = {"Content-Type": "text/xml; charset=utf-8"}
BROKEN: Final = ReplyError(
    "5.3",
    "ERROR_INTERNO: no se sabe si el mensaje tuvo efecto; repita el mensaje con el mismo MessageID",
)


@dataclass(frozen=True, slots=True)
class SoapAnswer:
    """What goes back to the client, and what the log of messages is told of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    told: Told | None = None


@dataclass(slots=True)
class SoapServer:
    """Takes SOAP requests.

    `desks` answer the verbs and nouns they are known by, `sets` what carries an OperationSet,
    `orders` everything else.  Without an `admission` everybody is let in, and no ReplyAddress is
    permitted.
    """

    orders: Desk
    clock: Clock
    chance: Chance
    admission: Admission | None = None
    desks: Desks = field(default_factory=dict)
    sets: Desk | None = None
    bounds: Bounds = xml.BOUNDS
    _admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self._admission = self.admission or Admission(clock=self.clock)

    async def handle(
        self,
        body: bytes,
        *,
        soap_action: str = "",
        client_source: str | None = None,
        client_address: str = "",
    ) -> SoapAnswer:
        """Answer one POST.

        `client_source` is the name on the client's certificate: None without mutual TLS, "" for a
        certificate without a name, which is refused.
        """
        caller = Caller(certificate=client_source, address=client_address)
        try:
            root = xml.parse(body, self.bounds)
            element = body_of(root, self._admission.understood)
        except NotAMessage as refused:
            status = 400 if not body.strip() else 413 if refused.error.code == "3.1" else 500
            return fault_answer(status, SoapFault("Client", refused.error))
        except SoapFault as fault:
            return fault_answer(500, fault)
        heard: list[Told] = []
        host = host_of(xml.namespace(element))
        one_way = False

        async def answer(_: Element) -> Element:
            nonlocal one_way
            answered = await self._answer(root, caller, body, heard)
            one_way = not wanted(element, answered)
            return answered

        octets, failed = await host.call(root, answer)
        told = heard[0] if heard else faulted_with(octets, element)
        if one_way and not failed:
            return SoapAnswer(202, {}, b"", told)
        return SoapAnswer(500 if failed else 200, XML, octets, told)

    async def _answer(
        self, root: Element, caller: Caller, octets: bytes, heard: list[Told]
    ) -> Element:
        """The answering message to a request.  Raises `SoapFault` when something broke here."""
        body = body_of(root, self._admission.understood)
        header, user = envelope.glimpse(body), None
        try:
            caller = replace(caller, token=self._admission.token_of(root))
            user = None if caller.token is None else caller.token.name
            call = await self._call(body, caller, octets)
            header = call.message.header or header
            answer = etree.fromstring(await self._desk(call.message).answer(call))
        except RequestRefused as refused:
            answer = self._refusal(body, refused)
        except Exception as error:
            log.exception("a message could not be taken")
            heard.append(faulted(BROKEN, header, user))
            raise SoapFault("Server", BROKEN) from error
        heard.append(replied(header, answer, user))
        return answer

    async def _call(self, body: Element, caller: Caller, octets: bytes) -> Call:
        """The message, judged by its schema, and whose it is.  Raises `RequestRefused`."""
        fingerprint = digest(body)
        set_aside = extensions.set_aside(body)
        schema.check(body)
        message = envelope.read(body)
        header = await self._admission.admit(message, fingerprint, caller)
        message = compression.opened(replace(message, header=header), self.bounds)
        return Call(message=message, digest=fingerprint, octets=octets, set_aside=set_aside)

    def _desk(self, message: Message) -> Desk:
        header, payload = message.header, message.payload
        if header is None:
            return self.orders
        if payload is not None and payload.operations is not None and self.sets is not None:
            return self.sets
        return self.desks.get((header.verb, header.noun), self.orders)

    def _refusal(self, body: Element, refused: RequestRefused) -> Element:
        """Reply FAILED in the style of the question, whatever of it could be read."""
        _, noun = envelope.identify(body)
        header: Header = envelope.glimpse(body)
        stamp = replies.Stamp(
            source=OUR_NAME,
            message_id=self.chance.uuid(),
            at=self.clock.now(),
            correlation_id=header.correlation_id or header.message_id or self.chance.uuid(),
        )
        return envelope.write(
            replies.reply(
                noun or header.noun,
                stamp,
                Result.FAILED,
                refused.errors,
                typed=noun is not None,
            )
        )


def wanted(question: Element, answered: Element) -> bool:
    """Whether an answer is sent at all.  With AckRequired false a mere acknowledgement (0.3) is
    not; what was refused, partly refused, or carried out already is told nevertheless."""
    if envelope.glimpse(question).ack_required is not False:
        return True
    reply = envelope.read(answered).reply
    return reply is None or [error.code for error in reply.errors] != [ACKNOWLEDGED]


def fault_answer(status: int, fault: SoapFault) -> SoapAnswer:
    """A fault that no Spyne application was needed for."""
    return SoapAnswer(status, XML, xml.serialize(write_fault(fault)), faulted(fault.error))
