"""The dynamic dashboard: how many feeders are green, yellow and red, down to each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fastapi import APIRouter, Response

from headend.analysis.bands import COLOURS, Colour, counted
from headend.analysis.figures import figures
from headend.analysis.quantity import QUANTITIES, UNITS, Quantity
from headend.config.analysis import AnalysisPolicy
from headend.domain.account import Permission
from headend.domain.feeder import KeptInstance
from headend.rest.problems import not_found
from headend.tasks.dashboard import Change, changes, trend_counts
from headend.web.consulta.charts import trend_chart
from headend.web.consulta.kept import LENGTHS, Kept, kept
from headend.web.consulta.organisation import AREA, CIRCUIT, LEVELS, SUBSTATION, place_of
from headend.web.consulta.standing import (
    Shown,
    Together,
    codes_of,
    exceeding,
    judged_of,
    standings,
    together,
)
from headend.web.page import Menu, Page
from headend.web.pages.exploration import Name, Reader
from headend.web.pages.unbalance import Wished
from headend.web.render import rendered

PATH: Final = "/dashboard"
PAGES = (Page("dashboard", PATH, Menu.CONSULTA, Permission.READING_READ),)
TREND_DAYS: Final = 13
"""Days before the newest in the trend."""
CHANGES_SHOWN: Final = 12
NOT_JUDGED: Final = [COLOURS.index(Colour.UNKNOWN)] * len(QUANTITIES)
Codes = Mapping[str, Sequence[int]]
"""Of circuits by SIAD's keys, for each quantity the place of its colour in COLOURS."""
router = APIRouter()


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the division, and how many of its feeders are of which colour."""

    it: KeptInstance
    feeders: int
    counts: Mapping[Quantity, Mapping[Colour, int]]
    total: Together | None


@router.get(PATH)
async def show(visit: Reader, wish: Wished, window: Name = Shown.MONTH.value) -> Response:
    shown = Shown.HOURS_48 if window == Shown.HOURS_48 else Shown.MONTH
    other = _other(shown)
    place = wish.place
    found = await visit.parts.read(
        lambda connection: kept(connection, back={shown: TREND_DAYS, other: 0}, place=place)
    )
    organisation = found.organisation
    if place is not None and place not in organisation.known:
        raise not_found("place of this class and key", "Choose one on the dashboard.")
    here = None if place is None else organisation.known[place]
    circuits = organisation.circuits(place)
    policy = visit.parts.config.analysis
    codes = codes_of(organisation, circuits, found.at(shown, found.newest), policy)
    feeders = here is not None and here.cls in (SUBSTATION, CIRCUIT)
    return rendered(
        visit, "dashboard.html", here=here, place=wish.at, shown=shown, other=other,
        path=[] if here is None else organisation.path(here), kept=found,
        days=_days(found.newest, shown), total=len(circuits), counts=_counts(codes, circuits),
        found=standings(organisation, circuits, found.newest_windows(), policy) if feeders else [],
        groups=[] if feeders or not circuits else _groups(found, here, codes, shown, policy),
        feeders=feeders, known=organisation.known,
        changes=_changes(found, circuits, codes, shown, policy)[:CHANGES_SHOWN],
        chart=trend_chart(visit.words, _trend(found, circuits, shown, policy)),
        QUANTITIES=QUANTITIES, UNITS=UNITS, Colour=Colour, coverage=policy.minimum_coverage,
        exceeding=exceeding,
    )  # fmt: skip


def _other(shown: Shown) -> Shown:
    return Shown.MONTH if shown is Shown.HOURS_48 else Shown.HOURS_48


def _days(newest: date | None, shown: Shown) -> tuple[date, date] | None:
    return None if newest is None else (newest - timedelta(days=LENGTHS[shown] - 1), newest)


def _counts(
    codes: Codes, circuits: Sequence[KeptInstance]
) -> Mapping[Quantity, Mapping[Colour, int]]:
    """How many are of which colour; who has no figures is unknown."""
    return counted([codes.get(each.key, NOT_JUDGED) for each in circuits])


def _groups(
    found: Kept, here: KeptInstance | None, codes: Codes, shown: Shown, policy: AnalysisPolicy
) -> list[Group]:
    """The parts below that have feeders: areas of the division and of a zone, substations of an
    area."""
    organisation, window = found.organisation, found.at(shown, found.newest)
    level = AREA if here is None or LEVELS.index(here.cls) < LEVELS.index(AREA) else SUBSTATION
    made = []
    for it in organisation.places(level, within=None if here is None else place_of(here)):
        circuits = organisation.circuits(place_of(it))
        if circuits:
            known = window.among([each.key for each in circuits if each.key in window])
            total = together(figures(known, policy))
            made.append(Group(it, len(circuits), _counts(codes, circuits), total))
    return made


def _changes(
    found: Kept,
    circuits: Sequence[KeptInstance],
    codes: Codes,
    shown: Shown,
    policy: AnalysisPolicy,
) -> list[Change]:
    """Those that have another colour than the day before, the worst first."""
    if found.newest is None:
        return []
    tree, now = found.organisation, found.at(shown, found.newest)
    before = found.at(shown, found.newest - timedelta(days=1))
    was = codes_of(tree, circuits, before, policy)
    other = [it for it in circuits if it.key in was and was[it.key] != codes.get(it.key)]
    made = changes(
        judged_of(tree, other, before, policy), judged_of(tree, other, now, policy)
    )  # of these few alone
    order = [Colour.RED, Colour.YELLOW, Colour.UNKNOWN, Colour.GREEN]
    return sorted(made, key=lambda it: (order.index(it.now), it.feeder))


def _trend(
    found: Kept, circuits: Sequence[KeptInstance], shown: Shown, policy: AnalysisPolicy
) -> list[tuple[date, dict[Quantity, dict[Colour, int]]]]:
    """How many were of which colour on each of the last days."""
    if shown not in found.rolled:
        return []
    mine = {each.key: each for each in circuits}
    nominal = {
        each.simoce: found.organisation.volts(mine[each.siad])
        for each in found.mappings
        if each.simoce and each.siad in mine
    }
    return [*trend_counts(found.rolled[shown].among(nominal), policy, nominal).items()]
