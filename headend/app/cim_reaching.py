"""Ways to whoever answers CIM messages: a SOAP address, or a queue on the bus."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from headend import certificates
from headend.app.cim_ground import Grounds, check_broker
from headend.config import Tls
from headend.config.bus import BusBroker
from headend.integration.bus.asking import Asking
from headend.integration.bus.dead_letters import DeadLettersInFolder
from headend.integration.bus.traces import TracesInMemory
from headend.soap.door.raw_soap import SoapFault, body_of
from headend.soap.outbound import posting
from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.requester import Requester
from protocols.cim.bus.topics import is_name
from protocols.cim.errors import NotAMessage
from protocols.cim.soap_octets import unwrap, wrap

TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came back: a message, which is a FaultMessage where `fault` has a SOAP fault's text."""

    octets: bytes
    fault: str | None = None


Ask = Callable[[bytes], Awaitable[Told]]
"""Takes a message's octets.  Raises `ConnectionError`."""


class NoAnswer(ConnectionError):
    """Something came back, but no message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to get to an address: `source` is who asks; `tls` our certificate, where one is shown."""

    at: str
    source: str
    tls: Tls | None = None
    directly: bool = False
    timeout_s: float = TIMEOUT_S

    @property
    def usable(self) -> bool:
        """Whether it is an address at all."""
        return self.on_bus is not None or posting.is_address(self.at)

    @property
    def on_bus(self) -> SplitResult | None:
        """The parts of a broker's address; None for a SOAP door's."""
        try:
            parts = urlsplit(self.at)
            usable = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return None
        name = parts.path.strip("/")
        return parts if usable and (not name or is_name(name)) else None

    @property
    def broker(self) -> BusBroker | None:
        """The broker on the bus; None for a SOAP door."""
        parts = self.on_bus
        if parts is None:
            return None
        tls = self.tls if parts.scheme == "mqtts" else None
        return BusBroker(host=parts.hostname or "", port=parts.port or 0, tls=tls)


@asynccontextmanager
async def reaching(way: Way) -> AsyncIterator[Ask]:
    """The way to an address, for as long as the context lasts.  Raises `ConnectionError`, and
    `BadConfig` for a broker that would be spoken with in the open."""
    parts, broker = way.on_bus, way.broker
    if parts is None or broker is None:
        tls = None if way.tls is None else certificates.to_servers(way.tls)
        yield _by_soap(way, tls)
        return
    check_broker(broker)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-cim-"))
        letters_kept = DeadLettersInFolder(Path(folder))
        grounds = Grounds(broker, TracesInMemory(), letters_kept)
        asking = Asking(Requester(way.source), grounds.of(way.source))
        await asking.start()
        stack.push_async_callback(asking.stop)
        await grounds.connect(stack)
        yield _by_queue(asking, way, parts.path.strip("/") or None)


def _by_soap(way: Way, tls: ssl.SSLContext | None) -> Ask:
    async def ask(octets: bytes) -> Told:
        answer = await asyncio.to_thread(posting.post, way.at, wrap(octets), tls, way.timeout_s)
        return taken_out(answer, way.at)

    return ask


def taken_out(answer: bytes, address: str) -> Told:
    """The message in a SOAP answer.  Raises `NoAnswer` for what has none."""
    try:
        body = body_of(xml.parse(answer))
    except (NotAMessage, SoapFault) as error:
        raise NoAnswer(f"what answers at {address} speaks no SOAP of ours: {error}") from error
    if body.tag != f"{{{ns.SOAP_11}}}Fault":
        return Told(unwrap(answer, body))
    text = (body.findtext("faultstring") or "").strip()
    detail = body.find("detail")
    if detail is None or not len(detail):
        raise NoAnswer(f"{address} answered a SOAP fault: {text}")
    return Told(xml.serialize(detail[0]), text)


def _by_queue(asking: Asking, way: Way, destination: str | None) -> Ask:
    async def ask(octets: bytes) -> Told:
        letter = letters.read(octets)
        answer = await asking.ask(
            f"{way.source}/{letter.message_id or letter.print}",
            letter,
            timeout_s=way.timeout_s,
            destination=destination,
            directly=way.directly,
        )
        return Told(answer.octets)

    return ask
