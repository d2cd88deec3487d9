"""What a verb of the probe found, whatever it is shown or written as.

A report has facts (one value each) and tables (rows under named columns).  It knows no terminal and
no file; `shown` and `export` make something of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

Cell = str | int | float | bool | Decimal | datetime | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One value.  `name` is for machines and stays, `label` is for people."""

    name: str
    label: str
    value: Cell
    unit: str = ""
    style: str = ""  # of the terminal: "good", "bad", "warn"; empty is plain


@dataclass(frozen=True, slots=True)
class Column:
    """What stands below each other."""

    name: str
    label: str
    unit: str = ""
    plotted: bool = False  # a number over the time of its row


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, one for each column."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> Iterator[dict[str, Cell]]:
        """The rows as objects."""
        names = [column.name for column in self.columns]
        for row in self.rows:
            yield dict(zip(names, row, strict=True))


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, of which meter and when.  `notes` are sentences for people."""

    action: str
    title: str
    meter: str | None
    at: datetime
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    done: bool = True  # False: it ended badly, and this is how far it came
    result: str = "done"  # a word for the journal
    drawn: bool = False  # the first table is to be drawn as curves, too
    journal: dict[str, Any] = field(default_factory=dict)  # what the journal keeps of it

    def as_json(self) -> dict[str, Any]:
        """Everything under stable names."""
        found: dict[str, Any] = {
            "action": self.action,
            "meter": self.meter,
            "at": self.at,
            "done": self.done,
            **{fact.name: fact.value for fact in self.facts},
        }
        units = {fact.name: fact.unit for fact in self.facts if fact.unit}
        for table in self.tables:
            found[table.name] = list(table.records())
            units |= {
                f"{table.name}.{column.name}": column.unit
                for column in table.columns
                if column.unit
            }
        if units:
            found["units"] = units
        if self.notes:
            found["notes"] = list(self.notes)
        return found
