"""Exact amounts: from "1.5 kW" to a register's raw integer and back, never rounded.

A COSEM register states its value as `raw * 10**scaler unit` (Blue Book, 4.3.2, register).  A limit
that a person ordered has to arrive in exactly that amount or not at all: an order for 1505 W cannot
be given to a meter that counts in 10 W.  So every conversion here either is exact or raises
`Unrepresentable`; there is no float and no rounding in it.
"""

from __future__ import annotations

from decimal import Decimal

from protocols.dlms.objects.units import unit_symbol
from protocols.dlms.values import (
    DoubleLong,
    DoubleLongUnsigned,
    Integer,
    Long,
    Long64,
    Long64Unsigned,
    LongUnsigned,
    Unsigned,
)

# Codes of `objects.units` that a limiter or a demand can sensibly monitor.
WATT = 27
VOLT_AMPERE = 28
AMPERE = 33

# The units an order may use: the code of the base unit and the power of ten above it.
ORDER_UNITS = {
    "W": (WATT, 0),
    "kW": (WATT, 3),
    "VA": (VOLT_AMPERE, 0),
    "kVA": (VOLT_AMPERE, 3),
    "A": (AMPERE, 0),
}

# The types that a register's value and a threshold can have and that hold integers exactly.
Number = (
    Integer
    | Long
    | DoubleLong
    | Long64
    | Unsigned
    | LongUnsigned
    | DoubleLongUnsigned
    | Long64Unsigned
)
NUMBERS: tuple[type[Number], ...] = (
    Integer,
    Long,
    DoubleLong,
    Long64,
    Unsigned,
    LongUnsigned,
    DoubleLongUnsigned,
    Long64Unsigned,
)
DIGITS_MAX = 20  # 2**64 - 1 has 20 digits; more cannot fit any type


class Unrepresentable(ValueError):
    """No exact counterpart exists in the meter's type, scaler and unit; the text says why."""


def to_raw(amount: Decimal, unit: str, kind: type[Number], scaler: int, code: int) -> Number:
    """The register's raw value of an amount.  Raises `Unrepresentable`, also for unknown units."""
    if unit not in ORDER_UNITS:
        raise Unrepresentable(f"{unit!r} is not a unit of a limit")
    base, power = ORDER_UNITS[unit]
    if base != code:
        raise Unrepresentable(f"{unit} does not fit a quantity in {unit_symbol(code)}")
    raw = _shift(amount, power - scaler)
    if not kind.MIN <= raw <= kind.MAX:
        raise Unrepresentable(
            f"{amount} {unit} is {raw} in the meter's scale, outside {kind.__name__}"
        )
    return kind(raw)


def to_text(raw: int, scaler: int) -> str:
    """The scaled value as plain decimal text, without exponent and without idle zeros."""
    if scaler >= 0:
        return str(raw * 10**scaler)
    sign = "-" if raw < 0 else ""
    digits = str(abs(raw)).rjust(1 - scaler, "0")
    whole, fraction = digits[:scaler], digits[scaler:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _shift(amount: Decimal, power: int) -> int:
    """`amount * 10**power` as an integer, exactly.

    Done on the digits, because the arithmetic of `Decimal` rounds to the context's precision.
    """
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        raise Unrepresentable(f"{amount} is not a number")
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return 0
    kept = text.rstrip("0")
    power += exponent + len(text) - len(kept)
    if power < 0:
        raise Unrepresentable(f"{amount} falls between two steps of the meter's scale")
    if len(kept) + power > DIGITS_MAX:
        raise Unrepresentable(f"{amount} exceeds every integer type")
    return int(("-" if sign else "") + kept + "0" * power)
