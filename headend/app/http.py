"""Doors over HTTP: uvicorn on a socket of ours, inside the head-end's loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

__all__ = ["DoorTaken", "address", "open_door"]

STARTED_WITHIN_S = 15.0


class DoorTaken(RuntimeError):
    """A port cannot be had."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the loop: the head-end is more than its HTTP doors."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def open_door(
    app: ASGIApp, options: Mapping[str, Any], host: str, port: int, stack: AsyncExitStack
) -> int:
    """Serve an application until the stack is left; its port.  Raises `DoorTaken`."""
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, **options))
    door = _listen(host.strip("[]"), port)
    task = asyncio.create_task(server.serve(sockets=[door]), name="http")

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    async with asyncio.timeout(STARTED_WITHIN_S):
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
    return int(door.getsockname()[1])


def address(host: str, port: int, *, tls: bool) -> str:
    """Where a door is, as a URL."""
    host = host.strip("[]")
    place = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{place}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    """The door's socket.  uvicorn would end the process where it cannot have it.  Raises
    `DoorTaken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family)
        # Connections inherit it.  asyncio would set it, but not on sockets made like this one,
        # whose protocol is 0; an answer's body then waits 40 ms behind its head.
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return door
    except OSError as error:
        raise DoorTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error
