"""What a campaign would be, before it begins: nothing is kept, nothing is sent.

The rules are those by which its orders will be taken in (`orders.rules`), at the registry as it
stands: who is refused by them would be a failure of the campaign at once.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

from headend.access.desk import By
from headend.campaigns.starting import (
    NotStarted,
    Wanted,
    check,
    check_image,
    check_words,
    order_of,
)
from headend.collection.asking import Reads
from headend.domain.campaign import EMERGENCY, Meant
from headend.domain.meter import Meter
from headend.domain.meter_image import MeterImage
from headend.domain.order import Order
from headend.domain.reason import ReasonCode
from headend.orders import cutting, rules


class LeftOut(enum.StrEnum):
    """Why a meter that somebody may have meant is not in a campaign."""

    UNKNOWN = "unknown"  # named, and not registered
    ELSEWHERE = "elsewhere"  # named, and not in what else is chosen
    NOT_COMMISSIONED = "not-commissioned"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A campaign that was not begun: its meters, how large its waves are, who is left out of it,
    and whose orders would be refused.  `cuts`: it takes supplies away, so that a second person has
    to approve what is above the guard's rate.  `may_stop`: so many of a wave would be refused that
    the campaign stops by itself where it is not at its end."""

    meters: tuple[str, ...]
    waves: tuple[int, ...]
    left_out: Mapping[LeftOut, Sequence[str]] = field(default_factory=dict)
    refused: Mapping[ReasonCode, Sequence[str]] = field(default_factory=dict)
    cuts: bool = False
    may_stop: bool = False

    @property
    def size(self) -> int:
        return len(self.meters)


def foresee(
    wanted: Wanted, by: By, meant: Meant, image: MeterImage | None, at: datetime, reads: Reads
) -> Foreseen:
    """What would begin.  `image` is the label of the image that the wish names, where there is one.
    Raises `NotStarted` for what would not begin whichever meters are meant."""
    policy = reads.acceptance.policy
    check(wanted, by, at, policy)
    if wanted.wish.image is not None:
        check_image(wanted.wish.image, image)
    if not meant.place_known:
        raise NotStarted(
            "no-such-place", f"there is no place {wanted.choice.place}", "Look: ami place list"
        )
    if wanted.words:
        check_words(wanted, meant.meters, reads)
    order, refused = order_of(wanted, at), dict[ReasonCode, list[str]]()
    for meter in meant.meters:
        reason = _refusal(order, meter, image, at, reads)
        if reason is not None:
            refused.setdefault(reason, []).append(meter.name)
    left_out = {
        LeftOut.UNKNOWN: meant.unknown,
        LeftOut.ELSEWHERE: meant.elsewhere,
        LeftOut.NOT_COMMISSIONED: meant.not_commissioned,
    }
    wish, plan = wanted.wish, EMERGENCY if wanted.emergency else wanted.plan
    names = tuple(meter.name for meter in meant.meters)
    waves = tuple(plan.sizes(len(names)))
    return Foreseen(
        names,
        waves,
        {why: some for why, some in left_out.items() if some},
        refused,
        cutting.cuts(wish.kind, wish.amount, wish.unit, policy),
        _may_stop(names, waves, set().union(*refused.values()), plan.stop_share),
    )


def _refusal(
    order: Order, meter: Meter, image: MeterImage | None, at: datetime, reads: Reads
) -> ReasonCode | None:
    acceptance = reads.acceptance
    reason = rules.refusal(order, meter, at=at, policy=acceptance.policy, days=acceptance.days)
    if reason is None and order.image is not None:
        reason = rules.image_refusal(meter, image)
    return reason


def _may_stop(
    names: Sequence[str], waves: Sequence[int], failing: Collection[str], stop_share: float
) -> bool:
    ends = accumulate(waves)
    return any(
        sum(name in failing for name in names[end - size : end]) > stop_share * size
        for size, end in zip(waves, ends, strict=True)
    )
