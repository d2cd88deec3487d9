"""A campaign begins: who is meant is looked up once, and kept.

Nothing is sent here; the duty gives orders out (`advancing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

import msgspec

from headend.access import lines
from headend.access.desk import By
from headend.collection.asking import BadRead, Reads
from headend.config import OrderPolicy
from headend.domain.campaign import EMERGENCY, Campaign, CampaignLine, Choice, Plan
from headend.domain.meter import Meter
from headend.domain.meter_image import MeterImage
from headend.domain.order import LIMITS, LOADS, Kind, Order
from headend.domain.reading import WantedObject
from headend.orders import cutting
from headend.orders.accept import Wish
from headend.ports import Transaction

_COMMON = frozenset(
    {"meter", "kind", "amount", "unit", "start", "until", "objects", "priority", "correlation_id"}
)
"""Fields of a wish that a campaign has words of its own for."""
NAMED_MAX = 5  # unknown meters that are told by name


class NotStarted(ValueError):
    """It cannot begin so: a code, what is wrong, and what to do."""

    def __init__(self, code: str, why: str, next_step: str) -> None:
        super().__init__(why)
        self.code = code
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants started.  `wish` is meant for every meter, whatever meter it names;
    `words` are objects to read.  `every`: a choice that restricts nothing is meant so."""

    wish: Wish
    choice: Choice
    plan: Plan = Plan()
    words: tuple[str, ...] = ()
    emergency: bool = False
    any_day: bool = False
    order_deadline_s: int | None = None
    note: str = ""
    every: bool = False


def start(tx: Transaction, wanted: Wanted, by: By, at: datetime, reads: Reads) -> Campaign:
    """Keep a campaign that runs from now on.  Raises `NotStarted`."""
    check(wanted, by, at, reads.acceptance.policy)
    if wanted.wish.image is not None:
        check_image(wanted.wish.image, tx.image_label(wanted.wish.image))
    meters = tx.chosen(wanted.choice)
    _check_meters(tx, wanted, meters, reads)
    emergency = wanted.emergency
    kind = wanted.wish.kind
    campaign = Campaign(
        number=0,
        kind=kind,
        asked_by=by.actor,
        made_at=at,
        choice=wanted.choice,
        plan=EMERGENCY if emergency else wanted.plan,
        size=len(meters),
        wish=msgspec.json.encode(replace(wanted.wish, meter="", objects=())).decode(),
        words=wanted.words,
        emergency=emergency,
        any_day=wanted.any_day or emergency,
        order_deadline_s=wanted.order_deadline_s,
        note=wanted.note,
    )
    campaign = replace(campaign, number=tx.add_campaign(campaign, meters))
    told = f"{kind} for {len(meters)} meters: {wanted.choice}"
    tx.add_campaign_line(CampaignLine(campaign.number, at, by.actor, told))
    subject = f"campaign {campaign.number}"
    wish, policy = wanted.wish, reads.acceptance.policy
    needed = cutting.permission(kind, wish.amount, wish.unit, policy)
    tx.add_audit(lines.done(at, by.actor, needed, subject, told, source=by.source))
    return campaign


def wish_with(
    kind: Kind,
    amount: Decimal | None = None,
    unit: str | None = None,
    until: datetime | None = None,
    detail: Mapping[str, object] = MappingProxyType({}),
) -> Wish:
    """What is asked for each meter.  `detail` are fields of a wish that a kind has for itself, by
    name.  Raises `NotStarted`."""
    wish = Wish("", kind, amount, unit if amount is not None else None, until=until)
    if not detail:
        return wish
    own = {each.name for each in fields(Wish)} - _COMMON
    if strange := sorted(set(detail) - own):
        known = ", ".join(sorted(own)) or "none at all"
        raise _wrong(f"{strange[0]!r} is nothing that an order takes; there is {known}")
    said = {**msgspec.to_builtins(wish), **detail}
    try:
        return msgspec.convert(said, Wish, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error


def wish_of(campaign: Campaign) -> Wish:
    """What is asked for each meter, without one."""
    return msgspec.json.decode(campaign.wish, type=Wish)


def check(wanted: Wanted, by: By, at: datetime, policy: OrderPolicy) -> None:
    """What is wrong whichever meters are meant.  Raises `NotStarted`."""
    wish = wanted.wish
    if wish.kind is Kind.SET_LIMIT and wish.amount is None:
        raise _wrong("set-limit needs the limit, such as 2 kW")
    if wish.kind is not Kind.SET_LIMIT and wish.amount is not None:
        raise _wrong(f"{wish.kind} takes no limit")
    if wish.amount is not None and wish.amount <= 0:
        raise _wrong("a limit is above zero")
    if wish.kind is Kind.READ and not wanted.words:
        raise _wrong("read needs the objects that are to be read")
    if wish.kind is not Kind.READ and wanted.words:
        raise _wrong(f"{wish.kind} takes no objects")
    if wish.kind is Kind.SET_TARIFF and wish.tariff is None:
        raise _wrong("set-tariff needs a calendar")
    if wish.kind is not Kind.SET_TARIFF and wish.tariff is not None:
        raise _wrong(f"{wish.kind} takes no calendar")
    if wish.clock is not None and wish.kind is not Kind.SET_CLOCK:
        raise _wrong("bounds of a clock go with set-clock")
    if wish.until is not None and wish.kind not in LIMITS | LOADS:
        raise _wrong("only a limit, or a load's switching, has an end")
    if wish.until is not None and wish.until <= max(at, wish.start or at):
        raise _wrong("the limit's end is past, or before its beginning")
    if wanted.choice == Choice() and not wanted.every:
        raise NotStarted(
            "no-choice",
            "no meters are chosen",
            "Name meters, a place, a concentrator, a model or a firmware, or say: all of them.",
        )
    if (why := _unorderable(wanted, at)) is not None:
        raise _wrong(why)
    if cutting.cuts(wish.kind, wish.amount, wish.unit, policy) and by.actor.startswith("os:"):
        raise NotStarted(
            "no-account",
            "who has supplies cut is an account, so that another one can be the second person",
            "Say who you are: --as ACCOUNT",
        )


def order_of(wanted: Wanted, at: datetime) -> Order:
    """An order as each meter is to get it, of no meter and without a number.  Raises ValueError
    where none can be made of the wish."""
    wish = wanted.wish
    shared = {each.name for each in fields(Wish)} & {each.name for each in fields(Order)}
    said = {name: getattr(wish, name) for name in shared - {"priority", "objects"}}
    objects = tuple(WantedObject(3, word) for word in wanted.words)
    ready_at = max(at, wish.start or at)
    return Order(
        number=0, transaction_id="", source="", accepted_at=at, ready_at=ready_at,
        not_before=ready_at, deadline=ready_at, objects=objects,
        any_day=wanted.any_day or wanted.emergency, **said,
    )  # fmt: skip


def _unorderable(wanted: Wanted, at: datetime) -> str | None:
    """Why no order can be made of a wish, whatever its kind asks for; None where one can."""
    try:
        order_of(wanted, at)
    except ValueError as error:
        return str(error)
    return None


def _check_meters(tx: Transaction, wanted: Wanted, meters: list[str], reads: Reads) -> None:
    """Raises `NotStarted`."""
    choice = wanted.choice
    if choice.place is not None and tx.place(choice.place) is None:
        raise NotStarted(
            "no-such-place", f"there is no place {choice.place}", "Look: ami place list"
        )
    strangers = sorted(set(choice.meters) - set(meters))
    if strangers:
        some = ", ".join(strangers[:NAMED_MAX])
        more = f" and {len(strangers) - NAMED_MAX} more" if len(strangers) > NAMED_MAX else ""
        raise NotStarted(
            "unknown-meters",
            f"not registered, or not in what else is chosen: {some}{more}",
            "Look: ami meter list",
        )
    if not meters:
        raise NotStarted("no-meters", f"no meter fits: {choice}", "Look: ami meter list")
    if wanted.words:
        known = (tx.meter(name) for name in meters)
        check_words(wanted, (meter for meter in known if meter is not None), reads)


def check_image(image: str, label: MeterImage | None) -> None:
    """The image that is to be brought is on the shelf.  Raises `NotStarted`."""
    if label is None:
        raise NotStarted(
            "no-such-image", f"there is no image {image or '(none is named)'} on the shelf",
            "Look: ami firmware list, or put it there: ami firmware add FILE",
        )  # fmt: skip


def check_words(wanted: Wanted, meters: Iterable[Meter], reads: Reads) -> None:
    """Each model of these has the objects that are to be read.  Raises `NotStarted`."""
    models: set[str] = set()
    for meter in meters:
        if meter.model in models:
            continue
        models.add(meter.model)
        try:
            reads.wanted(meter, wanted.words)
        except BadRead as error:
            raise _wrong(f"meter {meter.name}: {error}") from error


def _wrong(why: str) -> NotStarted:
    return NotStarted("wrong-campaign", why, "See: ami campaign start --help")
