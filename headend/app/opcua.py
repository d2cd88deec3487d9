"""The OPC UA door of a live head-end: its meters, for those who may read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from headend import trouble
from headend.access.guard import Guard, Refused
from headend.app.head_end import HeadEnd
from headend.app.http import DoorTaken
from headend.config import BadConfig, Config
from headend.domain.account import Permission
from headend.opcua.meters import MeterSpace
from headend.ports import Clock
from headend.store.queries import Connection
from headend.store.store import SqlStore

if TYPE_CHECKING:
    from headend.opcua.server import OpcUaServer, Security

T = TypeVar("T")

POKE_S = 5.0
"""At most, until who monitors a variable hears of a new value."""

REFERENCES = 500
"""Of a node in one answer, 50 ms: who serves others meanwhile waits for it."""

_log = structlog.get_logger("opcua")


async def open_opcua(head_end: HeadEnd, stack: AsyncExitStack) -> str | None:
    """Open the door; its URL, None where none is configured.  Raises `BadConfig` or `DoorTaken`."""
    config = head_end.config
    if config.opcua.port is None:
        return None
    clock = head_end.guard.clock
    server = served(config, head_end.store, head_end.guard, clock)
    stack.push_async_callback(server.stop)
    try:
        await server.start()
    except OSError as error:
        where = f"{config.opcua.host}:{config.opcua.port}"
        raise DoorTaken(f"cannot listen on {where}: {error.strerror}") from error
    passing = Passing(server)
    head_end.telling.numbering.numbered.append(passing.bell.set)
    task = asyncio.create_task(passing.run(), name="opcua")

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
    return server.url


def served(config: Config, store: SqlStore, guard: Guard, clock: Clock) -> OpcUaServer:
    """The server, not listening yet.  Raises `BadConfig` where it cannot be had."""
    try:
        from headend.opcua.served import Bounds
        from headend.opcua.server import OpcUaServer, Place
    except ImportError as error:  # the library is an extra
        raise BadConfig("opcua: install the package's extra `opcua`") from error
    opcua = config.opcua

    async def read(query: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(store.read, query)

    async def proves(name: str, password: str, place: str) -> str | None:
        caller = await guard.login(name, password, source=place)
        if isinstance(caller, Refused):
            return None
        refused = await guard.refuses(
            caller, Permission.READING_READ, "the OPC UA server", source=place
        )
        return None if refused is not None else caller.account

    return OpcUaServer(
        MeterSpace(read, clock),
        Place("ami-headend", opcua.host, opcua.port or 0, "meters", opcua.application),
        clock,
        bounds=Bounds(
            references=REFERENCES,
            samples=opcua.samples,
            monitored=opcua.monitored,
            sessions=opcua.sessions,
        ),
        proves=None if opcua.anonymous else proves,
        security=_security(config, clock),
    )


@dataclass(slots=True)
class Passing:
    """Passes new values on to who monitors them: when something arrived, and every now and then for
    what another worker took in."""

    server: OpcUaServer
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POKE_S):
                    await self.bell.wait()
            self.bell.clear()
            try:
                await self.server.poke()
            except Exception as error:
                trouble.note(self.errors, _log, "monitored values wait", error)


def _security(config: Config, clock: Clock) -> Security | None:
    from headend.opcua.server import Security
    from headend.opcua.trust import Trusted

    named = config.opcua.security
    if named is None:
        return None
    octets = [_read(path) for path in (named.certificate, named.key, named.trusted)]
    try:
        trusts = Trusted.read(octets[2], clock)
    except ValueError as error:
        raise BadConfig(f"opcua.security: trusted {named.trusted} holds no certificate") from error
    return Security(octets[0], octets[1], trusts)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadConfig(f"opcua.security: {path}: {error.strerror}") from error
