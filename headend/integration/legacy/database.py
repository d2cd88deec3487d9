"""Writes result messages into the legacy database, each with exactly one effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update

from headend.integration.legacy import collected_tables, tables
from headend.integration.outbox import NotDelivered
from headend.ports import AlreadyStored, Outgoing, StoreUnavailable
from headend.store.migrate import Schema
from headend.store.store import open_database
from protocols.commercial.messages import ResultMessage, decode_result

T = TypeVar("T")

SCHEMA = Schema(collected_tables.entrega.metadata, "headend.integration.legacy:versions")

_ordenes, _resultados = tables.ordenes, tables.resultados
_KNOWN = select(_resultados.c.mensaje_id).where(_resultados.c.mensaje_id == bindparam("id"))
_UPDATE = update(_ordenes).where(_ordenes.c.numero_orden == bindparam("numero"))
_INSERT = insert(_ordenes)
_ADD = insert(_resultados)


class LegacyDatabase:
    """A `Channel` of the outbox.  Opens, and where necessary makes, its database.

    `live` as in the head-end's own store: a thread with group commit, or in place under the
    simulated clock.
    """

    def __init__(self, url: str, *, live: bool) -> None:
        self._writer = open_database(url, SCHEMA, live=live)

    async def deliver(self, outgoing: Outgoing) -> bool:
        """Record an outgoing message; its commit settles it.  Raises `NotDelivered`."""
        try:
            await self.record(decode_result(outgoing.body))
        except (StoreUnavailable, AlreadyStored) as error:
            raise NotDelivered(f"legacy database: {error}") from error
        return True

    async def record(self, message: ResultMessage) -> bool:
        """Write a message down, unless it is there already; whether it was new."""
        return await self._writer.run(lambda connection: _record(connection, message))

    async def carry_out(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of this database.  Raises what it raises, and
        `StoreUnavailable`."""
        return await self._writer.run(work)

    async def close(self) -> None:
        """Let what waits finish, then give the connection back."""
        await self._writer.close()


def _record(connection: Connection, message: ResultMessage) -> bool:
    if connection.execute(_KNOWN, {"id": message.message_id}).first() is not None:
        return False  # also when a later message has changed the order's row since
    orden = tables.orden(message)
    if not connection.execute(_UPDATE, {**orden, "numero": message.order}).rowcount:
        connection.execute(_INSERT, orden)
    connection.execute(_ADD, tables.resultado(message))
    return True
