"""When a technician may carry an order out, and the order as a package has it.  Pure."""

from __future__ import annotations

from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.job import Authorisation, Job, TakenOrder
from headend.domain.order import LOADS, OWN, Kind, Order
from headend.orders import rules
from protocols.concentrator.messages import ACTING, Action, ObjectWanted
from protocols.jobs.package import PackedOrder


def window(
    order: Order, job: Job, *, policy: OrderPolicy, days: WorkingDays
) -> tuple[TakenOrder | None, str]:
    """When the technician may carry an order out, or why not at all."""
    if job.authorisation is Authorisation.READ_ONLY and Action(order.kind) in ACTING:
        return None, "the package is read-only"
    if order.kind is Kind.CHANGE_KEYS:
        return None, "keys are changed by the head-end alone"
    if order.kind is Kind.UPDATE_FIRMWARE:
        return None, "images are brought by the head-end alone; a technician has ami probe firmware"
    if order.kind is Kind.RESET_DEMAND:
        return None, "billing periods are ended by the head-end alone: a second reset ends another"
    if order.kind in LOADS:
        return None, "loads are switched by the head-end alone"
    if order.kind in OWN - {Kind.READ}:
        return None, "clocks and calendars are kept by the head-end alone"
    begin, end = max(order.ready_at, job.not_before), min(order.deadline, job.expires_at)
    if rules.bound_to_working_days(order, policy):
        if not days.is_working_day(begin):
            begin = days.next_working_day(begin)
        end = min(end, days.end_of_day(begin))
    if begin >= end:
        return None, "there is no time in which it may be done before the package ends"
    taken = TakenOrder(job.id, order.number, order.meter, begin, end, order.amount, order.unit)
    return taken, ""


def packed(order: Order, taken: TakenOrder) -> PackedOrder:
    """The order as the device gets it."""
    return PackedOrder(
        number=order.number,
        action=Action(order.kind),
        attempt=order.attempts + 1,
        not_before=taken.not_before,
        not_after=taken.not_after,
        amount=None if order.amount is None else str(order.amount),
        unit=order.unit,
        objects=tuple(
            ObjectWanted(each.class_id, each.name, each.attribute) for each in order.objects
        ),
    )
