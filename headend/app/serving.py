"""The live head-end: the store on disk, a broker, the SOAP and REST doors, the port that
meters call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from headend.app import doors
from headend.app.access import keep_commands_asking
from headend.app.head_end import HeadEnd, build
from headend.app.http import DoorTaken, address, open_door
from headend.app.opcua import open_opcua
from headend.app.rest import make_first_administrator, open_rest
from headend.app.sessions import find_broker, open_session, session_at, sharing_of
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config, Tls
from headend.field.broker import Broker
from headend.field.bus import Bus
from headend.field.mqtt import Address
from headend.field.recording import RecordingBroker
from headend.ports import CarrierPortal
from headend.soap.door.route import soap_router, uvicorn_options
from headend.soap.door.trying import trying_router
from headend.soap.outbound.zeep_callback import ClientTls, ZeepCallback
from headend.store.engine import is_sqlite
from headend.store.occupancy import Duty, Occupied, occupied
from protocols.capture.recorder import Recorder
from protocols.cim import examples

__all__ = [
    "DoorTaken",
    "Occupied",
    "Running",
    "serving",
]


@dataclass(frozen=True, slots=True)
class Running:
    """A head-end that serves: where to reach it.

    `broker` is an address, or the bus where no other process can reach it.  `work` ends only with
    the error that stopped the head-end.
    """

    head_end: HeadEnd
    soap_url: str
    broker: Address | Bus
    work: asyncio.Task[None]
    meters_port: int | None = None  # where meters call
    rest_url: str | None = None  # None where no port is configured for it
    opcua_url: str | None = None  # likewise
    first_password: str | None = None  # of the administrator who was made at this first start

    @property
    def web_url(self) -> str | None:
        """Where people look; None where there are no pages."""
        if self.rest_url is None or not self.head_end.config.web.enabled:
            return None
        return self.rest_url.removesuffix("/api/v1")


@asynccontextmanager
async def serving(
    config: Config, *, portal: CarrierPortal | None = None, recorder: Recorder | None = None
) -> AsyncIterator[Running]:
    """A live head-end for as long as the context lasts.

    With a `recorder`, messages to and from concentrators are written down.

    Without a configured broker it starts a Mosquitto, and where none is installed it has a bus
    inside the process, which no concentrator outside of it can reach.

    Raises `UnsafeBind` or `BadConfig` for a door that would be open to the network without mutual
    TLS, or for certificates that cannot be used; `Occupied` when another process works on the
    database under the same name, `StoreUnavailable` when there is no database, `DoorTaken` when a
    port cannot be had, `MosquittoFailed` when an installed Mosquitto does not start, and
    `ConnectionError` when a configured broker does not answer.
    """
    clock = WallClock()
    doors.check(config, clock.now())
    async with AsyncExitStack() as stack:
        name = stack.enter_context(occupied(config.database, config.worker))
        where = await find_broker(config, stack)
        callback = ZeepCallback(config.delivery.callback_timeout_s, _client_tls(config.soap.tls))
        stack.callback(callback.close)
        session = session_at(where, f"head-end-{config.worker}", sharing_of(config))
        broker: Broker = session
        if recorder is not None:
            broker = RecordingBroker(session, recorder, clock.now)
        head_end = build(
            config,
            clock=clock,
            chance=SystemChance(),
            broker=broker,
            callback=callback,
            portal=portal,
            duty=None if config.mqtt.share is None else Duty(config.database),
            name=None if is_sqlite(config.database) else name,
        )
        stack.push_async_callback(head_end.close)
        await keep_commands_asking(head_end.store, clock, config)
        await head_end.listen()
        await stack.enter_async_context(open_session(session))
        work = asyncio.create_task(head_end.run(), name="head-end")
        stack.push_async_callback(_end, work)
        soap_url = await _open_soap(head_end, stack)
        meters_port = await _listen_for_meters(head_end, stack)
        rest_url = await open_rest(
            head_end,
            lambda: {
                "broker": session.connected,
                "work": not work.done(),
                "name": head_end.own_name.ours,
            },
            stack,
            soap_url,
        )
        opcua_url = await open_opcua(head_end, stack)
        # Told once, so made when nothing can keep us from telling it any more.
        first_password = await make_first_administrator(head_end)
        yield Running(
            head_end, soap_url, where, work, meters_port, rest_url, opcua_url, first_password
        )


def _client_tls(tls: Tls | None) -> ClientTls | None:
    """The SOAP door's certificate serves for callbacks as well."""
    return None if tls is None else ClientTls(tls.certificate, tls.key, tls.authority_of_servers)


async def _open_soap(head_end: HeadEnd, stack: AsyncExitStack) -> str:
    """Open the SOAP door; its URL."""
    soap = head_end.config.soap
    http = FastAPI(title="ami-headend", openapi_url=None)
    door = soap_router(
        head_end.ordering.soap, body_max_bytes=soap.body_max_bytes, note=head_end.messages
    )
    http.include_router(trying_router(examples.of_nouns))
    http.include_router(door)
    options = uvicorn_options(soap, head_end.refused_by_tls)
    port = await open_door(http, options, soap.host, soap.port, stack)
    return f"{address(soap.host, port, tls=soap.tls is not None)}/soap"


async def _listen_for_meters(head_end: HeadEnd, stack: AsyncExitStack) -> int | None:
    """Open the port that meters call; where it is.  Raises `DoorTaken`."""
    listening, policy = head_end.reaching.listening, head_end.config.direct
    if listening is None or policy.listen_port is None:
        return None
    stack.push_async_callback(listening.stop)
    try:
        return await listening.start(policy.listen_port)
    except OSError as error:
        where = f"{policy.listen_host}:{policy.listen_port}"
        raise DoorTaken(f"cannot listen for meters on {where}: {error.strerror}") from error


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
