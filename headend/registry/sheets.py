"""Tables in CSV as utilities send them: a line of column names, then a line for each thing.

UTF-8, with or without a byte order mark; commas, or semicolons as spreadsheets write them where a
comma is the decimal sign (RFC 4180 otherwise).  A column that nobody knows is refused: it may be a
known one, misspelt, whose values would be lost without a word.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

FIELD_MAX = 4096
"""Characters of one value: no value of ours comes near it, and a quote that is never closed would
else swallow the file."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong in a file, where, and what to do.  `line` counts from 1; `column` is a column's
    name or an element's, "" where the line as a whole is meant."""

    line: int
    column: str
    why: str
    next_step: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.why}"


class BadFile(ValueError):
    """A file that cannot be read on; the text names file and line, and never a value."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(str(flaw))
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Row:
    """One line's values by column; those that are empty are left out."""

    line: int
    values: dict[str, str]


def rows(
    file: BinaryIO, known: Callable[[str], bool], required: Collection[str], about: str
) -> Iterator[Row]:
    """The lines of a table.  `about` says in words which columns there are.  Raises `BadFile`."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    last = 0
    try:
        head = text.readline()
        delimiter = ";" if head.count(";") > head.count(",") else ","
        names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
        _check_names(names, known, required, about)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        last = 1
        for cells in reader:
            first, last = last + 1, reader.line_num + 1
            if not any(cells):
                continue
            if len(cells) != len(names):
                why = f"it has {len(cells)} values, and {len(names)} columns were named"
                raise BadFile(Flaw(first, "", why, "count the separators, and look for quotes"))
            pairs = zip(names, cells, strict=True)
            yield Row(first, {name: found for name, cell in pairs if (found := cell.strip())})
    except csv.Error as error:
        raise BadFile(
            Flaw(last + 1, "", str(error), "look for a quote that is not closed")
        ) from None
    except UnicodeDecodeError as error:
        why = f"octet {error.start} of a part is no UTF-8"
        raise BadFile(Flaw(0, "", why, "save the file as UTF-8")) from None
    finally:
        text.detach()


def _check_names(
    names: list[str], known: Callable[[str], bool], required: Collection[str], about: str
) -> None:
    for name in names:
        if not known(name):
            raise BadFile(Flaw(1, name or "(no name)", "there is no such column", about))
        if names.count(name) > 1:
            raise BadFile(Flaw(1, name, "the column comes twice", "leave one out"))
    for name in required:
        if name not in names:
            raise BadFile(Flaw(1, name, "the column is missing", about))


csv.field_size_limit(FIELD_MAX)
