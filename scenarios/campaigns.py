"""Campaigns in a story, started as an operator does."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from headend.access.desk import By
from headend.app.campaigns import Wanted, wish_with
from headend.app.head_end import HeadEnd
from headend.domain.campaign import Choice, Plan
from headend.domain.order import Kind
from scenarios import images
from scenarios.schema import CampaignSpec, seconds


async def start(head_end: HeadEnd, spec: CampaignSpec, begin: datetime, who: str) -> None:
    """Start one.  Raises `NotStarted` for what no operator could."""
    until = None if spec.until is None else begin + timedelta(seconds=seconds(spec.until))
    amount = None if spec.amount is None else Decimal(spec.amount)
    detail: dict[str, object] = {}
    if spec.image is not None:
        detail["image"] = await images.put_on_the_shelf(head_end, spec.image, who)
    wanted = Wanted(
        wish_with(Kind(spec.kind), amount, spec.unit, until, detail),
        Choice(spec.meters, concentrator=spec.concentrator),
        Plan(spec.waves, spec.pace, stop_share=spec.stop_share),
        emergency=spec.emergency,
        any_day=spec.any_day,
    )
    await head_end.caring.campaigns.start(wanted, By(who, "story"))
