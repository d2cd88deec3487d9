"""Rules an order must satisfy before anything is sent (seed 004, Precondiciones).  Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Meter
from headend.domain.meter_image import MeterImage
from headend.domain.order import LIMITS, LOADS, OWN, Kind, Order
from headend.domain.reason import ReasonCode

# The active power that a unit lets through: of apparent power all, at a power factor of one.  An
# ampere lets through the nominal voltage's worth on each phase; the registry does not tell how many
# a meter has, so it is counted once (docs/decisions/0015).
WATTS = {"W": Decimal(1), "kW": Decimal(1000), "VA": Decimal(1), "kVA": Decimal(1000)}


GIVING_BACK = frozenset({Kind.CONNECT, Kind.ARM})
"""They give a supply back, at once or into the customer's hand."""

COMMISSIONING = "ami:commissioning"
"""The source of the one read that a meter is sent before it is commissioned, to see whether it may
be."""


def refusal(
    order: Order,
    meter: Meter | None,
    *,
    at: datetime,
    policy: OrderPolicy,
    days: WorkingDays,
) -> ReasonCode | None:
    """Why the order cannot be carried out at all, or None."""
    if meter is None:
        return ReasonCode.UNKNOWN_METER
    if not meter.commissioned and not (order.kind is Kind.READ and order.source == COMMISSIONING):
        return ReasonCode.NOT_COMMISSIONED
    if meter.lane is None:
        return ReasonCode.NOT_LINKED
    if meter.blocked:
        return ReasonCode.METER_BLOCKED
    if order.kind is Kind.SET_LIMIT and not within_contract(order, meter, policy):
        return ReasonCode.LIMIT_OUT_OF_RANGE
    if not day_allowed(order, max(at, order.ready_at), policy=policy, days=days):
        return ReasonCode.OUTSIDE_WORKING_DAYS
    return None


def image_refusal(meter: Meter, image: MeterImage | None) -> ReasonCode | None:
    """Why a meter is not given an image, or None.  An image is for the model that it names, and for
    no model that extends it: which hardware takes it is the maker's word."""
    if image is None:
        return ReasonCode.IMAGE_UNKNOWN
    return None if image.model == meter.model else ReasonCode.IMAGE_OF_OTHER_MODEL


def day_allowed(order: Order, at: datetime, *, policy: OrderPolicy, days: WorkingDays) -> bool:
    """Whether the order may act on the day of `at`."""
    return not bound_to_working_days(order, policy) or days.is_working_day(at)


def bound_to_working_days(order: Order, policy: OrderPolicy) -> bool:
    """Whether the calendar matters to the order at all: it protects people, not registers."""
    if order.any_day or order.kind in OWN | LOADS | {Kind.RESET_DEMAND}:
        return False
    return not (order.kind in GIVING_BACK and policy.connect_any_day)


def supersedes(new: Order, old: Order) -> bool:
    """Whether `new` makes the undispatched `old` order of the same meter pointless: supply given
    back undoes a cut not yet made; a new limit undoes the pending end of an earlier one, and one
    that waits for a second person; a cut ends the waiting for a hand at the meter, and a calendar
    replaces the one before it."""
    if old.meter != new.meter:
        return False
    if new.kind in GIVING_BACK:
        return old.kind is Kind.DISCONNECT
    if new.kind is Kind.DISCONNECT:
        return old.until_pressed and old.armed
    if new.kind is Kind.SET_TARIFF:
        return old.kind is Kind.SET_TARIFF and old.transaction_id != new.transaction_id
    if new.kind in LIMITS and old.kind in LIMITS:
        return old.restores is not None or old.held
    return False


def within_contract(order: Order, meter: Meter, policy: OrderPolicy) -> bool:
    """Whether a limit is above zero and, where there is a contract, not certainly above it."""
    assert order.amount is not None
    if order.amount <= 0:
        return False
    if meter.contracted_w is None:
        return True
    return in_watts(order.amount, order.unit, policy) <= meter.contracted_w


def in_watts(amount: Decimal, unit: str | None, policy: OrderPolicy) -> Decimal:
    """The active power that a limit certainly lets through; without a unit it is in W already."""
    return amount * (Decimal(str(policy.nominal_v)) if unit == "A" else WATTS[unit or "W"])
