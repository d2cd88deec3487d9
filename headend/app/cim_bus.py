"""The utility's bus as a process: what its settings name, wired together on a live broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from fastapi import FastAPI

from headend import certificates
from headend.app.admitting import door_admission
from headend.app.cim_ground import Grounds, check_broker
from headend.app.http import address, open_door
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import BadConfig, Soap
from headend.config.bus import BusDoor, BusSettings, SoapSystem
from headend.integration.bus.answering import Answering
from headend.integration.bus.asking import Asking
from headend.integration.bus.dead_letters import DeadLettersInFolder, UnknownLetter
from headend.integration.bus.routing import NotSentAgain, Routing
from headend.integration.bus.soap_in import SoapToBus
from headend.integration.bus.soap_out import BusToSoap
from headend.integration.bus.traces import TracesInFolder
from headend.integration.messages_in_folder import MessagesInFolder
from headend.soap.door.message_log import Note
from headend.soap.door.route import soap_router, uvicorn_options
from headend.soap.outbound.zeep_callback import ClientTls, ZeepCallback
from protocols.cim.bus.requester import Requester
from protocols.cim.bus.responder import Responder
from protocols.cim.bus.router import NAME, Router
from protocols.cim.bus.topics import Topics

LOOK_S = 1.0  # how soon a letter is sent again that another process asked for

_log = structlog.get_logger("bus")


@dataclass(frozen=True, slots=True)
class RunningBus:
    """What runs, and where its doors are, by their names."""

    doors: dict[str, str]
    traces: TracesInFolder
    letters: DeadLettersInFolder


class _Wiring:
    """The parts of one process, opened one by one on a stack."""

    def __init__(self, settings: BusSettings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._clock = WallClock()
        self._topics = Topics(settings.root)
        self.traces = TracesInFolder(settings.traces)
        self.letters = DeadLettersInFolder(settings.dead_letters)
        self._grounds = Grounds(settings.broker, self.traces, self.letters)

    async def route(self) -> None:
        """Run the router."""
        machine = Router(self._settings, topics=self._topics)
        routing = Routing(machine, self._grounds.of(NAME))
        await routing.start()
        self._stack.push_async_callback(routing.stop)
        looking = asyncio.create_task(self._send_again(routing), name="bus again")
        self._stack.push_async_callback(_end, looking)

    async def answer_for(self, system: SoapSystem) -> None:
        """Stand on the bus for a system that knows SOAP alone."""
        tls = system.tls
        shown = (
            None if tls is None else ClientTls(tls.certificate, tls.key, tls.authority_of_servers)
        )
        callback = ZeepCallback(system.timeout_s, shown, answer_max_bytes=8 * 1024 * 1024)
        self._stack.callback(callback.close)
        machine = Responder(
            system.name, topics=self._topics, rules=self._settings, trusted=frozenset({NAME})
        )
        posting = BusToSoap(callback, system.address, system.idempotent)
        answering = Answering(machine, self._grounds.of(system.name), posting)
        await answering.start()
        self._stack.push_async_callback(answering.stop)

    async def ask_for(self, door: BusDoor) -> SoapToBus:
        """A proxy for those who ask by SOAP; its door opens when the broker is there."""
        machine = Requester(door.name, topics=self._topics)
        asking = Asking(machine, self._grounds.of(door.name))
        await asking.start()
        self._stack.push_async_callback(asking.stop)
        return SoapToBus(
            asking,
            self._clock,
            SystemChance(),
            door.timeout_s,
            destination=door.destination,
            admission=door_admission(door, door.name, self._clock),
        )

    async def connect(self) -> None:
        """Open every session: all have subscribed, so nothing that waits is missed."""
        await self._grounds.connect(self._stack)

    async def _send_again(self, routing: Routing) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for name in self.letters.asked_again():
                try:
                    routing.send_again(name)
                    _log.info("a dead letter is sent again", name=name)
                except (UnknownLetter, NotSentAgain) as error:
                    _log.warning("a dead letter is not sent again", name=name, why=str(error))


@asynccontextmanager
async def serving_bus(settings: BusSettings) -> AsyncIterator[RunningBus]:
    """The bus's parts that the settings name, for as long as the context lasts.

    Raises `BadConfig` and `UnsafeBind` before anything is opened, `ConnectionError` when the broker
    does not answer, `DoorTaken` when a port cannot be had.
    """
    _check(settings)
    async with AsyncExitStack() as stack:
        wiring = _Wiring(settings, stack)
        if settings.router:
            await wiring.route()
        for system in settings.system:
            await wiring.answer_for(system)
        proxies = [(door, await wiring.ask_for(door)) for door in settings.door]
        await wiring.connect()
        messages = MessagesInFolder(settings.messages, WallClock())
        doors = {
            door.name: await _open(door, proxy, messages.of_door(door.name), stack)
            for door, proxy in proxies
        }
        yield RunningBus(doors, wiring.traces, wiring.letters)


async def _open(door: BusDoor, proxy: SoapToBus, note: Note, stack: AsyncExitStack) -> str:
    """Open a SOAP door; its URL."""
    http = FastAPI(title="ami-bus", openapi_url=None)
    http.include_router(soap_router(proxy, body_max_bytes=door.body_max_bytes, note=note))
    port = await open_door(http, uvicorn_options(_soap(door)), door.host, door.port, stack)
    return f"{address(door.host, port, tls=door.tls is not None)}/soap"


def _soap(door: BusDoor) -> Soap:
    return Soap(host=door.host, port=door.port, tls=door.tls)


def _check(settings: BusSettings) -> None:
    """Refuse what would be open, and certificates that cannot be used."""
    now = WallClock().now()
    check_broker(settings.broker)
    if not (settings.router or settings.door or settings.system):
        raise BadConfig("nothing to run: router = true, a [[door]] or a [[system]]")
    for section, tls in (
        *((f"door.tls ({door.name})", door.tls) for door in settings.door),
        *((f"system.tls ({system.name})", system.tls) for system in settings.system),
    ):
        if tls is not None:
            certificates.check(tls, section, now)
    for door in settings.door:
        uvicorn_options(_soap(door))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
