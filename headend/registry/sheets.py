"""Tables in CSV as utilities send them: a line of column names, then a line for each thing.

UTF-8, or another encoding that can be told (`encoding`); commas, or semicolons as spreadsheets
write them where a comma is the decimal sign, or tabs as their "Unicode text" has (RFC 4180
otherwise).  A column's name may be in capitals.  One that nobody knows is refused: it may be a
known one, misspelt, whose values would be lost without a word.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from headend.registry.encoding import NotText, encoding_of

FIELD_MAX = 4096
"""Characters of one value: no value of ours comes near it, and a quote that is never closed would
else swallow the file."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong in a file, where, and what to do.  `line` counts from 1; `column` is a column's
    name or an element's, "" where the line as a whole is meant.  `begun` is where the thing begins
    that is wrong, if it has several lines: flaws of one thing have this in common."""

    line: int
    column: str
    why: str
    next_step: str
    begun: int | None = None

    @property
    def thing(self) -> int:
        """The line by which what is wrong is counted, once for all of its flaws."""
        return self.line if self.begun is None else self.begun

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
    try:
        text = io.TextIOWrapper(file, encoding=encoding_of(file), newline="")
    except NotText as error:
        raise BadFile(Flaw(error.line, "", str(error), error.next_step)) from None
    last = 0
    try:
        head = text.readline()
        delimiter = max(",;\t", key=head.count)
        names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
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
