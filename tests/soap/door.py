"""The SOAP door on a real loopback socket, for clients that want one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable

import uvicorn
from fastapi import FastAPI

from headend.config import Soap, Tls
from headend.soap.door.message_log import Note, nobody
from headend.soap.door.route import soap_router, uvicorn_options
from headend.soap.door.server import SoapServer
from headend.soap.door.trying import trying_router
from protocols.cim.example import Example

BODY_MAX_BYTES = 20_000


@contextlib.asynccontextmanager
async def open_door(
    server: SoapServer,
    tls: Tls | None = None,
    note: Note = nobody,
    tried: Callable[[], Iterable[Example]] | None = None,
) -> AsyncIterator[str]:
    """Serve on a free port; yields the base address.  With `tried`, also the page to try it."""
    app = FastAPI(openapi_url=None)
    if tried is not None:
        app.include_router(trying_router(tried))
    app.include_router(soap_router(server, body_max_bytes=BODY_MAX_BYTES, note=note))
    options = uvicorn_options(Soap(port=0, tls=tls))
    door = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", **options))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        serving = asyncio.create_task(door.serve(sockets=[listening]))
        try:
            while not door.started:
                await asyncio.sleep(0)
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            door.should_exit = True
            await serving
