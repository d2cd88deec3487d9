"""The words for meters and concentrators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.meter import Concentrator, Meter
from headend.store.prepared import Prepared
from headend.store.rows import CONCENTRATOR, METER, Form
from headend.store.words import Words

T = TypeVar("T")

BATCH = 1_000  # rows handed to the driver at once: memory stays flat over a shipment of a million

_METER = Prepared(METER.select().where(METER.table.c.name == bindparam("name")))
_CONCENTRATOR = Prepared(
    CONCENTRATOR.select().where(CONCENTRATOR.table.c.name == bindparam("name"))
)


def _upsert(dialect: Any, table: Table) -> Prepared:
    """Insert a row, or write over the one of the same name."""
    statement = dialect.insert(table)
    rest = {
        column.name: statement.excluded[column.name] for column in table.c if column.name != "name"
    }
    upsert = statement.on_conflict_do_update(index_elements=["name"], set_=rest)
    return Prepared(upsert, table.c.keys())


_PUT: dict[tuple[str, str], Prepared] = {
    (dialect.dialect.name, form.table.name): _upsert(dialect, form.table)
    for dialect in (sqlite, postgresql)
    for form in (METER, CONCENTRATOR)
}


class RegistryWords(Words):
    """Devices by name."""

    def meter(self, name: str) -> Meter | None:
        return self._one(METER, _METER, {"name": name})

    def put_meters(self, meters: Iterable[Meter]) -> int:
        return self._put(METER, meters)

    def concentrator(self, name: str) -> Concentrator | None:
        return self._one(CONCENTRATOR, _CONCENTRATOR, {"name": name})

    def put_concentrators(self, concentrators: Iterable[Concentrator]) -> int:
        return self._put(CONCENTRATOR, concentrators)

    def _put(self, form: Form[T], things: Iterable[T]) -> int:
        statement = _PUT[self._connection.dialect.name, form.table.name]
        count = 0
        for batch in _batches(things):
            self._change_many(statement, [form.values(thing) for thing in batch])
            count += len(batch)
        return count


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(things)
    while batch := list(islice(iterator, BATCH)):
        yield batch
