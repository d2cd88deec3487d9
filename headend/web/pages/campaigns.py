"""Campaigns: firmware, keys, limits or cuts for many meters in waves; pause, go on, end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.domain.account import Permission
from headend.domain.campaign import CampaignState, MemberState
from headend.rest import campaigns as rest
from headend.rest.campaign_told import Why
from headend.web import standing
from headend.web.live import followed, marked
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Numbered, Visit, visiting

PAGES = (Page("campaigns", "/campaigns", Menu.OPERATION, Permission.ORDER_READ),)
WHY_MAX = 500
P = Permission

router = APIRouter()


@router.get("/campaigns")
async def campaigns(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])],
) -> Response:
    state = visit.among("state", CampaignState)
    found = await rest.list_campaigns(
        visit.parts, visit.caller, [] if state is None else [state], 50, visit.asked("cursor")
    )
    return rendered(
        visit, "campaigns.html", found=found, next=visit.onward(found.next), state=state,
        states=list(CampaignState), standing=standing,
    )  # fmt: skip


@router.get("/campaigns/{number}")
async def campaign(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])], number: Numbered
) -> Response:
    story = await rest.show_campaign(visit.parts, visit.caller, number)
    state = visit.among("state", MemberState)
    members = await rest.list_campaign_meters(
        visit.parts, visit.caller, number, [] if state is None else [state], 50,
        visit.asked("cursor"),
    )  # fmt: skip
    return rendered(
        visit, "campaign.html", told=story, campaign=story.campaign, members=members,
        next=visit.onward(members.next), state=state, states=list(MemberState), standing=standing,
        seen=marked(story),
    )  # fmt: skip


@router.get("/campaigns/{number}/live")
async def follow_campaign(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])], number: Numbered
) -> Response:
    """Says `changed` with each step of the campaign."""
    story = await rest.show_campaign(visit.parts, visit.caller, number)

    async def look() -> object:
        return marked(await rest.show_campaign(visit.parts, visit.caller, number))

    return followed(visit, look, known=visit.asked("seen") or marked(story))


Sender = Annotated[Visit, Security(visiting, scopes=[P.ORDER_SEND])]
Canceller = Annotated[Visit, Security(visiting, scopes=[P.ORDER_CANCEL])]
Approver = Annotated[Visit, Security(visiting, scopes=[P.ORDER_APPROVE])]


@router.post("/campaigns/{number}/pause")
async def pause(visit: Sender, number: Numbered) -> Response:
    await rest.pause_campaign(visit.request, visit.parts, visit.caller, number, _why(visit))
    return _back(visit, number, "paused")


@router.post("/campaigns/{number}/resume")
async def resume(visit: Sender, number: Numbered) -> Response:
    await rest.resume_campaign(visit.request, visit.parts, visit.caller, number)
    return _back(visit, number, "resumed")


@router.post("/campaigns/{number}/retry")
async def retry(visit: Sender, number: Numbered) -> Response:
    await rest.retry_campaign(visit.request, visit.parts, visit.caller, number)
    return _back(visit, number, "retried")


@router.post("/campaigns/{number}/cancel")
async def cancel(visit: Canceller, number: Numbered) -> Response:
    await rest.cancel_campaign(visit.request, visit.parts, visit.caller, number, _why(visit))
    return _back(visit, number, "cancelled")


@router.post("/campaigns/{number}/approve")
async def approve(visit: Approver, number: Numbered) -> Response:
    await rest.approve_campaign(visit.request, visit.parts, visit.caller, number)
    return _back(visit, number, "approved")


@router.post("/campaigns/{number}/refuse")
async def refuse(visit: Approver, number: Numbered) -> Response:
    await rest.refuse_campaign(visit.request, visit.parts, visit.caller, number)
    return _back(visit, number, "refused")


def _why(visit: Visit) -> Why:
    return Why(why=visit.field("why")[:WHY_MAX])


def _back(visit: Visit, number: int, done: str) -> Response:
    return visit.to(f"/campaigns/{number}", f"campaigns.done.{done}")
