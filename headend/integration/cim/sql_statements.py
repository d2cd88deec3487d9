"""The statements of a data layer over a database, from its mapping."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    column,
    false,
    or_,
    select,
    true,
)
from sqlalchemy import table as sql_table

from headend.integration.cim.layer import Condition, Selection, Via
from headend.integration.cim.mapping import Mapping, TableOf
from headend.integration.cim.sql_values import key_cell, to_cell, to_cells
from protocols.cim.profile.lexical import NotAValue

Clause = ColumnElement[bool]


def column_names(table: TableOf) -> tuple[str, ...]:
    """The members that a row has, in the order of its cells."""
    return (*table.columns,)


class Statements:
    """`sqlite` tells how times are kept."""

    def __init__(self, mapping: Mapping, *, sqlite: bool) -> None:
        self._mapping = mapping
        self._profile = mapping.profile
        self.sqlite = sqlite
        self._rows = {table.cls.name: _row_source(table) for table in mapping.all}

    def page(
        self, table: TableOf, selection: Selection, behind: Sequence[str] | None, limit: int
    ) -> Select[Any] | None:
        """The rows of one table that a selection wants, in order of their keys; None where there
        can be none.  Raises `NotAValue` where `behind` is no key."""
        rows = self._rows[table.cls.name]
        clauses = [*self._of_class(table, rows)]
        clauses += (self._holds(table, rows, condition) for condition in selection.conditions)
        if selection.via is not None:
            clauses += self._associated(table, rows, selection.via)
        if behind is not None:
            clauses.append(self._behind(table, rows, behind))
        if any(clause is _NONE for clause in clauses):
            return None
        cells = [rows.c[name] for name in table.columns.values()]
        return select(*cells).where(*clauses).order_by(*self._key(table, rows)).limit(limit)

    def known(self, table: TableOf, ids: Collection[str]) -> Select[Any]:
        """Which of these keys are in a table."""
        rows = self._rows[table.cls.name]
        (key,) = self._key(table, rows)
        return select(key).where(*self._of_class(table, rows), key.in_(ids))

    def _key(self, table: TableOf, rows: FromClause) -> list[ColumnElement[Any]]:
        return [rows.c[table.columns[name]] for name in self._profile.key(table.cls)]

    def _of_class(self, table: TableOf, rows: FromClause) -> Iterator[Clause]:
        for name, value in table.only.items():
            yield rows.c[name] == value
        for key in self._key(table, rows):
            yield key.is_not(None)

    def _holds(self, table: TableOf, rows: FromClause, condition: Condition) -> Clause:
        name = condition.attribute.name
        if name not in table.columns:
            return _NONE
        words = table.values.get(name, {})
        cells = to_cells(words, condition.value, sqlite=self.sqlite)
        return rows.c[table.columns[name]].in_(cells) if cells else _NONE

    def _associated(self, table: TableOf, rows: FromClause, via: Via) -> Iterator[Clause]:
        ways = [*self._ways(table, rows, via)]
        yield or_(*ways) if ways else _NONE
        if via.window is not None:
            if via.association.history not in table.columns:
                yield _NONE
                return
            time = rows.c[table.columns[via.association.history]]
            yield time >= to_cell(via.window.start, sqlite=self.sqlite)
            yield time < to_cell(via.window.end, sqlite=self.sqlite)

    def _ways(self, table: TableOf, rows: FromClause, via: Via) -> Iterator[Clause]:
        """How a row may be at the association's other end: it names one of the instances; one of
        these names it; or it shares a value with another."""
        association = via.association
        if association.inverse in self._profile.references(table.cls):
            if association.inverse in table.columns:
                yield rows.c[table.columns[association.inverse]].in_(via.ids)
            return
        key = self._key(table, rows)[0]
        for source in self._mapping.tables(via.source):
            others = self._rows[source.cls.name].alias()
            (other_key,) = self._key(source, others)
            meant = select(true()).where(*self._of_class(source, others), other_key.in_(via.ids))
            if association.name in source.columns:
                yield meant.where(others.c[source.columns[association.name]] == key).exists()
            elif association.name in source.joins:
                shared = source.joins[association.name]
                if shared in rows.c:
                    same = others.c[shared] == rows.c[shared]
                    yield meant.where(same, other_key != key).exists()

    def _behind(self, table: TableOf, rows: FromClause, behind: Sequence[str]) -> Clause:
        """The key is greater than this one, part by part."""
        names = self._profile.key(table.cls)
        if len(behind) != len(names):
            raise NotAValue("no key of this class")
        attributes = self._profile.attributes(table.cls)
        cells = [
            key_cell(
                attributes[name].type if name in attributes else None, text, sqlite=self.sqlite
            )
            for name, text in zip(names, behind, strict=True)
        ]
        keys = self._key(table, rows)
        return or_(
            *(
                and_(
                    *(key == cell for key, cell in zip(keys[:place], cells, strict=False)),
                    keys[place] > cells[place],
                )
                for place in range(len(keys))
            )
        )


def _row_source(table: TableOf) -> FromClause:
    names = {*table.columns.values(), *table.only, *table.joins.values()}
    return sql_table(table.table, *(column(name) for name in sorted(names)))


_NONE: Clause = false()
