"""What a meter's register showed last, held against what was read of it before."""

from __future__ import annotations

from decimal import Decimal

from headend.domain.place import Installation, RegisterRead
from headend.ports import Transaction

_IN_WH = {"Wh": Decimal(1), "kWh": Decimal(1000)}


def below_before(tx: Transaction, hung: Installation, shown: RegisterRead) -> RegisterRead | None:
    """The highest of what the register showed before, where `shown` is less; an energy register
    only counts up.  What was read in other units is not compared."""
    shown_wh = _in_wh(shown)
    before = [
        (wh, each)
        for each in (hung.first_read, tx.newest_register(hung.meter, shown.at))
        if each is not None and (wh := _in_wh(each)) is not None
    ]
    if shown_wh is None or not before:
        return None
    highest, read = max(before, key=lambda one: one[0])
    return read if shown_wh < highest else None


def told_kwh(read: RegisterRead) -> str:
    """As a display shows it."""
    wh = _in_wh(read)
    return f"{read.value} {read.unit}" if wh is None else f"{(wh / 1000).normalize():,f} kWh"


def _in_wh(read: RegisterRead) -> Decimal | None:
    scale = _IN_WH.get(read.unit)
    return None if scale is None else read.value * scale
