"""Phase unbalance of each feeder of a region or a substation, from the database and on line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from headend.analysis.bands import COLOURS
from headend.analysis.quantity import QUANTITIES, Quantity
from headend.domain.account import Permission
from headend.ports.adapters import AdapterFailed
from headend.rest.problems import not_found, wrong_question
from headend.store import feeder_queries as queries
from headend.web.consulta import exploring
from headend.web.consulta.asking import Conversation
from headend.web.consulta.charts import unbalance_charts
from headend.web.consulta.gathering import moments, window_now
from headend.web.consulta.kept import Kept, kept, organisation
from headend.web.consulta.organisation import (
    AREA,
    CIRCUIT,
    REGION,
    SUBSTATION,
    ZONE,
    Organisation,
    Place,
    place_of,
)
from headend.web.consulta.realtime import asked_now
from headend.web.consulta.standing import Mode, Shown, Standing, sorted_by, standings
from headend.web.live import followed
from headend.web.page import Menu, Page
from headend.web.pages.exploration import Reader
from headend.web.render import rendered
from headend.web.visit import Visit

KEPT: Final = "/unbalance"
ON_LINE: Final = "/online/unbalance"
PAGES = (
    Page("unbalance", KEPT, Menu.CONSULTA, Permission.READING_READ),
    Page("online_unbalance", ON_LINE, Menu.ONLINE, Permission.READING_READ),
)
FEEDERS_OF_48H, FEEDERS_OF_MONTH = 12, 1
"""How many feeders a window is fetched of on the fly: SIMOCE tells 12 values each ten minutes."""
router = APIRouter()


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see: of where, in percent or magnitude, sorted by what."""

    at: str
    mode: Mode
    sort: Quantity
    by: Shown | None

    @property
    def place(self) -> Place | None:
        """Raises `Problem`."""
        if not self.at:
            return None
        cls, _, key = self.at.partition(":")
        if cls not in (REGION, ZONE, AREA, SUBSTATION, CIRCUIT) or not key:
            raise wrong_question("at", "it is CLASS:KEY of a region, substation or circuit")
        return cls, key

    def sorted(self, found: list[Standing], shown: list[Shown]) -> list[Standing]:
        by = self.by if self.by in shown else shown[0]
        return sorted_by(found, by, self.sort, self.mode)


async def wished(
    at: Annotated[str, Query(max_length=128)] = "",
    mode: Mode = Mode.PERCENT,
    sort: Quantity = Quantity.CURRENT,
    by: Shown | None = None,
) -> Wish:
    return Wish(at, mode, sort, by)


Wished = Annotated[Wish, Depends(wished)]


@router.get(KEPT)
async def from_database(visit: Reader, wish: Wished) -> Response:
    """Mobile Month and Mobile 48 h; real time joins them as soon as SCADA has answered."""
    asked = wish.place

    def ask(connection: Any) -> Kept:
        tree = organisation(connection)
        return kept(connection, place=asked or _first(tree), tree=tree)

    found = await visit.parts.read(ask)
    circuits = _circuits(found.organisation, asked)
    windows: dict[Shown, Any] = {**found.newest_windows()}
    realtime, failures = visit.web.realtime, list[AdapterFailed]()
    if realtime is not None:
        present = realtime.of([it.key for it in circuits])
        windows[Shown.NOW] = moments(
            found.organisation, circuits, present, visit.parts.config.analysis
        )
        if realtime.failed is not None:
            failures.append(realtime.failed)
    return shown(
        visit, found.organisation, circuits, windows, wish, on_line=False, window=None,
        failures=failures, said=[], most=None,
    )  # fmt: skip


@router.get(f"{KEPT}/live")
async def realtime(visit: Reader, wish: Wished) -> Response:
    """Tells when SCADA's values have come."""
    found = await visit.parts.read(organisation)
    keys = [it.key for it in _circuits(found, wish.place)]
    at_first = True

    async def look() -> int:
        nonlocal at_first
        if visit.web.realtime is None:
            return 0
        if at_first:  # the page is there already, without them
            at_first = False
            return -1
        await visit.web.realtime.renew(keys)
        return visit.web.realtime.asked

    return followed(visit, look)


@router.get(ON_LINE)
async def on_line(visit: Reader, wish: Wished, window: Shown = Shown.NOW) -> Response:
    """Real time from SCADA, and on demand a window computed of what SIMOCE has."""
    talk = Conversation(visit.web.adapters)
    policy, failures = visit.parts.config.analysis, list[AdapterFailed]()
    organisation, windows = Organisation(), dict[Shown, Any]()
    try:
        organisation = await exploring.tree(talk)
    except AdapterFailed as error:
        failures.append(error)
    circuits, tree = _circuits(organisation, wish.place), len(talk.said)
    most = {Shown.MONTH: FEEDERS_OF_MONTH, Shown.HOURS_48: FEEDERS_OF_48H}.get(window)
    too_many = most is not None and len(circuits) > most
    if circuits:
        if most is not None and not too_many:
            try:
                windows[window] = await window_now(
                    talk, organisation, circuits, window, today_of(visit), visit.words.zone, policy,
                    await visit.parts.read(queries.mappings),
                )  # fmt: skip
            except AdapterFailed as error:
                failures.append(error)
        try:
            found = await asked_now(talk, [it.key for it in circuits])
            windows[Shown.NOW] = moments(organisation, circuits, found, policy)
        except AdapterFailed as error:
            failures.append(error)
    return shown(
        visit, organisation, circuits, windows, wish, on_line=True, window=window,
        failures=failures, said=talk.answering(tree), most=most if too_many else None,
    )  # fmt: skip


def _circuits(organisation: Organisation, place: Place | None) -> list[Any]:
    if place is not None and organisation.roots and place not in organisation.known:
        raise not_found("place of this class and key", "Choose one in the list.")
    place = place or _first(organisation)
    return [] if place is None else organisation.circuits(place)


def _first(organisation: Organisation) -> Place | None:
    """What is shown where nothing is asked for: a substation."""
    return next((place_of(it) for it in organisation.places(SUBSTATION)), None)


def today_of(visit: Visit) -> date:
    return visit.parts.clock.now().astimezone(visit.words.zone).date()


def shown(
    visit: Visit,
    organisation: Organisation,
    circuits: list[Any],
    windows: dict[Shown, Any],
    wish: Wish,
    *,
    on_line: bool,
    **more: Any,
) -> Response:
    """Four charts, and a table of all of it."""
    policy = visit.parts.config.analysis
    stamps = [each for each in Shown if each in windows] or [Shown.NOW]
    found = wish.sorted(standings(organisation, circuits, windows, policy), stamps)
    place = wish.place
    if place is None and circuits:
        upper = organisation.above(circuits[0])
        place = None if upper is None else (upper.cls, upper.key)
    return rendered(
        visit, "unbalance.html", online=on_line, found=found, stamps=stamps, wish=wish,
        place=None if place is None else ":".join(place),
        places=[
            (f"{it.cls}:{it.key}", "\u2003" * (len(organisation.path(it)) - 1) + it.name)
            for it in organisation.places(REGION, ZONE, AREA, SUBSTATION)
        ],
        here=None if place is None else organisation.known.get(place),
        charts=unbalance_charts(visit.words, found, stamps, wish.mode) if found else [],
        modes=[(each, visit.words.of("consulta.mode", each)) for each in Mode],
        sorts=[(each, visit.words.of("consulta.quantity", each)) for each in QUANTITIES],
        bys=[(each, visit.words.of("consulta.shown", each)) for each in stamps],
        windows=[(each, visit.words.of("consulta.shown", each)) for each in reversed(Shown)],
        coverage=policy.minimum_coverage, QUANTITIES=QUANTITIES, COLOURS=COLOURS, **more,
    )  # fmt: skip
