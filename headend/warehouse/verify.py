"""Whether the files are what the manifest says, and what the source had: counts and sums, asked of
the files by another program than wrote them (DuckDB)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date

from headend.warehouse.manifest import Manifest
from headend.warehouse.place import Place
from headend.warehouse.reading import tables
from headend.warehouse.tables import ERRORS, TABLES

_SUMS = {
    "readings": "SELECT day, channel, sum(raw) FROM readings GROUP BY ALL",
    "validated": "SELECT day, channel, sum(raw) FROM validated GROUP BY ALL",
    "completeness": "SELECT day, unnest(['expected', 'due', 'received']),"
    " unnest([sum(expected), sum(due), sum(received)]) FROM completeness GROUP BY day",
}


@dataclass(slots=True)
class Verified:
    """`wrong` names each thing that is not as it should be."""

    files: int = 0
    octets: int = 0
    rows: int = 0
    days: int = 0
    wrong: list[str] = field(default_factory=list)


def verify(place: Place, manifest: Manifest) -> Verified:
    """Look at every file and every count.  Raises `PlaceUnavailable`."""
    told = Verified()
    for part in manifest.parts:
        octets = place.read(part.path)
        if octets is None:
            told.wrong.append(f"{part.path} is missing")
        elif hashlib.sha256(octets).hexdigest() != part.sha256:
            told.wrong.append(f"{part.path} is not the file that was written")
        else:
            told.files += 1
            told.octets += len(octets)
    if not told.wrong:
        _counts(place, manifest, told)
    return told


def _counts(place: Place, manifest: Manifest, told: Verified) -> None:
    with tables(place, manifest) as asked:

        def by_day(query: str) -> dict[tuple[str, date], int]:
            return {(row[0], row[1]): int(row[2]) for row in asked.execute(query).fetchall()}

        here: dict[tuple[str, date], int] = {}
        for name in TABLES:
            if name != ERRORS.name:
                here |= by_day(f"SELECT '{name}', day, count(*) FROM {name} GROUP BY day")
        refused = by_day("SELECT source, day, sum(rows) FROM errors GROUP BY source, day")
        sums = {
            (name, day, channel): int(total or 0)
            for name, query in _SUMS.items()
            for day, channel, total in asked.execute(query).fetchall()
        }
    for load in manifest.loads:
        told.days += 1
        what = f"{load.table} of {load.day}"
        rows, lost = here.get((load.table, load.day), 0), refused.get((load.table, load.day), 0)
        told.rows += rows
        if not load.reconciled:
            told.wrong.append(
                f"{what}: {load.source} in the source, {load.loaded} loaded, {load.refused} refused"
            )
        if (rows, lost) != (load.loaded, load.refused):
            told.wrong.append(
                f"{what}: {load.loaded} rows and {load.refused} refusals were counted, the files"
                f" have {rows} and {lost}"
            )
        for channel, total in load.sums.items():
            found = sums.get((load.table, load.day, channel), 0)
            if found != total:
                told.wrong.append(f"{what}, {channel}: the source adds up to {total}, here {found}")
