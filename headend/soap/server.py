"""The SOAP server: octets in, octets out, and an awaited order desk in between.

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
from dataclasses import dataclass, replace
from typing import Final, Protocol

from lxml import etree

from headend.ports import Chance, Clock
from headend.soap.addresses import ReplyAddresses
from headend.soap.hosts import host_of
from headend.soap.raw_soap import SoapFault, body_of, write_fault
from protocols.cim import control_request, digest, envelope, replies, schema, xml
from protocols.cim.codes import Result
from protocols.cim.control_request import ControlRequest
from protocols.cim.control_types import STANDARD, Vocabulary
from protocols.cim.envelope import Header
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.xml import Bounds, Element

log = logging.getLogger(__name__)

OUR_NAME: Final = "HES"  # Header/Source of what we send
XML: Final = {"Content-Type": "text/xml; charset=utf-8"}


class Desk(Protocol):
    """Where requests go once they are understood."""

    async def submit(self, request: ControlRequest, digest: str, octets: bytes) -> bytes:
        """The answering message, serialized; `octets` are the request's as they came, envelope and
        all.  Returns only after what it acknowledges is safe on
        disk.  Raises `RequestRefused` where the request is refused as a whole."""
        ...


@dataclass(frozen=True, slots=True)
class SoapAnswer:
    """What goes back to the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class SoapServer:
    """Takes SOAP requests for orders.

    `reply_addresses` lists where results may be sent; `sources`, unless empty, who of those with a
    certificate may order: an authority may sign others besides.  `vocabulary` adds a utility's own
    control types to the standard's.
    """

    desk: Desk
    clock: Clock
    chance: Chance
    reply_addresses: ReplyAddresses = ReplyAddresses()
    sources: frozenset[str] = frozenset()
    vocabulary: Vocabulary = STANDARD
    bounds: Bounds = xml.BOUNDS

    async def handle(
        self, body: bytes, *, soap_action: str = "", client_source: str | None = None
    ) -> SoapAnswer:
        """Answer one POST.

        `client_source` is the name on the client's certificate: None without mutual TLS, "" for a
        certificate without a name, which is refused.
        """
        try:
            root = xml.parse(body, self.bounds)
            host = host_of(xml.namespace(body_of(root)))
        except NotAMessage as refused:
            status = 400 if not body.strip() else 413 if refused.error.code == "3.1" else 500
            return fault_answer(status, SoapFault("Client", refused.error))
        except SoapFault as fault:
            return fault_answer(500, fault)
        octets, failed = await host.call(
            root, lambda element: self._answer(element, client_source, body)
        )
        return SoapAnswer(500 if failed else 200, XML, octets)

    async def _answer(self, body: Element, caller: str | None, octets: bytes) -> Element:
        """The answering message to a request.  Raises `SoapFault` when something broke here."""
        try:
            schema.check(body)
            message = envelope.read(body)
            request = control_request.read(message, self.vocabulary, now=self.clock.now())
            request = self._identified(request, caller)
            self._check_reply_address(request)
            answer = await self.desk.submit(request, digest.digest(body), octets)
            return etree.fromstring(answer)
        except RequestRefused as refused:
            return self._refusal(body, refused)
        except Exception as error:
            log.exception("an order message could not be taken")
            raise SoapFault(
                "Server",
                ReplyError(
                    "5.3",
                    "ERROR_INTERNO: no se sabe si la orden quedó guardada;"
                    " repita el mensaje con el mismo MessageID",
                ),
            ) from error

    def _identified(self, request: ControlRequest, caller: str | None) -> ControlRequest:
        """The request under its certified source, where there is a certificate."""
        if caller is None:
            return request
        if not caller:
            raise RequestRefused(ReplyError("7.4", "CERTIFICADO_SIN_NOMBRE: falta commonName"))
        if self.sources and caller not in self.sources:
            raise RequestRefused(
                ReplyError("7.5", "CERTIFICADO_NO_ADMITIDO: su titular no puede dar órdenes")
            )
        if request.source == caller:
            return request
        if request.source is None:
            return replace(request, source=caller)
        raise RequestRefused(
            ReplyError(
                "7.5", "ORIGEN_NO_AUTORIZADO: Source no es el del certificado", xpath="Source"
            )
        )

    def _check_reply_address(self, request: ControlRequest) -> None:
        address = request.reply_address
        if address is not None and not self.reply_addresses.permits(address):
            raise RequestRefused(
                ReplyError(
                    "7.7",
                    "DIRECCION_NO_AUTORIZADA: ReplyAddress no está en la lista permitida",
                    xpath="ReplyAddress",
                )
            )

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


def fault_answer(status: int, fault: SoapFault) -> SoapAnswer:
    """A fault that no Spyne application was needed for."""
    return SoapAnswer(status, XML, xml.serialize(write_fault(fault)))
