"""What a report asks, as its definition says, and what it says, before it has a form."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

Language = Literal["es", "en"]
Kind = Literal["text", "word", "count", "number", "share", "day", "time"]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    es: str
    en: str

    def in_(self, language: Language) -> str:
        return self.es if language == "es" else self.en


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: Kind
    label: Words


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number.  `least` is the goal that it has to reach."""

    label: Words
    sql: str
    kind: Kind
    least: float | None = None


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    title: Words
    sql: str
    columns: tuple[Column, ...]


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report asks.  `of` takes over what others ask."""

    title: Words
    about: Words
    tables: tuple[str, ...] = ()
    figure: tuple[Figure, ...] = ()
    section: tuple[Section, ...] = ()
    of: tuple[str, ...] = ()


@cache
def definitions() -> dict[str, Definition]:
    """All, by name."""
    folder = files("headend.warehouse") / "definitions"
    found = {
        each.name.removesuffix(".toml"): msgspec.convert(
            tomllib.loads(each.read_text(encoding="utf-8")), Definition
        )
        for each in folder.iterdir()
        if each.name.endswith(".toml")
    }
    return {name: _joined(found[name], found) for name in sorted(found)}


def _joined(definition: Definition, others: dict[str, Definition]) -> Definition:
    parts = [others[name] for name in definition.of]
    if not parts:
        return definition
    return msgspec.structs.replace(
        definition,
        tables=tuple(sorted({table for each in parts for table in each.tables})),
        figure=tuple(figure for each in parts for figure in each.figure),
        section=tuple(
            msgspec.structs.replace(
                section, key=f"{name}-{section.key}", title=_within(each.title, section.title)
            )
            for name, each in zip(definition.of, parts, strict=True)
            for section in each.section
        ),
    )


def _within(above: Words, below: Words) -> Words:
    return Words(f"{above.es} · {below.es}", f"{above.en} · {below.en}")


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day, both of them among them."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Content:
    """What a report says, before it has a form."""

    definition: Definition
    period: Period
    language: Language
    party: str | None
    zone: str  # the utility's, in which times are told
    state: int
    data: str
    figures: tuple[tuple[Figure, Any], ...]
    sections: tuple[tuple[Section, tuple[tuple[Any, ...], ...]], ...]

    def words(self, words: Words) -> str:
        return words.in_(self.language)
