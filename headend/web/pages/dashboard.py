"""The dynamic dashboard: how many feeders are green, yellow and red, down to each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fastapi import APIRouter, Response

from headend.analysis.bands import COLOURS, Colour
from headend.analysis.quantity import QUANTITIES, UNITS, Quantity
from headend.domain.account import Permission
from headend.domain.feeder import KeptInstance
from headend.rest.problems import not_found
from headend.tasks.dashboard import trend_counts
from headend.web.consulta.charts import trend_chart
from headend.web.consulta.kept import LENGTHS, Kept, kept
from headend.web.consulta.organisation import AREA, CIRCUIT, LEVELS, SUBSTATION, place_of
from headend.web.consulta.standing import (
    Shown,
    Standing,
    Together,
    colours_of,
    counts,
    exceeding,
    standings,
    together,
)
from headend.web.page import Menu, Page
from headend.web.pages.exploration import Name, Reader
from headend.web.pages.unbalance import Wished
from headend.web.render import rendered
from headend.web.visit import Visit

PATH: Final = "/dashboard"
PAGES = (Page("dashboard", PATH, Menu.CONSULTA, Permission.READING_READ),)
TREND_DAYS: Final = 13
"""Days before the newest in the trend."""
CHANGES_SHOWN: Final = 12
router = APIRouter()


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the division, and how many of its feeders are of which colour."""

    it: KeptInstance
    feeders: int
    counts: dict[Quantity, dict[Colour, int]]
    total: Together | None


@dataclass(frozen=True, slots=True)
class Change:
    """A feeder that has another colour than a day before."""

    circuit: KeptInstance
    quantity: Quantity
    before: Colour
    after: Colour
    percents: tuple[float | None, float | None]


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
    now = standings(organisation, circuits, found.newest_windows(), policy)
    return rendered(
        visit, "dashboard.html", here=here, place=wish.at, shown=shown, other=other,
        path=[] if here is None else organisation.path(here), found=now, kept=found,
        days=_days(found.newest, shown), total=len(circuits),
        counts={each: counts(now, shown, each) for each in QUANTITIES},
        groups=[] if not circuits else _groups(found, here, now, shown),
        feeders=here is not None and here.cls in (SUBSTATION, CIRCUIT),
        changes=_changes(visit, found, now, shown)[:CHANGES_SHOWN],
        chart=trend_chart(visit.words, _trend(visit, found, circuits, shown)),
        QUANTITIES=QUANTITIES, UNITS=UNITS, Colour=Colour, coverage=policy.minimum_coverage,
        exceeding=exceeding,
    )  # fmt: skip


def _other(shown: Shown) -> Shown:
    return Shown.MONTH if shown is Shown.HOURS_48 else Shown.HOURS_48


def _days(newest: date | None, shown: Shown) -> tuple[date, date] | None:
    return None if newest is None else (newest - timedelta(days=LENGTHS[shown] - 1), newest)


def _groups(
    found: Kept, here: KeptInstance | None, now: list[Standing], shown: Shown
) -> list[Group]:
    """The parts below: areas of the division and of a zone, substations of an area."""
    organisation = found.organisation
    level = AREA if here is None or LEVELS.index(here.cls) < LEVELS.index(AREA) else SUBSTATION
    by_key = {each.circuit.key: each for each in now}
    made = []
    for it in organisation.places(level):
        mine = [
            by_key[each.key] for each in organisation.circuits(place_of(it)) if each.key in by_key
        ]
        if not mine:
            continue
        made.append(
            Group(
                it,
                len(mine),
                {each: counts(mine, shown, each) for each in QUANTITIES},
                together([each.windows[shown] for each in mine if shown in each.windows]),
            )
        )
    return made


def _changes(visit: Visit, found: Kept, now: list[Standing], shown: Shown) -> list[Change]:
    """Those that have another colour than the day before, the worst first."""
    if found.newest is None:
        return []
    before = found.at(shown, found.newest - timedelta(days=1))
    both = [it for it in now if it.circuit.key in before and shown in it.windows]
    was, percents = colours_of(
        [before[it.circuit.key] for it in both],
        visit.parts.config.analysis,
        [it.kilovolts for it in both],
    )
    made = []
    for it, codes, old in zip(both, was.tolist(), percents.tolist(), strict=True):
        is_now = it.windows[shown]
        for quantity, code, percent in zip(QUANTITIES, codes, old, strict=True):
            pair = COLOURS[code], is_now.colour[quantity]
            if pair[0] is not pair[1]:
                known = None if math.isnan(percent) else percent
                made.append(Change(it.circuit, quantity, *pair, (known, is_now.percent[quantity])))
    order = [Colour.RED, Colour.YELLOW, Colour.UNKNOWN, Colour.GREEN]
    return sorted(made, key=lambda it: (order.index(it.after), it.circuit.key))


def _trend(
    visit: Visit, found: Kept, circuits: list[KeptInstance], shown: Shown
) -> list[tuple[date, dict[Quantity, dict[Colour, int]]]]:
    """How many were of which colour on each of the last days."""
    mine = {each.key: each for each in circuits}
    nominal: dict[str, float | None] = {}
    for each in found.mappings:
        if each.simoce and each.siad in mine:
            level = found.organisation.kilovolts(mine[each.siad])
            nominal[each.simoce] = None if level is None else level * 1000
    rolls = [each for each in found.sums.get(shown, ()) if each.feeder in nominal]
    return sorted(trend_counts(rolls, visit.parts.config.analysis, nominal).items())
