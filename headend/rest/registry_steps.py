"""A step that was asked for by REST, as the registry takes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from headend.domain.life_cycle import Step
from headend.domain.meter import Meter
from headend.domain.order import Order
from headend.domain.place import RegisterRead
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.registry.exchange import exchange
from headend.registry.lives import By, install, known, link, move, remove
from headend.rest.problems import wrong_question
from headend.rest.registry_told import StepWanted, Taking


def take(
    tx: Transaction, name: str, wanted: StepWanted, who: str, settling: Settling, *, now: datetime
) -> tuple[Meter, Sequence[Order]]:
    """The meter after the step, and the orders that ended with it.  Of an exchange the meter that
    came.  Raises `NotTaken`, `Problem`."""
    by = By(who, wanted.at or now, wanted.why)
    if by.at > now:
        raise wrong_question("body.at", "it lies in the future")
    match wanted.step:
        case Taking.INSTALL:
            point = _said(wanted.service_point, "service_point")
            return install(tx, name, point, by, _read(wanted.first_read_kwh, by)), ()
        case Taking.LINK:
            concentrator = _said(wanted.concentrator, "concentrator")
            return link(tx, name, concentrator, by, gateway=wanted.gateway), ()
        case Taking.REMOVE:
            gone = remove(
                tx, name, by, settling, now=now, last_read=_read(wanted.last_read_kwh, by),
                below_readings=wanted.below_readings,
            )  # fmt: skip
            return gone.meter, gone.orders
        case Taking.EXCHANGE:
            done = exchange(
                tx, name, _said(wanted.by, "by"), by, settling, now=now,
                last_read=_read(wanted.last_read_kwh, by),
                first_read=_read(wanted.first_read_kwh, by),
                below_readings=wanted.below_readings,
            )  # fmt: skip
            return done.new, done.orders
        case _:
            return move(tx, known(tx, name), Step(wanted.step.value), by), ()


def _read(shown_kwh: Decimal | None, by: By) -> RegisterRead | None:
    """What a technician read off a display."""
    if shown_kwh is None:
        return None
    return RegisterRead((shown_kwh * 1000).normalize() + 0, "Wh", by.at, "technician")


def _said(value: str | None, name: str) -> str:
    if value is None:
        raise wrong_question(f"body.{name}", "this step needs it")
    return value
