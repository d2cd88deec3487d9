"""Reports that were made, as they are kept: their files, what they were made from, and for whom."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from headend.warehouse.place import Place

_FOLDER = "reports"


class Made(msgspec.Struct, frozen=True):
    """A report.  `id` follows from everything that went into it: the same data, period, definition,
    language and scope give the same id and the same octets.  `files` are names and SHA-256."""

    id: str
    report: str
    first: date
    last: date
    language: str
    party: str | None
    made_at: datetime
    state: int  # of the data store
    data: str  # digest of the files that it was made from
    files: dict[str, str]


def path_of(id: str, name: str) -> str:
    return f"{_FOLDER}/{id}/{name}"


def keep(place: Place, made: Made, files: dict[str, bytes]) -> None:
    """The record comes last: what has none is no report."""
    for name, octets in files.items():
        place.write(path_of(made.id, name), octets)
    place.write(path_of(made.id, "made.json"), msgspec.json.encode(made))


def made(place: Place, id: str) -> Made | None:
    """A report by its id; None where there is none."""
    if not id.isalnum():
        return None
    octets = place.read(path_of(id, "made.json"))
    return None if octets is None else msgspec.json.decode(octets, type=Made)


def every(place: Place) -> list[Made]:
    """All of them, the newest period first."""
    names = (name for name in place.names(_FOLDER) if name.endswith("/made.json"))
    found = (made(place, name.split("/")[1]) for name in names)
    there = [each for each in found if each is not None]
    return sorted(there, key=lambda each: (-each.last.toordinal(), each.report, each.id))


def made_for(place: Place, party: str) -> list[Made]:
    """Those that were made for one party, and for nobody else."""
    return [each for each in every(place) if each.party == party]
