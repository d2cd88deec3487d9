"""/campaigns: list, show, start, pause, resume, retry, cancel, approve, refuse."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from headend.access.desk import By
from headend.access.ordering import permission_for
from headend.campaigns.starting import NotStarted, Wanted, start, wish_with
from headend.campaigns.steering import NotSteered
from headend.domain.account import Caller, Permission
from headend.domain.campaign import (
    BadPlan,
    Campaign,
    CampaignLine,
    CampaignState,
    Choice,
    Member,
    MemberState,
    Plan,
    Progress,
    Tally,
)
from headend.domain.order import Kind
from headend.domain.reason import ReasonCode
from headend.orders.approve import NotSecond
from headend.orders.inbox import Conflict, Received, Repeated, Taken
from headend.ports import Transaction
from headend.rest.asking import HeadEnd, Parts, demand, known, source_of
from headend.rest.deciding import not_second
from headend.rest.orders import NUMBER_MAX, Key
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import Problem, described, not_found, wrong_question
from headend.rest.values import DeviceName, Instant
from headend.store import campaign_queries as queries

METERS_MAX = 100_000

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The campaign's number.")]


class CampaignTold(BaseModel):
    """A campaign as it was made, and how it stands."""

    number: int
    kind: Kind
    state: CampaignState
    why: str = Field(description="It is paused, stopped or cancelled.")
    asked_by: str
    approved_by: str | None = Field(description="The second person, of disconnections.")
    made_at: datetime
    ended_at: datetime | None
    size: int = Field(description="How many meters it has.")
    chosen: str = Field(description="How they were chosen.")
    emergency: bool
    waves: list[str]
    pace: int | None
    share: float
    stop_share: float
    note: str

    @staticmethod
    def of(campaign: Campaign) -> CampaignTold:
        plan = campaign.plan
        return CampaignTold(
            number=campaign.number, kind=campaign.kind, state=campaign.state, why=campaign.why,
            asked_by=campaign.asked_by, approved_by=campaign.approved_by,
            made_at=campaign.made_at, ended_at=campaign.ended_at, size=campaign.size,
            chosen=str(campaign.choice), emergency=campaign.emergency, waves=list(plan.waves),
            pace=plan.pace, share=plan.share, stop_share=plan.stop_share, note=campaign.note,
        )  # fmt: skip


class WaveTold(BaseModel):
    """How many meters of a wave, or of all, stand where."""

    waiting: int
    under_way: int
    done: int
    failed: int
    withdrawn: int

    @staticmethod
    def of(tally: Tally) -> WaveTold:
        return WaveTold(
            waiting=tally.waiting, under_way=tally.under_way, done=tally.done,
            failed=tally.failed, withdrawn=tally.withdrawn,
        )  # fmt: skip


class CampaignLineTold(BaseModel):
    """A line of a campaign's story; `who` is empty where it was the campaign itself."""

    at: datetime
    who: str
    what: str

    @staticmethod
    def of(line: CampaignLine) -> CampaignLineTold:
        return CampaignLineTold(at=line.at, who=line.who, what=line.what)


class CampaignStory(BaseModel):
    """A campaign, how far it is, and how it came to stand so."""

    campaign: CampaignTold
    total: WaveTold
    waves: list[WaveTold]
    reasons: dict[ReasonCode, int] = Field(description="Why meters failed, and how many.")
    held: int = Field(description="Orders under way that wait for a second person.")
    story: list[CampaignLineTold]

    @staticmethod
    def of(found: Progress, lines: list[CampaignLine]) -> CampaignStory:
        return CampaignStory(
            campaign=CampaignTold.of(found.campaign),
            total=WaveTold.of(found.total),
            waves=[WaveTold.of(wave) for wave in found.waves],
            reasons=found.reasons,
            held=found.held,
            story=[CampaignLineTold.of(line) for line in lines],
        )


class CampaignMeter(BaseModel):
    """One meter of a campaign."""

    meter: str
    wave: int
    state: MemberState
    tries: int
    order: int | None = Field(description="The last one's number.")
    reason: ReasonCode | None
    ended_at: datetime | None

    @staticmethod
    def of(member: Member) -> CampaignMeter:
        return CampaignMeter(
            meter=member.meter, wave=member.wave, state=member.state, tries=member.tries,
            order=member.order, reason=member.reason, ended_at=member.ended_at,
        )  # fmt: skip


class CampaignWanted(BaseModel):
    """A campaign to start.  Of the choice all that is given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    amount: Annotated[Decimal, Field(gt=0, lt=10**9, max_digits=15)] | None = Field(
        None, description="Of set-limit, and only of it."
    )
    unit: Literal["W", "kW", "VA", "kVA", "A"] = "W"
    until: Instant | None = Field(None, description="When a limit ends by itself.")
    objects: list[Annotated[str, Field(max_length=64)]] = Field([], description="Of read.")
    detail: dict[str, JsonValue] = Field({}, description="What other kinds take besides.")
    meters: Annotated[list[DeviceName], Field(max_length=METERS_MAX)] = []
    place: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="A place's code: all meters that hang in it."
    )
    concentrator: DeviceName | None = None
    model: Annotated[str, Field(max_length=64)] | None = None
    firmware: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="What a meter last said that it runs."
    )
    every: bool = Field(False, description="All meters, where nothing is chosen.")
    waves: Annotated[list[Annotated[str, Field(max_length=12)]], Field(max_length=100)] = Field(
        ["100%"], description="Sizes, like 50 or 10%; the last one repeats."
    )
    pace: Annotated[int, Field(ge=1, le=10**6)] | None = Field(
        None, description="So many under way at most."
    )
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    stop_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    emergency: bool = Field(False, description="All at once, before all others.")
    any_day: bool = False
    order_deadline_s: Annotated[int, Field(ge=60, le=30 * 86_400)] | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class Why(BaseModel):
    """Why somebody steers a campaign."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: Annotated[str, Field(max_length=500)] = ""


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
    disconnections, `reading.demand` for reads, `key.change` for keys."""
    needed = permission_for(wanted.kind)
    if needed is not Permission.ORDER_SEND:
        await demand(parts, request, caller, needed, f"campaign of {wanted.kind}")
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
    """Let its disconnections through, as the second person."""
    return await _told(parts.campaigns.approve(number, caller, source=source_of(request)))


@router.post("/{number}/refuse", responses=_STEERED)
async def refuse_campaign(
    request: Request, parts: HeadEnd, caller: Approver, number: Number
) -> CampaignTold:
    """End what is held of it, and cancel the rest."""
    return await _told(parts.campaigns.refuse(number, caller, source=source_of(request)))


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
    needed = permission_for(found.campaign.kind)
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
