"""A transformer's lines, from a table: section, upstream, length_m, ohm_km, neutral_ohm_km,
supplies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from headend.domain.line_section import LineSection
from headend.registry.sheets import Flaw, Row, rows

COLUMNS: Final = ("section", "upstream", "length_m", "ohm_km", "neutral_ohm_km", "supplies")
REQUIRED: Final = ("section", "length_m", "ohm_km")
ABOUT: Final = f"the columns are {', '.join(COLUMNS)}; docs/unbalance.md explains them"


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a table of lines holds."""

    sections: tuple[LineSection, ...]
    flaws: tuple[Flaw, ...]


def read(file: BinaryIO) -> Drawing:
    """All of a table.  Raises `BadFile`."""
    sections: dict[str, LineSection] = {}
    lines: dict[str, int] = {}
    flaws: list[Flaw] = []
    for row in rows(file, COLUMNS.__contains__, REQUIRED, ABOUT):
        found = _section(row)
        if isinstance(found, Flaw):
            flaws.append(found)
        elif found.code in sections:
            flaws.append(Flaw(row.line, "section", f"{found.code} comes twice", "leave one out"))
        else:
            sections[found.code], lines[found.code] = found, row.line
    flaws += [*_misplaced(sections, lines), *_twice(sections, lines)]
    return Drawing(tuple(sections.values()), tuple(flaws))


def _section(row: Row) -> LineSection | Flaw:
    numbers: dict[str, float] = {}
    for name in REQUIRED:
        if name not in row.values:
            return Flaw(row.line, name, "it is empty", "fill it in")
    for name in ("length_m", "ohm_km", "neutral_ohm_km"):
        text = row.values.get(name)
        if text is None:
            continue
        try:
            numbers[name] = float(text.replace(",", "."))
        except ValueError:
            return Flaw(row.line, name, "it is no number", "write one like 0.641")
        if not math.isfinite(numbers[name]) or numbers[name] < 0:
            return Flaw(row.line, name, "it is below 0, or no end of it", "write one like 0.641")
    ohm_km = numbers["ohm_km"]
    return LineSection(
        row.values["section"],
        row.values.get("upstream"),
        numbers["length_m"],
        ohm_km,
        numbers.get("neutral_ohm_km", ohm_km),  # of the phases' size
        tuple(row.values.get("supplies", "").split()),
    )


def _misplaced(sections: Mapping[str, LineSection], lines: Mapping[str, int]) -> Iterator[Flaw]:
    """Sections that no way leads to from the transformer."""
    for code, each in sections.items():
        if each.upstream is not None and each.upstream not in sections:
            why = f"there is no section {each.upstream}"
            yield Flaw(lines[code], "upstream", why, "name one, or none at the transformer")
            continue
        passed, at = {code}, each.upstream
        while at is not None and at in sections and at not in passed:
            passed.add(at)
            at = sections[at].upstream
        if at == code:
            yield Flaw(lines[code], "upstream", "it feeds itself", "end the circle somewhere")


def _twice(sections: Mapping[str, LineSection], lines: Mapping[str, int]) -> Iterator[Flaw]:
    fed: dict[str, str] = {}
    for code, each in sections.items():
        for name in each.supplies:
            if (other := fed.setdefault(name, code)) != code:
                why = f"{name} is supplied from {other} as well"
                yield Flaw(lines[code], "supplies", why, "leave one out")
