"""A data layer over a database, read only.

Statements are made of the mapping's names, which are in this program, and of bound values; no text
of a request becomes SQL.  Each page is a transaction of its own that cannot write: nothing stays
open in the system between two pages, and a page begins behind the key of the last.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, exc, text

from headend.integration.cim.layer import (
    BadPosition,
    Flaw,
    Page,
    Selection,
    SourceTooSlow,
    SourceUnavailable,
)
from headend.integration.cim.mapping import Mapping, TableOf
from headend.integration.cim.sql_statements import Statements, column_names
from headend.integration.cim.sql_values import Unfit, from_cell, key_text
from headend.ports import StoreUnavailable
from headend.store.engine import READERS_MAX, is_sqlite, open_reader, opened
from protocols.cim.profile.instance import Instance, Position
from protocols.cim.profile.lexical import NotAValue, Value
from protocols.cim.profile.model import CimClass

T = TypeVar("T")

THREADS = READERS_MAX
"""Of a layer's own: a system that hangs takes no thread from the rest of the program."""
STATEMENT_S = 25  # PostgreSQL ends what takes longer, before the one who asked gives up
_CANCELLED = "57014"  # SQLSTATE query_canceled


class SqlLayer:
    """A `DataLayer`.  The database is opened when it is first asked, and again after it was away.

    `live` reads in a thread; without it, as under the simulated clock, in place.
    """

    def __init__(self, url: str, mapping: Mapping, *, live: bool = True) -> None:
        self._url, self._mapping, self._live = url, mapping, live
        self._statements = Statements(mapping, sqlite=is_sqlite(url))
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="cim-source")

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        """At most `limit` instances behind a position."""
        return await self._read(lambda connection: self._page(connection, selection, after, limit))

    async def known(self, cls: CimClass, ids: Collection[str]) -> frozenset[str]:
        """Which of these keys are those of instances of a class or its subclasses."""
        statements = [self._statements.known(table, ids) for table in self._mapping.tables(cls)]

        def look(connection: Connection) -> frozenset[str]:
            return frozenset(
                str(row[0]) for statement in statements for row in connection.execute(statement)
            )

        return await self._read(look)

    def close(self) -> None:
        """Give all connections back; what is being read ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    async def _read(self, work: Callable[[Connection], T]) -> T:
        if self._live:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._in_transaction, work)
        return self._in_transaction(work)

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._opened().connect() as connection, connection.begin():
                if not self._statements.sqlite:
                    connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_S}s'"))
                return work(connection)
        except exc.TimeoutError as error:  # all connections are busy
            raise SourceTooSlow(str(error)) from error
        except exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _CANCELLED:
                raise SourceTooSlow(str(error)) from error
            raise SourceUnavailable(str(error)) from error
        except (OSError, StoreUnavailable) as error:
            raise SourceUnavailable(str(error)) from error

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._engine = opened(open_reader, self._url)
            return self._engine

    def _page(
        self, connection: Connection, selection: Selection, after: Position | None, limit: int
    ) -> Page:
        instances: list[Instance] = []
        flaws: list[Flaw] = []
        last: Position | None = None
        left = limit
        for table in self._mapping.tables(selection.target):
            if after is not None and table.cls.name < after[0]:
                continue
            behind = after[1:] if after is not None and table.cls.name == after[0] else None
            try:
                statement = self._statements.page(table, selection, behind, left + 1)
            except NotAValue as error:
                raise BadPosition(str(error)) from error
            if statement is None:
                continue
            rows = connection.execute(statement).all()
            for row in rows[:left]:
                self._take(table, row, instances, flaws)
                last = self._position(table, row)
            if len(rows) > left:
                # Where nothing was taken of this table, the page ends with the one before it.
                return Page((*instances,), last, (*flaws,))
            left -= len(rows)
        return Page((*instances,), None, (*flaws,))

    def _position(self, table: TableOf, row: Row[Any]) -> Position:
        names = column_names(table)
        return (
            table.cls.name,
            *(key_text(row[names.index(name)]) for name in self._mapping.profile.key(table.cls)),
        )

    def _take(
        self, table: TableOf, row: Row[Any], instances: list[Instance], flaws: list[Flaw]
    ) -> None:
        profile = self._mapping.profile
        attributes, associations = profile.attributes(table.cls), profile.references(table.cls)
        values: dict[str, Value] = {}
        references: dict[str, str] = {}
        wrong: dict[str, bool] = {}  # the member, and whether it is required
        for name, cell in zip(column_names(table), row, strict=True):
            attribute = attributes.get(name)
            required = attribute.required if attribute else associations[name].required
            if cell is None:
                if required:
                    wrong[name] = True
            elif attribute is None:
                references[name] = str(cell)
            else:
                try:
                    values[name] = from_cell(attribute, table.values.get(name, {}), cell)
                except Unfit:
                    wrong[name] = required
        left_out = any(wrong.values())
        key = "/".join(self._position(table, row)[1:])
        flaws += (Flaw(table.cls.name, key, name, left_out) for name in wrong)
        if not left_out:
            instances.append(Instance(table.cls, values, references))
