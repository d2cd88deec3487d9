"""The data layer that an adapter's settings name, opened for as long as a context lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from headend.app.password_files import password_in
from headend.config import database_url
from headend.config.adapters import Adapting
from headend.config.sources import HeadEndSource, OpcUaSource, SqlSource
from headend.integration.cim.ami import AmiLayer, Reads
from headend.integration.cim.layer import DataLayer
from headend.integration.cim.mapping import mapping_of
from headend.integration.cim.opcua_mapping import address_mapping_of
from headend.integration.cim.sql import SqlLayer
from headend.ports import StoreUnavailable
from headend.store.engine import READERS_MAX
from headend.store.queries import Connection
from headend.store.store import Reader

T = TypeVar("T")


@asynccontextmanager
async def source_of(adapter: Adapting) -> AsyncIterator[DataLayer]:
    """The layer of an adapter.  A system that is away is found away when it is asked.  Raises
    `BadConfig` for files that cannot be used."""
    match adapter.source:
        case SqlSource():
            database = SqlLayer(database_url(adapter.source.database), mapping_of(adapter.profile))
            try:
                yield database
            finally:
                database.close()
        case HeadEndSource() as source:
            async with _readers(database_url(source.database)) as read:
                yield AmiLayer(read, source.system)
        case OpcUaSource() as source:
            # asyncua takes half a second to import, which a process of databases need not wait for.
            from headend.integration.cim.opcua import OpcUaLayer
            from headend.integration.cim.opcua_connection import Server

            server = Server(
                source.url,
                source.user,
                password_in(source.password_file, "adapter.source"),
                source.certificate,
                source.key,
                source.server_certificate,
            )
            layer = OpcUaLayer(server, address_mapping_of(adapter.profile))
            try:
                yield layer
            finally:
                await layer.close()


@asynccontextmanager
async def _readers(url: str) -> AsyncIterator[Reads]:
    """Readers beside a head-end, in threads of their own.  One that is away is found away when it
    is asked, and again found when it is back."""
    threads = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="cim-head-end")
    reader: Reader | None = None

    def look(query: Callable[[Connection], T]) -> T:
        nonlocal reader
        try:
            reader = reader or Reader(url)
            return reader.read(query)
        except FileNotFoundError as error:
            raise StoreUnavailable(f"no database at {error.filename or url}") from error

    async def read(query: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, look, query)

    try:
        yield read
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        if reader is not None:
            reader.close()
