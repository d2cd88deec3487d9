"""Campaigns as REST tells them, and as it is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from headend.campaigns.foreseeing import Foreseen, LeftOut
from headend.domain.campaign import (
    Campaign,
    CampaignLine,
    CampaignState,
    Member,
    MemberState,
    Progress,
    Tally,
)
from headend.domain.order import Kind
from headend.domain.reason import ReasonCode
from headend.rest.values import DeviceName, Instant

METERS_MAX = 100_000
NAMED_MAX = 100  # meters of a campaign that was not begun, for each why


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


class SomeMeters(BaseModel):
    """Meters of a campaign that was not begun, with what they have in common."""

    why: LeftOut | ReasonCode
    count: int
    meters: list[str] = Field(description=f"The first {NAMED_MAX}.")

    @staticmethod
    def of(why: LeftOut | ReasonCode, names: Sequence[str]) -> SomeMeters:
        return SomeMeters(why=why, count=len(names), meters=list(names[:NAMED_MAX]))


class CampaignForeseen(BaseModel):
    """What a campaign would be; nothing of it has begun."""

    size: int = Field(description="How many meters it would have.")
    waves: list[int] = Field(description="How many each wave.")
    left_out: list[SomeMeters] = Field(description="Those that are not in it, and why.")
    refused: list[SomeMeters] = Field(description="Those whose orders would be refused at once.")
    cuts: bool = Field(description="It takes supplies away.")
    may_stop: bool = Field(description="So many of a wave would be refused that it may stop there.")

    @staticmethod
    def of(it: Foreseen) -> CampaignForeseen:
        return CampaignForeseen(
            size=it.size, waves=list(it.waves), cuts=it.cuts, may_stop=it.may_stop,
            left_out=[SomeMeters.of(why, names) for why, names in it.left_out.items()],
            refused=[SomeMeters.of(why, names) for why, names in it.refused.items()],
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
