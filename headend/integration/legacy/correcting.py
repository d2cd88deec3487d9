"""Bring rows of the tables to what they should say, each change counted, nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, insert, select, update

from headend.integration.legacy.collected_tables import OWN, entrega
from headend.integration.legacy.gathering import Stretch
from headend.integration.legacy.values import Values
from headend.store.prepared import Prepared

COLLECTED = "medidas"
"""The line of `entrega` that is of the tables here."""


@dataclass(slots=True)
class Changes:
    """How many rows a delivery made new, corrected, and withdrew."""

    new: int = 0
    corrected: int = 0
    withdrawn: int = 0

    @property
    def every(self) -> int:
        return self.new + self.corrected + self.withdrawn


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the filling has come: when it began and last changed something, and how many rows it
    has made or changed."""

    begun_at: datetime
    last_at: datetime
    changes: int


class _Form:
    """A table's statements, compiled once."""

    def __init__(self, table: Table) -> None:
        self.keys = [column.name for column in table.primary_key]
        self.told = [column.name for column in table.columns if column.name not in OWN]
        self.rest = [name for name in self.told if name not in self.keys]
        self.key = itemgetter(*self.keys)
        names = [column.name for column in table.columns]
        self.add = Prepared(insert(table).inline(), names)
        self.save = Prepared(
            update(table)
            .where(and_(*(table.c[name] == bindparam(f"of_{name}") for name in self.keys)))
            .values({name: bindparam(f"to_{name}") for name in (*self.rest, *OWN)})
        )


_forms: dict[str, _Form] = {}


def deliver(connection: Connection, stretches: Iterable[Stretch], now: datetime) -> Changes:
    """Compare with what is there, and write what differs."""
    changes = Changes()
    new: dict[Table, list[Values]] = {}
    saved: dict[Table, list[Values]] = {}
    for each in stretches:
        form = _forms.get(each.table.name) or _forms.setdefault(each.table.name, _Form(each.table))
        there = {
            form.key(row): dict(row)
            for row in connection.execute(select(each.table).where(*each.within)).mappings()
        }
        for row in each.rows:
            known = there.pop(form.key(row), None)
            if known is None:
                added = {**row, "vigente": True, "version": 1, "actualizada_en": now}
                new.setdefault(each.table, []).append(added)
                changes.new += 1
            elif not known["vigente"] or any(known[name] != row[name] for name in form.rest):
                saved.setdefault(each.table, []).append(_next(form, row, known, True, now))
                changes.corrected += 1
        for known in there.values():
            if known["vigente"]:
                saved.setdefault(each.table, []).append(_next(form, known, known, False, now))
                changes.withdrawn += 1
    for table, rows in new.items():
        _forms[table.name].add.change_many(connection, rows)
    for table, rows in saved.items():
        _forms[table.name].save.change_many(connection, rows)
    return changes


def _next(form: _Form, row: Values, known: Values, stands: bool, now: datetime) -> dict[str, Any]:
    """The row's next version."""
    return {
        **{f"of_{name}": known[name] for name in form.keys},
        **{f"to_{name}": row[name] for name in form.rest},
        "to_vigente": stands,
        "to_version": known["version"] + 1,
        "to_actualizada_en": now,
    }


def begun(connection: Connection) -> bool:
    """Whether the filling of this database has begun.  Whoever asks in a transaction has it to
    himself until the end: two that deliver would write older states over newer ones."""
    query = select(entrega.c.nombre).where(entrega.c.nombre == COLLECTED).with_for_update()
    return connection.execute(query).first() is not None


def begin(connection: Connection, now: datetime) -> None:
    """From here on only what changes is delivered."""
    if not begun(connection):
        connection.execute(
            insert(entrega).values(nombre=COLLECTED, iniciada_en=now, ultima_en=now, cambios=0)
        )


def tell_end(connection: Connection, changes: Changes, now: datetime) -> None:
    """When it was last delivered to, and how many rows that changed in all."""
    connection.execute(
        update(entrega)
        .where(entrega.c.nombre == COLLECTED)
        .values(ultima_en=now, cambios=entrega.c.cambios + changes.every)
    )


def progress(connection: Connection) -> Progress | None:
    """What the database tells of its filling; None where it has not begun."""
    c = entrega.c
    query = select(c.iniciada_en, c.ultima_en, c.cambios).where(c.nombre == COLLECTED)
    row = connection.execute(query).first()
    return None if row is None else Progress(*row)
