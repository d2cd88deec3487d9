"""The quality report of one day: what validation found, how much is here, what was refused, and
whether the counts agree.  As JSON for machines and as a page for people."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from headend.warehouse.manifest import Loaded, Manifest
from headend.warehouse.place import Place
from headend.warehouse.reading import tables

_FLAGS = (
    (1, "late"), (2, "changed"), (4, "clock_doubtful"), (8, "off_period"), (16, "ahead"),
    (32, "placed"),
)  # fmt: skip
_CHECKS = """
    SELECT finding, count(*) FROM (
        SELECT unnest(string_split(findings, ',')) AS finding FROM validated WHERE findings <> '')
    GROUP BY finding ORDER BY finding
"""
_ORIGINS = "SELECT coalesce(method, origin), count(*) FROM validated GROUP BY 1 ORDER BY 1"
_REFUSED = "SELECT source, why, sum(rows)::BIGINT FROM errors GROUP BY ALL ORDER BY 1, 2"
_HERE = """
    SELECT zone, count(DISTINCT meter), sum(due)::BIGINT, sum(received)::BIGINT, sum(late)::BIGINT,
           sum(changed)::BIGINT
    FROM completeness GROUP BY zone ORDER BY zone NULLS LAST
"""
_REGISTERS = """
    SELECT word, count(*) FROM (
        SELECT unnest(string_split(quality, ',')) AS word FROM registers WHERE quality <> '')
    GROUP BY word ORDER BY word
"""


class Here(msgspec.Struct, frozen=True):
    """How much of what was due is here; `share` None where nothing was."""

    zone: str | None
    meters: int
    due: int
    received: int
    late: int
    changed: int

    @property
    def share(self) -> float | None:
        return self.received / self.due if self.due else None


class Refused(msgspec.Struct, frozen=True):
    table: str
    why: str
    rows: int


class Quality(msgspec.Struct, frozen=True):
    """Of one day.  Counts are of values (readings) or rows."""

    day: date
    version: int
    findings: dict[str, int]  # by validation's check
    flags: dict[str, int]  # by what was odd when a value came
    values: dict[str, int]  # measured, or estimated by which method
    registers: dict[str, int]  # by what was odd
    completeness: tuple[Here, ...]
    refused: tuple[Refused, ...]
    loads: tuple[Loaded, ...]

    @property
    def reconciled(self) -> bool:
        return all(load.reconciled for load in self.loads)


def quality(place: Place, manifest: Manifest, day: date) -> Quality:
    """What is to be said of a day.  Raises `PlaceUnavailable`."""
    with tables(place, manifest, day, day) as asked:

        def rows(query: str) -> list[Any]:
            return asked.execute(query).fetchall()

        flags = ", ".join(f"sum((quality & {bit} <> 0)::INT)" for bit, _ in _FLAGS)
        (counts,) = rows(f"SELECT {flags} FROM readings")
        return Quality(
            day,
            manifest.version,
            dict(rows(_CHECKS)),
            {name: int(found or 0) for (_, name), found in zip(_FLAGS, counts, strict=True)},
            dict(rows(_ORIGINS)),
            dict(rows(_REGISTERS)),
            tuple(Here(*row) for row in rows(_HERE)),
            tuple(Refused(*row) for row in rows(_REFUSED)),
            tuple(load for load in manifest.loads if load.day == day),
        )


def page(found: Quality) -> str:
    """The same as a page that needs nothing else."""
    pages = Environment(
        loader=PackageLoader("headend.warehouse", "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("quality.html").render(q=found)


def keep(place: Place, manifest: Manifest, days: set[date]) -> None:
    """Write the reports of these days beside the tables."""
    for day in sorted(days):
        found = quality(place, manifest, day)
        octets = msgspec.json.format(msgspec.json.encode(found), indent=1)
        place.write(f"quality/{day.isoformat()}.json", octets)
        place.write(f"quality/{day.isoformat()}.html", page(found).encode())
