"""Adapters as a process: each over its source, at a SOAP door, on the bus, or both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from headend import certificates
from headend.app.admitting import door_admission
from headend.app.cim_ground import Grounds, check_broker
from headend.app.cim_sources import source_of
from headend.app.http import address, open_door
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Soap
from headend.config.adapters import AdapterDoor as DoorSettings
from headend.config.adapters import AdapterSettings
from headend.integration.bus.answering import Answering
from headend.integration.bus.dead_letters import DeadLettersInFolder
from headend.integration.bus.traces import TracesInFolder
from headend.integration.cim.adapter import Adapter
from headend.integration.cim.door import AdapterDoor, described
from headend.integration.cim.limits import Limits
from headend.integration.messages_in_folder import MessagesInFolder
from headend.soap.door.route import soap_router, uvicorn_options
from headend.soap.door.trying import trying_router
from protocols.cim.bus.responder import Responder
from protocols.cim.bus.router import NAME as ROUTER
from protocols.cim.bus.topics import Topics
from protocols.cim.example_gets import of_adapter
from protocols.cim.profile import reading


@dataclass(frozen=True, slots=True)
class RunningAdapters:
    """Where each adapter is asked by SOAP, by name; and who answers on the bus."""

    doors: dict[str, str]
    on_bus: tuple[str, ...]


@asynccontextmanager
async def serving_adapters(settings: AdapterSettings) -> AsyncIterator[RunningAdapters]:
    """The adapters, for as long as the context lasts.

    Raises `BadConfig` and `UnsafeBind` before anything is opened, `ConnectionError` when the broker
    does not answer, `DoorTaken` when the port cannot be had.
    """
    _check(settings)
    async with AsyncExitStack() as stack:
        adapters = [
            Adapter(
                each.called,
                reading.profile(each.profile),
                await stack.enter_async_context(source_of(each)),
                WallClock(),
                SystemChance(),
                Limits(page=settings.page),
            )
            for each in settings.adapter
        ]
        on_bus = await _on_bus(settings, adapters, stack)
        doors: dict[str, str] = {}
        if settings.door is not None:
            doors = await _open(settings, settings.door, adapters, stack)
        yield RunningAdapters(doors, on_bus)


async def _on_bus(
    settings: AdapterSettings, adapters: Iterable[Adapter], stack: AsyncExitStack
) -> tuple[str, ...]:
    """Put each behind its queue; their names."""
    if settings.broker is None:
        return ()
    letters, traces = DeadLettersInFolder(settings.dead_letters), TracesInFolder(settings.traces)
    grounds = Grounds(settings.broker, traces, letters)
    topics = Topics(settings.root)
    names: list[str] = []
    for adapter in adapters:
        machine = Responder(
            adapter.name, topics=topics, rules=settings, trusted=frozenset({ROUTER})
        )
        answering = Answering(machine, grounds.of(adapter.name), adapter)
        await answering.start()
        stack.push_async_callback(answering.stop)
        names.append(adapter.name)
    await grounds.connect(stack)
    return tuple(names)


async def _open(
    settings: AdapterSettings,
    door: DoorSettings,
    adapters: Iterable[Adapter],
    stack: AsyncExitStack,
) -> dict[str, str]:
    """Open the SOAP door; each adapter's URL."""
    http = FastAPI(title="ami-adapters", openapi_url=None)
    messages = MessagesInFolder(settings.messages, WallClock())
    places: dict[str, str] = {}
    for adapter in adapters:
        offered = described(adapter.name, adapter.profile)
        http.include_router(trying_router(partial(of_adapter, adapter.profile), offered))
        http.include_router(
            soap_router(
                AdapterDoor(adapter, settings, door_admission(door, adapter.name, WallClock())),
                body_max_bytes=door.body_max_bytes,
                described=offered,
                note=messages.of_door(adapter.name),
            )
        )
        places[adapter.name] = offered.root
    port = await open_door(http, uvicorn_options(_soap(door)), door.host, door.port, stack)
    base = address(door.host, port, tls=door.tls is not None)
    return {name: base + place for name, place in places.items()}


def _soap(door: DoorSettings) -> Soap:
    return Soap(host=door.host, port=door.port, tls=door.tls)


def _check(settings: AdapterSettings) -> None:
    """Refuse what would be open, and certificates that cannot be used."""
    if settings.broker is not None:
        check_broker(settings.broker)
    if settings.door is not None:
        if settings.door.tls is not None:
            certificates.check(settings.door.tls, "door.tls", WallClock().now())
        uvicorn_options(_soap(settings.door))
