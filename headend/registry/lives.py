"""Steps of a meter's life, each taken in one transaction together with its line in the history.

`domain.life_cycle` says which steps there are and why one is refused; here they are taken.  What a
step brings along (a place, a link, orders that can no longer be carried out) is kept by the same
transaction, or nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.life_cycle import (
    COMMISSIONED,
    LifeLine,
    Refusal,
    Step,
    beneath,
    stage_of,
    taken,
)
from headend.domain.meter import GATEWAY, Meter, Stage
from headend.domain.order import Order, State
from headend.domain.place import Installation, PlaceKind, RegisterRead
from headend.domain.reason import ReasonCode
from headend.orders.follow import follow
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry.last_read import below_before, told_kwh

_IN_THE_FIELD = frozenset({Stage.INSTALLED, *COMMISSIONED})


class NotTaken(Exception):
    """A step that is not taken; nothing of it is kept.  `code` is for programs."""

    def __init__(self, why: str, next_step: str, code: str = "not-taken") -> None:
        super().__init__(why)
        self.next_step = next_step
        self.code = code

    @classmethod
    def of(cls, refusal: Refusal) -> NotTaken:
        """A refusal of the life cycle's own."""
        return cls(str(refusal), refusal.next_step, f"meter-{refusal.stage}")


@dataclass(frozen=True, slots=True)
class By:
    """Who takes a step, when it was taken (which may be told later), and why."""

    who: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A meter after a step that ended its orders."""

    meter: Meter
    orders: tuple[Order, ...]


def known(tx: Transaction, name: str) -> Meter:
    """Raises `NotTaken` for a meter that the registry does not know."""
    meter = tx.meter(name)
    if meter is None:
        text = "see which there are: ami meter list; or enter it: ami shipment import FILE"
        raise NotTaken(f"there is no meter {name}", text, "no-such-meter")
    return meter


def move(
    tx: Transaction,
    meter: Meter,
    step: Step,
    by: By,
    *,
    concentrator: str | None = None,
    address: str | None = None,
) -> Meter:
    """Take a step; the meter after it.  Its waiting orders go where it is linked then.  Raises
    `NotTaken`."""
    after = taken(meter, step, concentrator=concentrator, address=address)
    if isinstance(after, Refusal):
        raise NotTaken.of(after)
    tx.put_meters([after])
    line = LifeLine(meter.name, by.at, step, stage_of(meter), stage_of(after), by.who, by.why)
    tx.add_life([line])
    if after.lane != meter.lane:
        follow(tx, after, at=by.at)
    return after


def install(
    tx: Transaction,
    name: str,
    service_point: str,
    by: By,
    first_read: RegisterRead | None = None,
) -> Meter:
    """Hang a meter that is in stock up at a service point; or write down where one hangs that has
    long been in the field.  Raises `NotTaken`."""
    meter = known(tx, name)
    place = tx.place(service_point)
    if place is None or place.kind is not PlaceKind.SERVICE_POINT:
        what = "no place" if place is None else f"a {place.kind}, no service point:"
        raise NotTaken(
            f"there is {what} {service_point}",
            "see which there are: ami place list --kind service-point; or ami place import FILE",
            "no-such-place",
        )
    if (there := hanging_at(tx, service_point)) is not None:
        raise NotTaken(
            f"meter {there.meter} hangs at {service_point}",
            f"exchange the two: ami meter exchange {there.meter} {name}",
            "place-taken",
        )
    point = tx.usage_point(service_point)
    if point is not None and point.retired_at is not None:
        raise NotTaken(
            f"{service_point} is no usage point any more since {point.retired_at:%Y-%m-%d}",
            "create it again by SOAP: create UsagePointConfig; or name another",
            "point-retired",
        )
    after = meter if point is None else point.supplied(meter)
    if after != meter:
        tx.put_meters([after])
    if beneath(meter) not in _IN_THE_FIELD or hanging_of(tx, name) is not None:
        after = move(tx, after, Step.INSTALL, replace(by, why=by.why or f"at {service_point}"))
    tx.add_installation(Installation(name, service_point, by.at, first_read=first_read))
    return after


def link(tx: Transaction, name: str, concentrator: str, by: By, *, gateway: bool = False) -> Meter:
    """Tell behind which concentrator a meter is.  Raises `NotTaken`."""
    meter = known(tx, name)
    if tx.concentrator(concentrator) is None:
        text = "see which there are: ami concentrator list"
        raise NotTaken(f"there is no concentrator {concentrator}", text, "no-such-concentrator")
    address = GATEWAY if gateway else None
    by = replace(by, why=by.why or f"behind {concentrator}")
    return move(tx, meter, Step.LINK, by, concentrator=concentrator, address=address)


def remove(
    tx: Transaction,
    name: str,
    by: By,
    settling: Settling,
    *,
    now: datetime,
    last_read: RegisterRead | None = None,
    below_readings: bool = False,
) -> Ended:
    """Take a meter down.  Its keys are retired, and the orders that still wait for it end, because
    nobody can carry them out.  Where nobody tells its last reading, it is the newest that was
    taken; one below what was read before is refused, unless `below_readings` says that it is so.
    Raises `NotTaken`.

    Call `settling.announce` with the orders once the transaction is kept.
    """
    meter = known(tx, name)
    hung = hanging_of(tx, name)
    if hung is not None and last_read is not None:
        before = below_before(tx, hung, last_read)
        if before is not None:
            told = f"{told_kwh(last_read)} is below the {told_kwh(before)} of {before.source}"
            if not below_readings:
                raise NotTaken(
                    f"{told} at {before.at:%Y-%m-%d %H:%M}Z",
                    "look at the register again; if it is so: --below-readings"
                    " (by REST: below_readings)",
                    "below-readings",
                )
            by = replace(by, why=f"{by.why}; {told}, as {by.who} says".removeprefix("; "))
    after = move(tx, meter, Step.REMOVE, by)
    if hung is not None:
        if by.at < hung.since:
            raise NotTaken(
                f"meter {name} hangs at {hung.service_point} since {hung.since:%Y-%m-%d %H:%M}Z",
                "name a later time: --at",
                "wrong-time",
            )
        last_read = last_read or tx.newest_register(name, by.at)
        tx.close_installation(replace(hung, until=by.at, last_read=last_read))
    tx.retire_keys(name)
    ended = tuple(
        settling.end(
            tx,
            order,
            State.CANCELLED if order.state is State.QUEUED else State.FAILED,
            reason=ReasonCode.METER_REMOVED,
            at=now,
            cause=f"the meter was removed: {by.why}",
        )
        for order in tx.open_orders_of_meter(name)
    )
    return Ended(after, ended)


def hanging_of(tx: Transaction, meter: str) -> Installation | None:
    """Where a meter hangs now, as far as the registry knows."""
    return next((each for each in tx.installations_of(meter) if each.until is None), None)


def hanging_at(tx: Transaction, service_point: str) -> Installation | None:
    """Which meter hangs there now."""
    found = tx.installations_at(service_point)
    return next((each for each in found if each.until is None), None)
