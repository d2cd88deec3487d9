"""Texts in Spanish and English, and dates and numbers as each language writes them.

A file of `texts` has a table for each language; the key of a text is the file's name and its own:
`orders.title`.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo


class Language(enum.StrEnum):
    """What pages are written in; the first where nobody asks for another."""

    ES = "es"
    EN = "en"


@cache
def catalogue() -> Mapping[Language, Mapping[str, str]]:
    """All texts, by their keys."""
    found: dict[Language, dict[str, str]] = {language: {} for language in Language}
    for each in resources.files("headend.web").joinpath("texts").iterdir():
        name, _, kind = each.name.rpartition(".")
        if kind != "toml":
            continue
        tables = tomllib.loads(each.read_text(encoding="utf-8"))
        for language in Language:
            for key, text in _flat(tables[language]):
                found[language][f"{name}.{key}"] = text
    return found


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)


def chosen(cookie: str | None, accepted: str) -> Language:
    """The language of a visit: what was chosen, else what the browser prefers of ours (RFC 9110,
    12.5.4)."""
    if cookie in tuple(Language):
        return Language(cookie)
    wished = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";")
        name = tag.partition("-")[0].lower()
        if name in tuple(Language):
            wished.append((-_weight(weight), name))
    return Language(min(wished, key=lambda wish: wish[0])[1]) if wished else Language.ES


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q="))
    except ValueError:
        return 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """One language, in one time zone."""

    language: Language
    zone: ZoneInfo

    def text(self, key: str, **values: object) -> str:
        """A text with its places filled.  Raises KeyError for one that there is not."""
        text = catalogue()[self.language][key]
        return text.format(**values) if values else text

    def known(self, key: str) -> bool:
        return key in catalogue()[self.language]

    def of(self, group: str, code: object) -> str:
        """The word for a code of a group, `orders.state.done`; the code where it has none."""
        key = f"{group}.{code}"
        return self.text(key) if self.known(key) else str(code)

    def when(self, at: datetime | None, *, seconds: bool = False) -> str:
        """A moment, in the utility's zone."""
        if at is None:
            return "–"
        clock = "%H:%M:%S" if seconds else "%H:%M"
        return f"{self.day(at.astimezone(self.zone).date())} {at.astimezone(self.zone):{clock}}"

    def day(self, day: date | None) -> str:
        if day is None:
            return "–"
        return f"{day:%d-%m-%Y}" if self.language is Language.ES else f"{day:%Y-%m-%d}"

    def short_day(self, day: date) -> str:
        """A day of a chart's axis, whose year is plain: 8 nov, 8 Nov."""
        return f"{day.day} {self.text(f'site.months.{day.month}')}"

    def number(self, value: float | Decimal | None, digits: int | None = None) -> str:
        """A number with the language's comma; thousands apart by a thin space (ISO 80000-1)."""
        if value is None:
            return "–"
        text = f"{value:,}" if digits is None else f"{value:,.{digits}f}"
        if not text.strip("-0.,"):
            text = text.removeprefix("-")  # what rounds to nothing has no sign
        text = text.replace(",", "\u202f")
        return text.replace(".", ",") if self.language is Language.ES else text

    def amount(self, text: str | Decimal | None) -> str:
        """A value that came as decimal text, with no digit lost; other text as it is."""
        try:
            return self.number(None if text is None else Decimal(text))
        except InvalidOperation:
            return str(text)

    def share(self, part: float | None, digits: int = 1) -> str:
        """A share of one, in percent."""
        return "–" if part is None else f"{self.number(100 * part, digits)}\u202f%"
