"""Writes result messages into the legacy database, each with exactly one effect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import OperationalError

from headend.integration.legacy import collected_tables, tables
from headend.integration.outbox import NotDelivered
from headend.ports import AlreadyStored, Outgoing, StoreUnavailable
from headend.store.engine import is_sqlite
from headend.store.migrate import Schema
from headend.store.store import open_database
from headend.store.writer import Writer
from protocols.commercial.messages import ResultMessage, decode_result

T = TypeVar("T")

SCHEMA = Schema(collected_tables.entrega.metadata, "headend.integration.legacy:versions")

_log = structlog.get_logger("legacy")
_ordenes, _resultados = tables.ordenes, tables.resultados
_KNOWN = select(_resultados.c.mensaje_id).where(_resultados.c.mensaje_id == bindparam("id"))
_UPDATE = update(_ordenes).where(_ordenes.c.numero_orden == bindparam("numero"))
_INSERT = insert(_ordenes)
_ADD = insert(_resultados)


class LegacyDatabase:
    """A `Channel` of the outbox.  Opens, and where necessary makes, its database.

    `live` as in the head-end's own store: a thread with group commit, or in place under the
    simulated clock.  A server that is away ends nobody's start, for orders do not wait for whom
    they are told; it is tried again whenever something is to be written.  Raises
    `StoreUnavailable` for what only a person can mend: a file, a URL, tables of a later program.
    """

    def __init__(self, url: str, *, live: bool) -> None:
        self._url, self._live = url, live
        self._writer: Writer | None = None
        self._opening = asyncio.Lock()
        try:
            self._writer = self._opened()
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, OperationalError) or is_sqlite(url):
                raise
            _log.warning("the legacy database is away; what it is owed waits", why=str(error))

    async def deliver(self, outgoing: Outgoing) -> bool:
        """Record an outgoing message; its commit settles it.  Raises `NotDelivered`."""
        try:
            await self.record(decode_result(outgoing.body))
        except (StoreUnavailable, AlreadyStored) as error:
            raise NotDelivered(f"legacy database: {error}") from error
        return True

    async def record(self, message: ResultMessage) -> bool:
        """Write a message down, unless it is there already; whether it was new."""
        return await self.carry_out(lambda connection: _record(connection, message))

    async def carry_out(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of this database.  Raises what it raises, and
        `StoreUnavailable`."""
        async with self._opening:
            if self._writer is None:  # only where `live`: a server was away
                self._writer = await asyncio.to_thread(self._opened)
        return await self._writer.run(work)

    async def close(self) -> None:
        """Let what waits finish, then give the connection back."""
        if self._writer is not None:
            await self._writer.close()

    def _opened(self) -> Writer:
        return open_database(self._url, SCHEMA, live=self._live)


def _record(connection: Connection, message: ResultMessage) -> bool:
    if connection.execute(_KNOWN, {"id": message.message_id}).first() is not None:
        return False  # also when a later message has changed the order's row since
    orden = tables.orden(message)
    if not connection.execute(_UPDATE, {**orden, "numero": message.order}).rowcount:
        connection.execute(_INSERT, orden)
    connection.execute(_ADD, tables.resultado(message))
    return True
