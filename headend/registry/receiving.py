"""Meters that another system makes known, one at a time: in stock, without keys.

Keys never come this way: they lie in no message that is kept.  They come by the meter's shipment,
before or after (`headend.registry.shipment`).
"""

from __future__ import annotations

from dataclasses import replace

from headend.domain.life_cycle import LifeLine, Refusal, Step, taken
from headend.domain.meter import Meter, Stage
from headend.ports import Transaction
from headend.registry.lives import By, NotTaken


def receive(tx: Transaction, meter: Meter, by: By) -> Meter:
    """Enter a meter that nobody knows yet, in stock.  Raises `NotTaken`."""
    if tx.meter(meter.name) is not None:
        raise NotTaken(f"meter {meter.name} is known already", "change it instead", "meter-known")
    received = replace(meter, stage=Stage.IN_STOCK, commissioned=False, blocked=False)
    _told_apart(tx, received)
    tx.put_meters([received])
    line = LifeLine(meter.name, by.at, Step.RECEIVE, None, Stage.IN_STOCK, by.who, by.why)
    tx.add_life([line])
    return received


def correct(tx: Transaction, meter: Meter, after: Meter, by: By) -> Meter:
    """Change what is recorded of a meter in stock; what hangs is what it was commissioned as.
    Raises `NotTaken`."""
    if after == meter:
        return meter
    moved = taken(meter, Step.CORRECT)
    if isinstance(moved, Refusal):
        raise NotTaken.of(moved)
    _told_apart(tx, after)
    tx.put_meters([after])
    stage = Stage.IN_STOCK
    tx.add_life([LifeLine(meter.name, by.at, Step.CORRECT, stage, stage, by.who, by.why)])
    return after


def _told_apart(tx: Transaction, meter: Meter) -> None:
    """By its system title a meter proves who it is: two never share one."""
    other = None if meter.title is None else tx.meter_titled(meter.title)
    if other is not None and other.name != meter.name:
        raise NotTaken(
            f"meter {other.name} has the system title {meter.title}",
            "look at the nameplates of both",
            "title-taken",
        )
