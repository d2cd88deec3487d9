"""The load: changed days of the source into files, then one new manifest.

Days are known by watermarks; a day that changed is made anew as a whole, so loading it twice gives
what loading it once gives.  Until the manifest is replaced nobody sees any of it.  A row that
cannot be carried over becomes a row of `errors`; it neither stops the load nor vanishes.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from headend.warehouse import manifest as manifests
from headend.warehouse.manifest import Loaded, Manifest, Part
from headend.warehouse.place import Place
from headend.warehouse.tables import ERRORS, TABLES, Table
from headend.warehouse.writing import Misfit, Sheet

EXCERPT_MAX = 500  # characters of what was found in a row that is refused
SOURCES = tuple(name for name in TABLES if name != ERRORS.name)
AGAIN = {"events": 8, "incidents": 8, "completeness": 11, "sessions": 2}
"""Days back that are made anew each time: an event joins an incident later, and what is due of a
day changes without anything coming (the SLA's ten days, docs/collection.md)."""


Refused = tuple[str, str, int, str]
"""A row that cannot be carried over: key, why, for how many of the source's it stands, excerpt."""

T = TypeVar("T")


class LoadRefused(RuntimeError):
    """Another load runs, or ran meanwhile."""


@dataclass(slots=True)
class Day:
    """A day of a table, out of the source.

    `count` is what the database counts; `batches` are columns by zone; `refused` fills while they
    are taken: key, why, for how many of the source's rows it stands, what was found.
    """

    batches: Iterable[tuple[str | None, Mapping[str, list[Any]]]]
    refused: list[Refused]
    counted: Callable[[], tuple[int, Counter[str]]]


class Source(Protocol):
    """What is loaded from."""

    def marks(self) -> dict[str, str]: ...
    def changed(self, before: dict[str, str]) -> dict[str, set[date]]: ...
    def day(self, table: str, day: date, take: Callable[[Day], T]) -> T:
        """What `take` makes of a day, in one view of the database."""
        ...


@dataclass(slots=True)
class Result:
    """What a load did."""

    manifest: Manifest
    loads: list[Loaded] = field(default_factory=list)
    days: set[date] = field(default_factory=set)  # of which anything is other than it was
    written: int = 0
    replaced: int = 0

    @property
    def refused(self) -> int:
        return sum(each.refused for each in self.loads)


def load(
    place: Place,
    source: Source,
    *,
    now: datetime,
    today: date,
    since: date | None = None,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> Result:
    """Carry over what changed; with `since`, all days from then on whatever changed.  `told` hears
    how many days of tables are done.  Raises `LoadRefused`, `NoWarehouse`, `PlaceUnavailable`."""
    with _alone(place):
        before = manifests.look(place) or Manifest()
        marks = source.marks()
        days = _days(before, source.changed({} if since else before.marks), today, since)
        result = Result(before)
        known = {part.path: part for part in before.parts}
        parts: dict[tuple[str, date], list[Part]] = {}
        for number, (table, day) in enumerate(days):
            told(number, len(days))
            loaded, made = _loaded(place, source, TABLES[table], day, now, known)
            parts[table, day] = made
            result.loads.append(loaded)
        told(len(days), len(days))
        after = _joined(before, result.loads, parts, marks, now)
        if after != before:
            _commit(place, before, after)
        result.manifest = after
        result.days = {each.day for each in set(after.loads) - set(before.loads)}
        result.days |= {each.day for each in set(after.parts) - set(before.parts)}
        result.written = len({part.path for part in after.parts} - set(known))
        result.replaced = len(set(known) - {part.path for part in after.parts})
        return result


def sweep(place: Place, manifest: Manifest) -> int:
    """Take away files that no manifest names any more; how many.  A reader that still reads an
    older state loses it: sweep where none is under way."""
    kept = {part.path for part in manifest.parts}
    left = [name for name in place.names("tables") if name not in kept]
    for name in left:
        place.delete(name)
    return len(left)


def _days(
    before: Manifest, changed: Mapping[str, set[date]], today: date, since: date | None
) -> list[tuple[str, date]]:
    """What is to be made anew, by day."""
    wanted: set[tuple[str, date]] = {("meters", today)}
    for table, days in changed.items():
        wanted |= {(table, day) for day in days if since is None or day >= since}
        known = days | {each.day for each in before.loads if each.table == table}
        if known and table in AGAIN:
            begin = max(min(known), today - timedelta(days=AGAIN[table]))
            back = range((today - begin).days + 1)
            wanted |= {(table, today - timedelta(days=each)) for each in back}
    return sorted(wanted, key=lambda each: (each[1], SOURCES.index(each[0])))


def _loaded(
    place: Place, source: Source, table: Table, day: date, now: datetime, known: Mapping[str, Part]
) -> tuple[Loaded, list[Part]]:
    """One day of a table, written."""
    sheet, errors = Sheet(table, day), Sheet(ERRORS, day)

    def take(found: Day) -> tuple[int, Counter[str], list[Refused]]:
        for where, columns in found.batches:
            _taken(sheet, where, columns, found.refused)
        return *found.counted(), sorted(found.refused)

    count, sums, refused = source.day(table.name, day, take)
    told: dict[str, list[Any]] = {
        "key": [key for key, _, _, _ in refused],
        "why": [why for _, why, _, _ in refused],
        "rows": [rows for _, _, rows, _ in refused],
        "excerpt": [found[:EXCERPT_MAX] for _, _, _, found in refused],
    }
    errors.add(table.name, told)
    made = [*sheet.write(place, known), *errors.write(place, known)]
    lost = sum(rows for _, _, rows, _ in refused)
    return Loaded(table.name, day, now, count, sheet.rows, lost, dict(sorted(sums.items()))), made


def _taken(
    sheet: Sheet,
    where: str | None,
    columns: Mapping[str, list[Any]],
    refused: list[Refused],
) -> None:
    """Rows into the sheet; one of a type that its column cannot hold is refused by itself."""
    try:
        sheet.add(where, columns)
        return
    except Misfit:
        names = list(columns)
    for values in zip(*columns.values(), strict=True):
        try:
            sheet.add(where, {name: [value] for name, value in zip(names, values, strict=True)})
        except Misfit as error:
            key = " ".join(str(value) for value in values[:2])
            refused.append((key, str(error), 1, repr(values)))


def _joined(
    before: Manifest,
    loads: Iterable[Loaded],
    parts: Mapping[tuple[str, date], list[Part]],
    marks: dict[str, str],
    now: datetime,
) -> Manifest:
    """The state after a load.  A day whose content is as it was keeps the time of its loading."""
    kept = [part for part in before.parts if (_source_of(part), part.day) not in parts]
    fresh = [part for made in parts.values() for part in made]
    every = {(each.table, each.day): each for each in before.loads}
    for each in loads:
        old = every.get((each.table, each.day))
        same = old is not None and msgspec.structs.replace(old, at=now) == each
        unchanged = same and set(parts[each.table, each.day]) <= set(before.parts)
        if not unchanged:
            every[each.table, each.day] = each
    after = msgspec.structs.replace(
        before,
        parts=tuple(sorted([*kept, *fresh], key=lambda part: part.path)),
        loads=tuple(every[key] for key in sorted(every)),
        marks=marks,
    )
    if (after.parts, after.loads) == (before.parts, before.loads):
        return after
    return msgspec.structs.replace(after, version=before.version + 1, made_at=now)


def _source_of(part: Part) -> str:
    return part.where or "" if part.table == ERRORS.name else part.table


def _commit(place: Place, before: Manifest, after: Manifest) -> None:
    found = manifests.look(place) or Manifest()
    if found.version != before.version:
        raise LoadRefused(f"another load of {place.where} ran meanwhile; try again")
    manifests.write(place, after)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """One load of a folder at a time.  In a bucket, which has no locks, the one that comes second
    finds another version of the manifest."""
    if not place.local:
        yield
        return
    os.makedirs(place.root, exist_ok=True)
    with open(place.path("load.lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LoadRefused(f"another load of {place.where} is under way") from None
        yield
