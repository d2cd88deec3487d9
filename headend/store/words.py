"""What every group of a transaction's words stands on: the connection, for as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection

from headend.store.errors import translated
from headend.store.prepared import Prepared, Values
from headend.store.rows import Form

T = TypeVar("T")

NOTHING: Values = {}


class Words:
    """Statements carried out on one connection, their errors in the domain's terms."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The transaction's own, for a query that is built as it is asked."""
        return self._connection

    def attempt(self, work: Callable[[], T]) -> T:
        with self._connection.begin_nested():
            return work()

    @property
    def _shared(self) -> bool:
        """Whether other workers' transactions run beside this one."""
        return self._connection.dialect.name == "postgresql"

    def _rows(self, statement: Prepared, values: Values = NOTHING) -> list[tuple[Any, ...]]:
        try:
            return statement.rows(self._connection, values)
        except Exception as error:
            self._refuse(error)

    def _change(self, statement: Prepared, values: Values = NOTHING) -> int:
        try:
            return statement.change(self._connection, values)
        except Exception as error:
            self._refuse(error)

    def _change_many(self, statement: Prepared, many: Iterable[Values]) -> int:
        try:
            return statement.change_many(self._connection, many)
        except Exception as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> NoReturn:
        other = translated(error, self._connection.dialect)
        if other is error:
            raise
        raise other from error

    def _value(self, statement: Prepared, values: Values = NOTHING) -> Any:
        """The one value of the one row."""
        return self._rows(statement, values)[0][0]

    def _one(self, form: Form[T], statement: Prepared, values: Values) -> T | None:
        for row in self._rows(statement, values):
            return form.read(row)
        return None

    def _all(self, form: Form[T], statement: Prepared, values: Values = NOTHING) -> list[T]:
        return [form.read(row) for row in self._rows(statement, values)]
