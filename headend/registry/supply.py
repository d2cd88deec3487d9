"""Usage points: told by the commercial system, and taken over by the meters that hang there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headend.domain.place import Place, PlaceKind
from headend.domain.usage_point import UsagePoint
from headend.ports import Transaction
from headend.registry.lives import NotTaken, hanging_at
from headend.registry.places import settle


def point_of(tx: Transaction, code: str) -> tuple[Place, UsagePoint]:
    """A service point and its supply.  Raises `NotTaken`."""
    place = tx.place(code)
    if place is None or place.kind is not PlaceKind.SERVICE_POINT:
        what = "no place" if place is None else f"a {place.kind}, no service point:"
        raise NotTaken(
            f"there is {what} {code}",
            "see which there are: ami place list --kind service-point",
            "no-such-place",
        )
    return place, tx.usage_point(code) or UsagePoint(code)


def put_point(tx: Transaction, place: Place, point: UsagePoint) -> None:
    """Keep a service point and its supply; the meter that hangs there is supplied so from now on.
    Raises `NotTaken`."""
    if wrong := settle(tx, (place,)):
        raise NotTaken(wrong[0], "see which there are: ami place list", "misplaced")
    tx.put_usage_point(point)
    hung = hanging_at(tx, place.code)
    meter = None if hung is None else tx.meter(hung.meter)
    if meter is not None and (supplied := point.supplied(meter)) != meter:
        tx.put_meters([supplied])


def retire_point(tx: Transaction, code: str, *, at: datetime) -> None:
    """No meter is hung up there any more; what hung there stays in its history.  Raises
    `NotTaken`."""
    _, point = point_of(tx, code)
    if (hung := hanging_at(tx, code)) is not None:
        raise NotTaken(
            f"meter {hung.meter} hangs at {code}",
            f"remove it first: ami meter remove {hung.meter} --why …",
            "place-taken",
        )
    if point.retired_at is not None:
        raise NotTaken(f"{code} is retired already", "nothing is to be done", "point-retired")
    tx.put_usage_point(replace(point, retired_at=at))
