"""/campaigns: list, show, preview, start, pause, resume, retry, cancel, approve, refuse."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security

from headend.access.desk import By
from headend.campaigns.foreseeing import Foreseen, foresee
from headend.campaigns.starting import NotStarted, Wanted, start, wish_of, wish_with
from headend.campaigns.steering import NotSteered
from headend.domain.account import Caller, Permission
from headend.domain.campaign import (
    BadPlan,
    Campaign,
    CampaignState,
    Choice,
    Meant,
    MemberState,
    Plan,
)
from headend.domain.meter_image import MeterImage
from headend.orders import cutting
from headend.orders.approve import NotSecond
from headend.orders.inbox import Conflict, Received, Repeated, Taken
from headend.ports import Transaction
from headend.rest.asking import HeadEnd, Parts, demand, known, source_of
from headend.rest.campaign_told import (
    CampaignForeseen,
    CampaignMeter,
    CampaignStory,
    CampaignTold,
    CampaignWanted,
    Why,
)
from headend.rest.deciding import not_second
from headend.rest.orders import NUMBER_MAX, Key
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import Problem, described, not_found, wrong_question
from headend.store import campaign_queries as queries
from headend.store import image_queries

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The campaign's number.")]


Reader = Annotated[Caller, Security(known, scopes=[Permission.ORDER_READ])]
Sender = Annotated[Caller, Security(known, scopes=[Permission.ORDER_SEND])]
Canceller = Annotated[Caller, Security(known, scopes=[Permission.ORDER_CANCEL])]
Approver = Annotated[Caller, Security(known, scopes=[Permission.ORDER_APPROVE])]
_STEERED = described(400, 401, 403, 404, 409, 413, 429, 503)


@router.get("", responses=described(400, 401, 403, 429, 503))
async def list_campaigns(
    parts: HeadEnd,
    caller: Reader,
    state: Annotated[list[CampaignState], Query(description="Only in one of these.")] = [],  # noqa: B006
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[CampaignTold]:
    """The latest campaigns first."""
    before = after_number(cursor_)
    found = await parts.read(
        lambda connection: queries.campaigns(connection, state, before=before, limit=limit + 1)
    )
    return page(found, limit, CampaignTold.of, lambda last: by_number(last.number))


@router.get("/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_campaign(parts: HeadEnd, caller: Reader, number: Number) -> CampaignStory:
    """A campaign: how far each wave is, why meters failed, and its story."""
    told = await parts.read(lambda connection: _story(connection, number))
    if told is None:
        raise _unknown(number)
    return told


@router.get("/{number}/meters", responses=described(400, 401, 403, 429, 503))
async def list_campaign_meters(
    parts: HeadEnd,
    caller: Reader,
    number: Number,
    state: Annotated[list[MemberState], Query(description="Only in one of these.")] = [],  # noqa: B006
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[CampaignMeter]:
    """Its meters, in the row in which they are given out."""
    begun = after_number(cursor_)
    after = -1 if begun is None else begun
    found = await parts.read(
        lambda connection: queries.campaign_meters(
            connection, number, state, after=after, limit=limit + 1
        )
    )
    return page(found, limit, CampaignMeter.of, lambda last: by_number(last.place))


@router.post(
    "",
    status_code=201,
    response_model=CampaignTold,
    responses=described(400, 401, 403, 413, 422, 429, 503),
)
async def start_campaign(
    request: Request, parts: HeadEnd, caller: Sender, wanted: CampaignWanted, key: Key
) -> Response:
    """Start a campaign.  Each kind of order takes its own permission besides: `order.cut` for
    disconnections and limits as good as one, `reading.demand` for reads, `key.change` for keys."""
    await _may_order(request, parts, caller, wanted)
    meant, by = _meant(wanted), By(caller.account, source_of(request))
    octets = wanted.model_dump_json().encode()
    digest = hashlib.sha256(octets).hexdigest()
    now = parts.clock.now()

    def effect(tx: Transaction, transaction_id: str) -> tuple[int, bytes]:
        campaign = start(tx, meant, by, now, parts.campaigns.reads)
        return campaign.number, CampaignTold.of(campaign).model_dump_json().encode()

    try:
        message = Received(caller.account, key, digest, octets)
        taken = await parts.placing.inbox.take(message, effect)
    except NotStarted as error:
        raise _refused(400, error) from error
    match taken:
        case Taken() | Repeated():
            parts.campaigns.wake()
            number = CampaignTold.model_validate_json(taken.answer).number
            headers = {"Location": f"/api/v1/campaigns/{number}"}
            return Response(taken.answer, 201, headers, "application/json")
        case Conflict():
            raise Problem(
                422, "key-reused", "The campaign is not started.",
                "another question came with this Idempotency-Key before",
                "Make a new key for each campaign.",
            )  # fmt: skip


@router.post("/preview", responses=described(400, 401, 403, 413, 429, 503))
async def preview_campaign(
    request: Request, parts: HeadEnd, caller: Sender, wanted: CampaignWanted
) -> CampaignForeseen:
    """What a campaign would be: how many meters, who is left out, whose orders would be refused.
    Nothing begins.  It takes the permissions of the campaign."""
    return CampaignForeseen.of(await foreseen(request, parts, caller, wanted))


async def foreseen(
    request: Request, parts: Parts, caller: Caller, wanted: CampaignWanted
) -> Foreseen:
    """The same with every meter's name.  Raises `Problem`."""
    await _may_order(request, parts, caller, wanted)
    it, by = _meant(wanted), By(caller.account, source_of(request))

    def found(connection: queries.Connection) -> tuple[Meant, MeterImage | None]:
        image = None if it.wish.image is None else image_queries.label(connection, it.wish.image)
        return queries.meant(connection, it.choice), image

    meant, image = await parts.read(found)
    try:
        return foresee(it, by, meant, image, parts.clock.now(), parts.placing.reads)
    except NotStarted as error:
        raise _refused(400, error) from error


@router.post("/{number}/pause", responses=_STEERED)
async def pause_campaign(
    request: Request,
    parts: HeadEnd,
    caller: Sender,
    number: Number,
    why: Why = Why(),  # noqa: B008
) -> CampaignTold:
    """Give nothing more out until it is resumed; what is under way goes on."""
    by = await _may(request, parts, caller, number)
    return await _told(parts.campaigns.pause(number, by, why.why))


@router.post("/{number}/resume", responses=_STEERED)
async def resume_campaign(
    request: Request, parts: HeadEnd, caller: Sender, number: Number
) -> CampaignTold:
    """Go on, also where it had stopped itself."""
    by = await _may(request, parts, caller, number)
    return await _told(parts.campaigns.resume(number, by))


@router.post("/{number}/retry", responses=_STEERED)
async def retry_campaign(
    request: Request, parts: HeadEnd, caller: Sender, number: Number
) -> CampaignTold:
    """Give each meter that failed another order."""
    by = await _may(request, parts, caller, number)
    return await _told(parts.campaigns.retry(number, by))


@router.post("/{number}/cancel", responses=_STEERED)
async def cancel_campaign(
    request: Request,
    parts: HeadEnd,
    caller: Canceller,
    number: Number,
    why: Why = Why(),  # noqa: B008
) -> CampaignTold:
    """End it: what has not been sent is withdrawn."""
    by = By(caller.account, source_of(request))
    return await _told(parts.campaigns.cancel(number, by, why.why))


@router.post("/{number}/approve", responses=_STEERED)
async def approve_campaign(
    request: Request, parts: HeadEnd, caller: Approver, number: Number
) -> CampaignTold:
    """Let its cuts of supply through, as the second person."""
    return await _told(parts.campaigns.approve(number, caller, source=source_of(request)))


@router.post("/{number}/refuse", responses=_STEERED)
async def refuse_campaign(
    request: Request, parts: HeadEnd, caller: Approver, number: Number
) -> CampaignTold:
    """End what is held of it, and cancel the rest."""
    return await _told(parts.campaigns.refuse(number, caller, source=source_of(request)))


async def _may_order(
    request: Request, parts: Parts, caller: Caller, wanted: CampaignWanted
) -> None:
    """Go on where this caller may order what is to be ordered.  Raises `Problem`."""
    policy = parts.placing.acceptance.policy
    needed = cutting.permission(wanted.kind, wanted.amount, wanted.unit, policy)
    if needed is not Permission.ORDER_SEND:
        await demand(parts, request, caller, needed, f"campaign of {wanted.kind}")


def _meant(wanted: CampaignWanted) -> Wanted:
    """What is wanted, in the head-end's words.  Raises `Problem`."""
    try:
        return Wanted(
            wish_with(wanted.kind, wanted.amount, wanted.unit, wanted.until, wanted.detail),
            Choice(
                tuple(wanted.meters), wanted.place, wanted.concentrator, wanted.model,
                wanted.firmware,
            ),
            Plan(tuple(wanted.waves), wanted.pace, wanted.share, wanted.stop_share),
            tuple(wanted.objects),
            wanted.emergency,
            wanted.any_day,
            wanted.order_deadline_s,
            wanted.note,
            wanted.every,
        )  # fmt: skip
    except BadPlan as error:
        raise wrong_question("body.waves", str(error)) from error
    except NotStarted as error:
        raise _refused(400, error) from error


async def _may(request: Request, parts: Parts, caller: Caller, number: int) -> By:
    """Go on where this caller may order what the campaign orders.  Raises `Problem`."""
    found = await parts.read(lambda connection: queries.progress(connection, number))
    if found is None:
        raise _unknown(number)
    wish, policy = wish_of(found.campaign), parts.placing.acceptance.policy
    needed = cutting.permission(wish.kind, wish.amount, wish.unit, policy)
    if needed is not Permission.ORDER_SEND:
        await demand(parts, request, caller, needed, f"campaign {number}")
    return By(caller.account, source_of(request))


async def _told(steered: Awaitable[Campaign]) -> CampaignTold:
    try:
        return CampaignTold.of(await steered)
    except NotSteered as error:
        raise _refused(404 if error.code == "no-such-campaign" else 409, error) from error
    except NotSecond as error:
        raise not_second(error) from error


def _story(connection: queries.Connection, number: int) -> CampaignStory | None:
    found = queries.progress(connection, number)
    return None if found is None else CampaignStory.of(found, queries.story(connection, number))


def _unknown(number: int) -> Problem:
    advice = "GET /api/v1/campaigns lists those that there are."
    return not_found(f"campaign {number}", advice)


def _refused(status: int, error: NotStarted | NotSteered) -> Problem:
    title = {400: "The campaign is not started.", 404: "There is no such thing."}
    return Problem(
        status, error.code, title.get(status, "It does not go that way now."), str(error),
        error.next_step,
    )  # fmt: skip
