"""A system that knows SOAP alone, reached by the bus: its proxy is its place on the bus.

A request in, SOAP out, the answer back; the message's octets are those of the SOAP body both ways.
A SOAP fault becomes Reply FAILED with the error that the fault carries, or 5.3 with its text.

A request is posted once: whether the system did it is not known where no answer came (5.3
`SISTEMA_SIN_RESPUESTA`).  To one that knows a MessageID again (`idempotent`), as this head-end's
own order desk does, it is posted again a few times.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from headend.soap.door.raw_soap import SoapFault, body_of
from headend.soap.outbound.callback import Callback, CallbackFailed
from protocols.cim import envelope, xml
from protocols.cim import namespaces as ns
from protocols.cim.bus.letter import Letter
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.soap_octets import unwrap, wrap
from protocols.cim.xml import Bounds, Element

TRIES: Final = 3  # of what may safely come twice
REST_S: Final = 1.0  # between them

_FAULT: Final = f"{{{ns.SOAP_11}}}Fault"


@dataclass(frozen=True, slots=True)
class BusToSoap:
    """The system at an address (`headend.integration.bus.answering.System`)."""

    callback: Callback
    address: str
    idempotent: bool = False
    bounds: Bounds = xml.BOUNDS

    async def __call__(self, asked: Letter, requester: str) -> bytes:
        """The reply's octets.  Raises `RequestRefused`."""
        answer = await self._post(asked)
        try:
            body = body_of(xml.parse(answer, self.bounds))
        except (NotAMessage, SoapFault) as error:
            details = f"RESPUESTA_ILEGIBLE: {error.error.details}"
            raise RequestRefused(ReplyError("5.3", details)) from error
        if body.tag == _FAULT:
            raise RequestRefused(_error_in(body))
        return unwrap(answer, body)

    async def _post(self, asked: Letter) -> bytes:
        octets = wrap(asked.octets)
        tries = TRIES if self.idempotent and asked.message_id else 1
        for remaining in reversed(range(tries)):
            try:
                return await self.callback.post(self.address, octets, asked.name)
            except CallbackFailed as error:
                if not remaining:
                    text = xml.clean(str(error), 200)
                    details = f"SISTEMA_SIN_RESPUESTA: {text}; no se sabe si ejecutó la petición"
                    raise RequestRefused(ReplyError("5.3", details)) from error
            await asyncio.sleep(REST_S)
        raise AssertionError("a request is posted at least once")


def _error_in(fault: Element) -> ReplyError:
    """The first error of the FaultMessage in a fault's detail; else the fault's own text."""
    for detail in fault.iterfind("detail/*"):
        try:
            reply = envelope.read(detail).reply
        except (NotAMessage, RequestRefused, ValueError):
            continue
        if reply is not None and reply.errors:
            return reply.errors[0]
    text = xml.clean((fault.findtext("faultstring") or "").strip(), 300)
    return ReplyError("5.3", f"FALLA_SOAP: {text}")
