"""Concentrators: on line or not, how they fare, and where their meters are in their network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.activity import ActivityKind
from headend.rest import activities as rest_activities
from headend.rest import meters as rest
from headend.rest.problems import not_found
from headend.store.upkeep_queries import ConcentratorPage, concentrator_page
from headend.web import standing
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Named, Visit, visiting
from protocols.concentrator.upkeep import MeterPlace

PAGES = (Page("concentrators", "/concentrators", Menu.OPERATION, Permission.REGISTRY_READ),)
ASKED = (
    ActivityKind.STATE, ActivityKind.CLOCK, ActivityKind.TOPOLOGY, ActivityKind.EVENTS,
    ActivityKind.FAULTS, ActivityKind.DISCOVER, ActivityKind.REBOOT,
)  # fmt: skip
TREE_MAX = 2000
WEAK_DB, FAIR_DB = 5.0, 10.0
"""Signal to noise at which a PLC link loses frames, and below which it may: docs/models.md."""
P = Permission

router = APIRouter()


@dataclass(slots=True)
class Branch:
    """A meter in the topology, and those that it repeats for."""

    meter: str
    place: MeterPlace | None
    heard: float | None
    look: standing.Look
    below: list[Branch] = field(default_factory=list)


@router.get("/concentrators")
async def concentrators(
    visit: Annotated[Visit, Security(visiting, scopes=[P.REGISTRY_READ])],
) -> Response:
    found = await rest.list_concentrators(visit.parts, visit.caller, 50, visit.asked("cursor"))
    return rendered(visit, "concentrators.html", found=found, next=visit.onward(found.next))


@router.get("/concentrators/{name}")
async def concentrator(
    visit: Annotated[Visit, Security(visiting, scopes=[P.REGISTRY_READ])], name: Named
) -> Response:
    page = await visit.parts.read(lambda connection: concentrator_page(connection, name))
    if page is None:
        raise not_found(f"concentrator {name}", "/concentrators")
    asked = await rest_activities.list_activities(visit.parts, visit.caller, name, [], 10, None)
    return rendered(
        visit, "concentrator.html", page=page, tree=topology(page), asked=asked, kinds=ASKED,
        standing=standing, key=visit.web.sessions.secret(), shares=_shares(page),
    )  # fmt: skip


@router.post("/concentrators/{name}/ask")
async def ask(
    visit: Annotated[Visit, Security(visiting, scopes=[P.CONCENTRATOR_ASK])], name: Named
) -> Response:
    wanted = rest_activities.ActivityWanted.model_validate({"kind": visit.field("kind", "state")})
    await rest_activities.ask_concentrator(
        visit.request, visit.parts, visit.caller, name, wanted, visit.field("key")
    )
    return visit.to(f"/concentrators/{name}", "concentrators.done.asked")


def topology(page: ConcentratorPage) -> list[Branch]:
    """The meters as a tree: each below the last one that repeats for it."""
    if page.known is None:
        return []
    shares = _shares(page)
    places = {place.meter: place for place in page.known.state.meters[:TREE_MAX]}
    branches = {
        name: Branch(name, place, shares.get(name), _look(place, shares.get(name)))
        for name, place in places.items()
    }
    roots = []
    for name, place in places.items():
        above = place.via[-1] if place.via else None
        if above is None or above == name or above not in branches or _loops(places, name):
            roots.append(branches[name])
        else:
            branches[above].below.append(branches[name])
    return sorted(roots, key=lambda branch: (-len(branch.below), branch.meter))


def _loops(places: Mapping[str, MeterPlace], name: str) -> bool:
    """Whether the ways that were told lead back: each was told at another moment."""
    seen = {name}
    while (place := places.get(name)) is not None and place.via:
        name = place.via[-1]
        if name in seen:
            return True
        seen.add(name)
    return False


def _shares(page: ConcentratorPage) -> dict[str, float]:
    """Of the keep-alives that were asked of each meter, the share that was heard."""
    return {meter: heard / asked for meter, (heard, asked) in page.availability.items() if asked}


def _look(place: MeterPlace, heard: float | None) -> standing.Look:
    if not place.registered:
        return "bad"
    if place.snr_db is not None and place.snr_db < WEAK_DB:
        return "bad"
    if place.snr_db is not None and place.snr_db < FAIR_DB:
        return "some"
    return "good" if heard is None else standing.of_share(heard)
