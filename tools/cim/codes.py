"""`ami cim codes`: what a code means, or which code is meant, in English and in Spanish."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.table import Table

from protocols.cim import codes as errors
from protocols.cim import control_types, reading_types, type_words
from protocols.cim.error_words import SPANISH
from protocols.cim.reading_type_table import QUANTITIES, quantity
from tools.options import Json
from tools.terminal import failed, print_json, show


class CodeKind(enum.StrEnum):
    """What a code is of."""

    READING = "reading"
    CONTROL = "control"
    EVENT = "event"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Row:
    """A code in both languages, and what else there is to say of it."""

    kind: CodeKind
    code: str
    english: str
    spanish: str
    note: str = ""


def rows() -> Iterator[Row]:
    """Every code that we have a word for."""
    for code, each in QUANTITIES.items():
        of = each.reading_type
        english, spanish = (reading_types.describe(of, it) for it in ("en", "es"))
        note = f"{each.name} {each.profile}".strip()
        yield Row(CodeKind.READING, code, english, spanish, note)
    for code, meant in type_words.CONTROLS.items():
        kind = control_types.CONTROL_TYPES[code].kind
        yield Row(CodeKind.CONTROL, code, meant.english, meant.spanish, kind or "")
    for code, meant in type_words.EVENTS.items():
        logged = ", ".join(map(str, meant.meter_events))
        note = f"in a meter's log: {logged}" if logged else ""
        yield Row(CodeKind.EVENT, code, meant.english, meant.spanish, note)
    for code, english in errors.REASONS.items():
        yield Row(CodeKind.ERROR, code, english, SPANISH[code])


def composed(text: str) -> Iterator[Row]:
    """A code without a row, told by its parts: any reading type, any control or event."""
    try:
        of = reading_types.parse(text)
    except ValueError:
        pass
    else:
        known = quantity(str(of))
        note = f"taken for {known.code}" if known else "no quantity that we have"
        english, spanish = (reading_types.describe(of, it) for it in ("en", "es"))
        yield Row(CodeKind.READING, str(of), english, spanish, note)
    code = control_types.canonical(text)
    if code is not None:
        english, spanish = (type_words.meaning(code, it) for it in ("en", "es"))
        yield Row(CodeKind.EVENT, code, english, spanish, "by its parts: no row of ours")


def find(text: str, kind: CodeKind | None = None) -> list[Row]:
    """The rows of a code, in any spelling; else those whose words hold all words of a text."""
    known = [row for row in rows() if kind in (None, row.kind)]
    exact = [row for row in known if row.code in _spellings(text)]
    if exact or not text.strip():
        return exact or known
    words = plain(text).split()
    found = [row for row in known if all(_is_in(word, _said(row)) for word in words)]
    return found or [row for row in composed(text) if kind in (None, row.kind)]


def plain(text: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(it for it in apart if not unicodedata.combining(it))


def _said(row: Row) -> list[str]:
    return re.findall(r"[\w.-]+", plain(f"{row.code} {row.english} {row.spanish} {row.note}"))


def _is_in(word: str, said: list[str]) -> bool:
    """Whether a word, or one that begins so, is said; a letter or two is a word by itself."""
    return word in said or (len(word) > 2 and any(each.startswith(word) for each in said))


def _spellings(text: str) -> set[str]:
    """The codes that a text may be, as each table spells them."""
    of_each: tuple[Callable[[str], str | None], ...] = (
        errors.canonical,
        control_types.canonical,
        _reading,
    )
    return {code for each in of_each if (code := each(text)) is not None}


def _reading(text: str) -> str | None:
    try:
        return str(reading_types.parse(text))
    except ValueError:
        return None


def codes(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="CODE|WORDS", help="All codes where none is said.")
    ] = None,
    kind: Annotated[CodeKind | None, typer.Option(help="Only these.")] = None,
    json: Json = False,
) -> None:
    """Look codes up by number or by words: reading types, controls, events, errors of replies.

    Example: [bold]ami cim codes 2.4[/]

    Example: [bold]ami cim codes tensión "fase A" --kind reading[/]
    """
    found = find(" ".join(text or ()), kind)
    if not found:
        failed(
            f"no code for {' '.join(text or ())!r}", "All of them: ami cim codes", code="no-code"
        )
    if json:
        print_json(found)
        return
    table = Table("kind", "code", "English", "Spanish", "", box=None)
    for row in found:
        table.add_row(row.kind, row.code, row.english, row.spanish, row.note)
    show(table)
