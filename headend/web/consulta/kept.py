"""The division as the scheduled tasks have kept it in the database: its tree, its windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from headend.analysis.judged import P95
from headend.analysis.windows import MOBILE_48H_DAYS, MOBILE_MONTH_DAYS
from headend.domain.feeder import FeederMapping, KeptInstance, Span
from headend.store import feeder_queries as queries
from headend.tasks.dashboard import DaysRolled
from headend.web.consulta.asking import Said
from headend.web.consulta.exploring import Show, View, chosen, services
from headend.web.consulta.organisation import LEVELS, REQUESTS, Organisation, Place, organised
from headend.web.consulta.standing import Shown
from headend.web.consulta.window import NOTHING, Window
from protocols.cim import xml
from protocols.cim.profile import lexical, payload, reading
from protocols.cim.profile.instance import Instance

SPANS: Final = {Shown.MONTH: Span.MONTH, Shown.HOURS_48: Span.HOURS_48}
LENGTHS: Final = {Shown.MONTH: MOBILE_MONTH_DAYS, Shown.HOURS_48: MOBILE_48H_DAYS}


@dataclass(frozen=True, slots=True)
class Kept:
    """`windows` are by day of their end and SIAD's key.  `newest` is the last day with figures,
    None where there are none."""

    organisation: Organisation
    mappings: Sequence[FeederMapping]
    newest: date | None
    windows: Mapping[Shown, Mapping[date, Window]]
    rolled: Mapping[Shown, DaysRolled]
    """All of the days that were asked for; `windows` has the newest two of them."""

    @property
    def unmapped(self) -> list[str]:
        """SIAD's keys of circuits of which nobody knows what SIMOCE calls them."""
        return sorted(it.siad for it in self.mappings if it.siad and not it.simoce)

    def at(self, shown: Shown, day: date | None) -> Window:
        return NOTHING if day is None else self.windows.get(shown, {}).get(day, NOTHING)

    def newest_windows(self) -> dict[Shown, Window]:
        return {each: self.at(each, self.newest) for each in self.windows}


def organisation(connection: Any) -> Organisation:
    """The tree as SIAD showed it last."""
    return organised(each for cls in LEVELS for each in queries.of_class(connection, "SIAD", cls))


def of_kept(connection: Any, place: Place | None, show: Show) -> View:
    """A view of the exploration, of what the database has."""
    view = chosen(organisation(connection), place, show)
    if view.selected is None:
        return view
    if show is Show.SERVICES:
        key = view.selected.key
        requests = [it for cls in REQUESTS for it in queries.of_class(connection, "SIAD", cls)]
        view.found = services([it for it in requests if it.references["Zone"] == key])
    view.said = [as_message(view.found if show is Show.SERVICES else [view.selected])]
    return view


def as_message(instances: Sequence[KeptInstance]) -> Said:
    """What was kept, as SIAD's adapter writes it."""
    profile = reading.profile("siad")
    made = []
    for it in instances:
        cls = profile[it.cls]
        known = profile.attributes(cls)
        values = {
            name: lexical.read(known[name].type, text) for name, text in it.attributes.items()
        }
        made.append(Instance(cls, values, it.references))
    return Said("SIAD", None, xml.serialize(payload.write(profile, made)))


def kept(
    connection: Any,
    *,
    back: Mapping[Shown, int] | None = None,
    place: Place | None = None,
    tree: Organisation | None = None,
) -> Kept:
    """What is known up to the newest day; `back` says of how many days before it, besides.  With a
    `place` figures are of its circuits alone.  The `tree` is read where it is not given."""
    mappings = queries.mappings(connection)
    tree = tree or organisation(connection)
    names: list[str] | None = None
    if place is not None:
        here = {each.key for each in tree.circuits(place)}
        names = [it.simoce for it in mappings if it.simoce and it.siad in here]
    siad = {it.simoce: it.siad for it in mappings if it.siad and it.simoce}
    newest = queries.newest_day(connection, Span.MONTH)
    windows: dict[Shown, dict[date, Window]] = {}
    rolled: dict[Shown, DaysRolled] = {}
    for shown, span in SPANS.items():
        windows[shown] = {}
        if newest is None:
            continue
        first = newest - timedelta(days=(back or {}).get(shown, 0))
        found = DaysRolled.of(queries.sums(connection, span, first, newest, names))
        rolled[shown] = found
        p95 = queries.p95(connection, span, newest, names)
        windows[shown] = {
            newest - timedelta(days=1): _window(found, newest - timedelta(days=1), siad, {}),
            newest: _window(found, newest, siad, p95),
        }
    return Kept(tree, mappings, newest, windows, rolled)


def _window(
    rolled: DaysRolled, day: date, siad: Mapping[str, str], p95: Mapping[str, P95]
) -> Window:
    """Of one day."""
    here = rolled.on(day)
    rows = {siad[it]: row for row, it in enumerate(rolled.feeders[here]) if it in siad}
    told = {siad[feeder]: each for feeder, each in p95.items() if feeder in siad}
    return Window(rows, rolled.rollup[here], told)
