"""Reports that were asked for and are not made yet, kept beside those that are.

A request is a file under the id that its report will have.  So the same one stands once, every
worker sees it, and what a worker leaves behind as it stops the next load makes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import msgspec

from headend.config import BadConfig
from headend.warehouse import kept, reports
from headend.warehouse.content import Language, Period
from headend.warehouse.kept import Made
from headend.warehouse.manifest import Manifest
from headend.warehouse.place import Place
from headend.warehouse.scope import Scope

_FOLDER = "requests"
WAITING_MAX = 50


class TooMany(Exception):
    """So many reports wait that another one is not taken."""


class Request(msgspec.Struct, frozen=True):
    """A report that somebody waits for; `failed` says why it will not come by itself."""

    id: str
    report: str
    first: date
    last: date
    language: Language
    party: str | None
    asked_at: datetime
    failed: str | None = None

    @property
    def period(self) -> Period:
        return Period(self.first, self.last)


def ask(
    place: Place, manifest: Manifest, report: str, period: Period, *, language: Language,
    scope: Scope | None, zone: str, now: datetime,
) -> Made | Request:  # fmt: skip
    """The report, where it was made from the same data already; else the request, written down.

    Raises `reports.NoReport`, `TooMany`, `PlaceUnavailable`.
    """
    id = reports.identity(report, manifest, period, language=language, scope=scope, zone=zone)
    if (there := kept.made(place, id)) is not None:
        return there
    if (waits := waiting(place, id)) is not None and waits.failed is None:
        return waits
    if len(place.names(_FOLDER)) >= WAITING_MAX:
        raise TooMany
    party = None if scope is None else scope.party
    made = Request(id, report, period.first, period.last, language, party, now)
    _write(place, made)
    return made


def waiting(place: Place, id: str) -> Request | None:
    """A request by its report's id; None where there is none."""
    octets = place.read(_path(id)) if id.isalnum() else None
    return None if octets is None else msgspec.json.decode(octets, type=Request)


def every(place: Place) -> list[Request]:
    """All of them, by id."""
    names = (name for name in place.names(_FOLDER) if name.endswith(".json"))
    found = (waiting(place, name.rpartition("/")[2].removesuffix(".json")) for name in names)
    return [each for each in found if each is not None]


def make(
    place: Place, manifest: Manifest, request: Request, scope: Scope | None, zone: str,
    now: datetime,
) -> Made:  # fmt: skip
    """Make what was asked for, from the data that there is now.  Raises as `reports.make` does."""
    done = reports.make(
        place, manifest, request.report, request.period, language=request.language, scope=scope,
        zone=zone, now=now,
    )  # fmt: skip
    drop(place, request)
    return done


def catch_up(
    place: Place, manifest: Manifest, scope_of: Callable[[str], Scope], zone: str, now: datetime
) -> None:
    """Make what a worker has left behind as it stopped; what cannot be made is told once, and gone
    the next time."""
    for request in every(place):
        if request.failed is not None:
            drop(place, request)
            continue
        try:
            scope = None if request.party is None else scope_of(request.party)
            make(place, manifest, request, scope, zone, now)
        except (BadConfig, reports.NoReport) as error:
            fail(place, request, str(error))


def fail(place: Place, request: Request, why: str) -> None:
    """It will not come by itself; whoever asks again has it tried again."""
    _write(place, msgspec.structs.replace(request, failed=why))


def drop(place: Place, request: Request) -> None:
    """Nobody waits any more."""
    place.delete(_path(request.id))


def _write(place: Place, request: Request) -> None:
    place.write(_path(request.id), msgspec.json.encode(request))


def _path(id: str) -> str:
    return f"{_FOLDER}/{id}.json"
