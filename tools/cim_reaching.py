"""Ways to whoever answers CIM messages: a SOAP address, or a queue on the bus."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NoReturn
from urllib.parse import SplitResult, urlsplit

import typer

from headend import certificates
from headend.app.cim_ground import Grounds, check_broker
from headend.clock import WallClock
from headend.config import BadConfig, Tls
from headend.config_bus import BusBroker
from headend.integration.bus.asking import Asking
from headend.integration.bus.dead_letters import DeadLettersInFolder
from headend.integration.bus.traces import TracesInMemory
from headend.soap.door.raw_soap import SoapFault, body_of
from protocols.cim import namespaces as ns
from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.requester import Requester
from protocols.cim.bus.topics import is_name
from protocols.cim.errors import NotAMessage
from protocols.cim.soap_octets import unwrap, wrap
from tools import soap_posting
from tools.terminal import failed, wrong_usage

SOURCE: Final = "AMI-CLI"
EXAMPLES: Final = "http://127.0.0.1:8091/soap/cim/SIAD, or mqtt://127.0.0.1:1883/SIAD on the bus"

At = Annotated[str, typer.Option("--at", metavar="ADDRESS", help=f"Whom to ask: {EXAMPLES}.")]
Source = Annotated[str, typer.Option("--source", help="Who asks: Header/Source.")]
TlsFolder = Annotated[
    Path | None,
    typer.Option(
        "--tls",
        metavar="FOLDER",
        help="Show a certificate: authority.pem, SOURCE.pem and SOURCE.key of this folder.",
    ),
]
Directly = Annotated[
    bool, typer.Option("--directly", help="On the bus: straight to the queue, past the router.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="On the bus: wait so many s.")]
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
    """How to get to an address, as the command was told."""

    at: str
    source: str = SOURCE
    tls: Path | None = None
    directly: bool = False
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        """Ends the command for what is no address."""
        bus = self.on_bus
        if not (bus is not None or soap_posting.is_address(self.at)):
            wrong_usage(f"--at takes an address like {EXAMPLES}, not {self.at!r}")
        if bus is not None and not is_name(self.source):
            wrong_usage(f"--source on the bus is a name of letters and digits, not {self.source!r}")
        if self.directly and not (bus is not None and bus.path.strip("/")):
            wrong_usage("--directly needs a queue: --at mqtt://HOST:PORT/SIAD")

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


@asynccontextmanager
async def reaching(way: Way) -> AsyncIterator[Ask]:
    """The way to an address, for as long as the context lasts.  Raises `ConnectionError`; ends the
    command where its certificate cannot be used."""
    parts = way.on_bus
    if parts is None:
        yield _by_soap(way.at, _context(way))
        return
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-cim-"))
        letters_kept = DeadLettersInFolder(Path(folder))
        grounds = Grounds(_broker(way, parts), TracesInMemory(), letters_kept)
        asking = Asking(Requester(way.source), grounds.of(way.source))
        await asking.start()
        stack.push_async_callback(asking.stop)
        await grounds.connect(stack)
        yield _by_queue(asking, way, parts.path.strip("/") or None)


def _by_soap(address: str, tls: ssl.SSLContext | None) -> Ask:
    async def ask(octets: bytes) -> Told:
        answer = await asyncio.to_thread(soap_posting.post, address, wrap(octets), tls)
        return taken_out(answer, address)

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


def _broker(way: Way, parts: SplitResult) -> BusBroker:
    broker = BusBroker(
        host=parts.hostname or "",
        port=parts.port or 0,
        tls=_files(way) if parts.scheme == "mqtts" else None,
    )
    try:
        check_broker(broker)
    except BadConfig as error:
        wrong_usage(f"{error}: mqtts:// with --tls FOLDER")
    return broker


def _files(way: Way) -> Tls:
    """The certificate that is shown.  Ends the command where there is none."""
    if way.tls is None:
        wrong_usage(f"{way.at} asks for a certificate", "Name its folder: --tls FOLDER")
    files = certificates.in_folder(way.tls, way.source)
    try:
        certificates.check(files, "--tls", WallClock().now())
    except BadConfig as error:
        wrong_usage(str(error))
    return files


def _context(way: Way) -> ssl.SSLContext | None:
    return None if way.tls is None else certificates.to_servers(_files(way))


def unreached(error: ConnectionError, way: Way) -> NoReturn:
    """End the command: nobody was there."""
    advice = "Start one: ami cim serve adapters.toml, or the invented utility: ami cim utility"
    if way.at.startswith(("https", "mqtts")):
        advice = "Its certificates are shown with --tls FOLDER"
    failed(str(error), advice, code="no-answer")
