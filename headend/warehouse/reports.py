"""Reports: what a definition asks of one state of the data store, for one period and party.

A definition is data (`definitions/*.toml`): figures and sections, each a question in SQL with its
words in Spanish and English.  It asks the data store's files of its period and nothing else, so a
report can be made again: the same files give the same octets.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from headend.domain.utility_day import span_of
from headend.warehouse import kept
from headend.warehouse.content import Content, Definition, Language, Period, definitions
from headend.warehouse.forms import forms
from headend.warehouse.kept import Made
from headend.warehouse.manifest import Manifest
from headend.warehouse.place import Place
from headend.warehouse.reading import tables
from headend.warehouse.scope import Scope

LONGEST_GOAL = timedelta(hours=6)
"""Of those whose figures ask for `moment`, which has one row: `state_at`, by when things must have
had their time to be judged, and `last_at`, the last such time.  What comes after it is judged once
it has ended."""
_MOMENT = "CREATE TEMP TABLE moment AS SELECT ?::TIMESTAMPTZ AS state_at, ?::TIMESTAMPTZ AS last_at"
EVERY = ("day", "week", "month")


class NoReport(ValueError):
    """It cannot be made so; the text says why."""


class OutOfScope(NoReport):
    """It asks for tables that its party does not see."""


def period_before(every: str, today: date) -> Period:
    """The last day, week (Monday to Sunday) or month that is over."""
    match every:
        case "day":
            return Period(today - timedelta(days=1), today - timedelta(days=1))
        case "week":
            monday = today - timedelta(days=today.weekday())
            return Period(monday - timedelta(days=7), monday - timedelta(days=1))
        case _:
            last = today.replace(day=1) - timedelta(days=1)
            return Period(last.replace(day=1), last)


def make(
    place: Place, manifest: Manifest, name: str, period: Period, *, language: Language,
    scope: Scope | None, zone: str, now: datetime,
) -> Made:  # fmt: skip
    """Make a report and keep it; one that is there already stays as it is.  Raises `NoReport`,
    `PlaceUnavailable`."""
    id = identity(name, manifest, period, language=language, scope=scope, zone=zone)
    if (there := kept.made(place, id)) is not None:
        return there
    content = ask(place, manifest, name, period, language=language, scope=scope, zone=zone)
    written = forms(content)
    digests = {each: hashlib.sha256(octets).hexdigest() for each, octets in written.items()}
    made = Made(
        id, name, period.first, period.last, language, content.party, now, content.state,
        content.data, digests,
    )  # fmt: skip
    kept.keep(place, made, written)
    return made


def ask(
    place: Place, manifest: Manifest, name: str, period: Period, *, language: Language,
    scope: Scope | None, zone: str,
) -> Content:  # fmt: skip
    """What a report says.  Raises `NoReport` for one that there is not, or not for this party."""
    definition = _defined(name, scope)
    wanted = frozenset(definition.tables)
    with tables(place, manifest, period.first, period.last, only=wanted, scope=scope) as asked:
        if _asks_time(definition):
            asked.execute(_MOMENT, _judged(manifest, period, zone))
        figures = tuple(
            (each, asked.execute(each.sql).fetchall()[0][0]) for each in definition.figure
        )
        sections = tuple(
            (each, tuple(asked.execute(each.sql).fetchall())) for each in definition.section
        )
    digest = manifest.digest(wanted, period.first, period.last)
    party = None if scope is None else scope.party
    return Content(
        definition, period, language, party, zone, manifest.version, digest, figures, sections
    )


def identity(
    name: str, manifest: Manifest, period: Period, *, language: Language, scope: Scope | None,
    zone: str,
) -> str:  # fmt: skip
    """Sixteen digits that tell all that goes into a report.  The number of the data store's state
    is none of it: a later one may hold the same, and all that is asked of its time is until when
    things can be judged.  Raises `NoReport` as `ask` does."""
    definition = _defined(name, scope)
    data = manifest.digest(frozenset(definition.tables), period.first, period.last)
    told = (
        name, msgspec.json.encode(definition).hex(), period.first.isoformat(),
        period.last.isoformat(), language, zone, data, "" if scope is None else scope.digest,
        *(_judged(manifest, period, zone) if _asks_time(definition) else ()),
    )  # fmt: skip
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _asks_time(definition: Definition) -> bool:
    return any("moment" in figure.sql for figure in definition.figure)


def _judged(manifest: Manifest, period: Period, zone: str) -> tuple[str, str]:
    """When things can be judged that had their time by then, and the last time of that: so the
    report of a period that is over does not change for ever.  A goal reaches no farther."""
    last = datetime.fromtimestamp(span_of(period.last, ZoneInfo(zone)).end, UTC) + LONGEST_GOAL
    return min(manifest.made_at or last, last).isoformat(), last.isoformat()


def _defined(name: str, scope: Scope | None) -> Definition:
    definition = definitions().get(name)
    if definition is None:
        raise NoReport(f"there is no report {name}; there are: {', '.join(definitions())}")
    if scope is not None and (kept_from := set(definition.tables) - scope.tables):
        raise OutOfScope(f"{scope.party} may not see {', '.join(sorted(kept_from))}")
    return definition
