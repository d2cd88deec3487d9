"""A new campaign: what it orders for whom, looked at once more before it begins."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.place import PlaceKind
from headend.rest import campaigns as rest
from headend.rest import firmware as rest_firmware
from headend.rest import registry as rest_registry
from headend.rest.campaign_told import CampaignTold
from headend.rest.problems import Problem
from headend.rest.registry_told import PlaceTold
from headend.store import queries
from headend.web import campaign_form, standing
from headend.web.campaign_form import Given
from headend.web.render import rendered
from headend.web.visit import Visit, visiting
from headend.web.wrong_form import told

Sender = Annotated[Visit, Security(visiting, scopes=[Permission.ORDER_SEND])]
UNITS = ("W", "kW", "VA", "kVA", "A")
OFFERED_MAX = 500
"""Places of a kind, and concentrators, that a field offers; others are written."""
IMAGES_MAX = 200
NAMED_MAX = 40
"""Meters of a group that the last look names; of all it tells how many."""
PLACES = (PlaceKind.TRANSFORMER, PlaceKind.FEEDER, PlaceKind.SUBSTATION, PlaceKind.ZONE,
    PlaceKind.REGION)  # fmt: skip

router = APIRouter()


@router.get("/campaigns/new")
async def new_campaign(visit: Sender) -> Response:
    """The kinds of order that there are, or the form for one."""
    return await _form(visit, campaign_form.asked(visit))


@router.post("/campaigns/new")
async def check_campaign(visit: Sender) -> Response:
    """What is about to begin, once more, with who is left out; nothing is done yet."""
    given = campaign_form.filled(visit)
    if visit.field("again"):
        return await _form(visit, given)
    try:
        wanted = campaign_form.wanted(given, visit.words.zone)
        foreseen = await rest.foreseen(visit.request, visit.parts, visit.caller, wanted)
    except (Problem, ValueError, OverflowError) as error:
        return await _form(visit, given, error)
    if not given["why"]:
        return await _form(visit, given, ValueError("why: ?"))
    begun = dict(given)
    if wanted.meters:  # who is left out here is not named when it begins
        begun["meters"] = "\n".join(foreseen.meters)
    return rendered(
        visit, "campaign_check.html", given=given, begun=begun, wanted=wanted, foreseen=foreseen,
        named_max=NAMED_MAX, standing=standing,
        most=visit.parts.placing.acceptance.policy.disconnects_per_hour,
    )  # fmt: skip


@router.post("/campaigns")
async def start_campaign(visit: Sender) -> Response:
    given = campaign_form.filled(visit)
    try:
        wanted = campaign_form.wanted(given, visit.words.zone)
        answer = await rest.start_campaign(
            visit.request, visit.parts, visit.caller, wanted, visit.key
        )
    except (Problem, ValueError, OverflowError) as error:
        return await _form(visit, given, error)
    number = CampaignTold.model_validate_json(bytes(answer.body)).number
    return visit.to(f"/campaigns/{number}", "campaigns.done.started")


async def _form(visit: Visit, given: Given, wrong: Exception | None = None) -> Response:
    """Raises `Problem` where it is no field that is wrong."""
    said, status = (None, 200) if wrong is None else (told(wrong), 400)
    kinds = campaign_form.kinds(visit)
    if given["kind"] not in kinds:
        return rendered(visit, "campaign_kinds.html", status, kinds=kinds, given=given, wrong=said)
    offered: dict[str, Any] = {"places": [], "concentrators": [], "images": []}
    if visit.may(Permission.REGISTRY_READ):
        known = await visit.parts.read(
            lambda connection: queries.concentrators(connection, limit=OFFERED_MAX)
        )
        images = await rest_firmware.list_images(visit.parts, visit.caller, IMAGES_MAX, None)
        offered = {
            "places": await _places(visit), "concentrators": [each.name for each in known],
            "images": images.items,
        }  # fmt: skip
    # Nothing has begun under the key of a form that something was wrong with.
    key = visit.web.sessions.secret() if said or not given["key"] else given["key"]
    return rendered(
        visit, "campaign_new.html", status, given={**given, "key": key}, wrong=said, units=UNITS,
        models=visit.parts.placing.reads.shelf.names(), **offered,
    )  # fmt: skip


async def _places(visit: Visit) -> list[PlaceTold]:
    """The widest last: most campaigns are of one transformer or feeder."""
    found: list[PlaceTold] = []
    for kind in PLACES:
        some = await rest_registry.list_places(
            visit.parts, visit.caller, kind, None, OFFERED_MAX, None
        )
        found += some.items
    return found
