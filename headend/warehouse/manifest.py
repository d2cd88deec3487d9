"""The manifest: which files are the data store, and what was counted when they were made.

It is one small file that is replaced whole.  A reader takes it once and reads the files that it
names: these never change, so it sees a state that was whole, however much is loaded meanwhile.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime

import msgspec

from headend.warehouse.place import Place
from headend.warehouse.tables import SCHEMA_VERSION

MANIFEST = "manifest.json"


class NoWarehouse(ValueError):
    """There is no data store there, or one of a version that is not known; the text says which."""


class Part(msgspec.Struct, frozen=True):
    """One file: rows of one table, day and zone (of errors: of one source)."""

    table: str
    day: date
    where: str | None  # the zone; of errors the source
    path: str
    sha256: str
    octets: int
    rows: int


class Loaded(msgspec.Struct, frozen=True):
    """What was counted when a day of a table was loaded: nothing is lost where source = loaded +
    refused.  `sums` are of the source's whole numbers, by channel."""

    table: str
    day: date
    at: datetime
    source: int
    loaded: int
    refused: int
    sums: dict[str, int] = {}

    def __hash__(self) -> int:
        return hash((self.table, self.day, self.at))

    @property
    def reconciled(self) -> bool:
        return self.source == self.loaded + self.refused


class Manifest(msgspec.Struct, frozen=True):
    """One state of the data store.  `version` counts them; `marks`: how far its source had come."""

    schema_version: int = SCHEMA_VERSION
    version: int = 0
    made_at: datetime | None = None
    parts: tuple[Part, ...] = ()
    loads: tuple[Loaded, ...] = ()
    marks: dict[str, str] = {}

    def of(self, table: str, first: date | None = None, last: date | None = None) -> list[Part]:
        """The files of a table, of all days or of some."""
        return [
            part
            for part in self.parts
            if part.table == table
            and (first is None or part.day >= first)
            and (last is None or part.day <= last)
        ]

    def digest(self, tables: frozenset[str], first: date, last: date) -> str:
        """Of what these tables hold of some days: the same for the same content."""
        told = sorted(
            f"{part.path} {part.sha256}"
            for part in self.parts
            if part.table in tables and first <= part.day <= last
        )
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def read(place: Place) -> Manifest:
    """The present one.  Raises `NoWarehouse`, or `PlaceUnavailable`."""
    found = look(place)
    if found is None:
        raise NoWarehouse(f"no data store at {place.where}")
    return found


def look(place: Place) -> Manifest | None:
    """The present one; None where nothing was ever loaded.  Raises as `read` does."""
    octets = place.read(MANIFEST)
    if octets is None:
        return None
    try:
        found = msgspec.json.decode(octets, type=Manifest)
    except msgspec.MsgspecError as error:
        raise NoWarehouse(f"{place.where}: {MANIFEST} cannot be read: {error}") from error
    if found.schema_version > SCHEMA_VERSION:
        raise NoWarehouse(
            f"{place.where} has version {found.schema_version} of the tables, and this program"
            f" knows up to {SCHEMA_VERSION}"
        )
    return found


def write(place: Place, manifest: Manifest) -> None:
    """Let it be the present one."""
    place.write(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
