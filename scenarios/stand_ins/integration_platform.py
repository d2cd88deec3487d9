"""A stand-in of the integration platform ("Plataforma de Integración", seed 004).

Inwards it passes the commercial system's SOAP on as it is.  Outwards it reads the result queue,
writes each result as CIM XML, hands it to the commercial system, and sends the head-end a receipt
only when the commercial system has acknowledged; without one the head-end sends again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protocols.cim import envelope, xml
from protocols.cim.results import message_of
from protocols.commercial import messages
from scenarios.stand_ins.commercial import CommercialSystem

NAME = "INTEGRACION"


@dataclass(slots=True)
class IntegrationPlatform:
    """Between queue and commercial system.  `publish` raises `ConnectionError` without a broker."""

    commercial: CommercialSystem
    publish: Callable[[str, bytes], Awaitable[None]]
    root: str = messages.ROOT

    @property
    def topic(self) -> str:
        """What to subscribe `hear` to."""
        return messages.results(self.root)

    async def hear(self, topic: str, payload: bytes) -> None:
        """Take one message from the result queue."""
        result = messages.decode_result(payload)
        octets = xml.serialize(envelope.write(message_of(result, sender=NAME)))
        try:
            self.commercial.receive(octets)
            receipt = messages.encode(messages.ResultReceipt(result.message_id))
            await self.publish(messages.receipts(self.root), receipt)
        except ConnectionError:
            return  # no receipt: the head-end sends it again
