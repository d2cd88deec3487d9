"""A statement compiled once for each kind of database, and carried out on the driver's cursor.

An acceptance takes ten statements, and SQLAlchemy's own execution costs four times what SQLite
needs for them.  The statements are still SQLAlchemy's, and so are the columns' types; only the path
between the two is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

Process = Callable[[Any], Any] | None
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    slots: tuple[tuple[str, Process], ...]  # a parameter's name, and how its value is written
    constants: dict[str, Any]
    positional: bool
    results: tuple[Process, ...]
    plain: bool  # no result needs processing

    def parameters(self, values: Values) -> Any:
        if self.constants:
            values = {**self.constants, **values}
        if self.positional:
            return [
                values[name] if process is None else process(values[name])
                for name, process in self.slots
            ]
        return {
            name: values[name] if process is None else process(values[name])
            for name, process in self.slots
        }


class Prepared:
    """`keys` names the columns that an insert or update writes, where the statement does not."""

    __slots__ = ("_by_dialect", "_keys", "_statement")

    def __init__(self, statement: ClauseElement, keys: Iterable[str] | None = None) -> None:
        self._statement = statement
        self._keys = None if keys is None else list(keys)
        self._by_dialect: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Carry it out and fetch all that it returns."""
        compiled, cursor = self._run(connection, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        if compiled.plain:
            return found
        results = compiled.results
        return [
            tuple(
                [
                    value if process is None else process(value)
                    for process, value in zip(results, row, strict=True)
                ]
            )
            for row in found
        ]

    def change(self, connection: Connection, values: Values) -> int:
        """Carry it out; how many rows it concerned."""
        _, cursor = self._run(connection, values)
        count: int = cursor.rowcount
        return count

    def change_many(self, connection: Connection, many: Iterable[Values]) -> int:
        """Carry it out once for each set of values; how many rows it concerned in all."""
        compiled = self._compiled(connection.dialect)
        cursor = connection.connection.cursor()
        cursor.executemany(compiled.sql, [compiled.parameters(values) for values in many])
        count: int = cursor.rowcount
        return count

    def change_rows(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Carry it out for each row of values, which stand in the order of the keys and are as the
        driver takes them; how many rows it concerned in all.  For rows by the million."""
        compiled = self._compiled(connection.dialect)
        cursor = connection.connection.cursor()
        names = [name for name, _ in compiled.slots]
        if compiled.positional and names == self._keys:
            cursor.executemany(compiled.sql, rows)
        else:
            values = (dict(zip(self._keys or (), row, strict=True)) for row in rows)
            cursor.executemany(compiled.sql, [compiled.parameters(each) for each in values])
        count: int = cursor.rowcount
        return count

    def sql(self, dialect: Dialect) -> str:
        return self._compiled(dialect).sql

    def _run(self, connection: Connection, values: Values) -> tuple[_Compiled, Any]:
        compiled = self._compiled(connection.dialect)
        cursor = connection.connection.cursor()
        cursor.execute(compiled.sql, compiled.parameters(values))
        return compiled, cursor

    def _compiled(self, dialect: Dialect) -> _Compiled:
        known = self._by_dialect.get(dialect.name)
        if known is None:
            known = self._by_dialect[dialect.name] = self._compile(dialect)
        return known

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._keys)
        if compiled.post_compile_params:
            raise ValueError(f"not to be prepared, its text depends on its values: {compiled}")
        names = compiled.positiontup if compiled.positional else list(compiled.bind_names.values())
        binds = compiled.binds
        given = compiled.params
        columns = getattr(self._statement, "exported_columns", ())
        results = tuple(_reading(column.type, dialect) for column in columns)
        return _Compiled(
            sql=str(compiled),
            slots=tuple((name, _writing(binds[name].type, dialect)) for name in names),
            constants={name: given[name] for name in names if not binds[name].required},
            positional=compiled.positional,
            results=results,
            plain=not any(results),
        )


class Locked(Prepared):
    """A query whose rows are locked until the transaction's end, because whoever reads them may be
    about to change them, and so may another worker.  (PostgreSQL; SQLite has one writer, and leaves
    the words out.)  A reader, which cannot change them, locks nothing.

    `skip_locked`: what another worker has locked is not there.
    """

    __slots__ = ("_reading",)

    def __init__(self, statement: Select[*tuple[Any, ...]], *, skip_locked: bool = False) -> None:
        super().__init__(statement.with_for_update(skip_locked=skip_locked))
        self._reading = Prepared(statement)

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        if connection.get_execution_options().get("postgresql_readonly"):
            return self._reading.rows(connection, values)
        return super().rows(connection, values)


def _writing(of: TypeEngine[Any], dialect: Dialect) -> Process:
    return of.dialect_impl(dialect).bind_processor(dialect)


def _reading(of: TypeEngine[Any], dialect: Dialect) -> Process:
    return of.dialect_impl(dialect).result_processor(dialect, None)
