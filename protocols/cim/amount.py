"""A limit's amount as clients write it: decimal text and a unit, read strictly.

Never rounded and never guessed: a comma, a thousands separator, NaN or an unknown unit is an
error of the client, answered as such.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from protocols.cim import xml
from protocols.cim.errors import ReplyError, RequestRefused

DIGITS_MAX: Final = 18  # more than any meter's register can hold


class Unit(enum.StrEnum):
    """Units of a limit; a plain number is in W."""

    W = "W"
    KW = "kW"
    VA = "VA"
    KVA = "kVA"
    A = "A"


_BASE: Final = {
    Unit.W: (Unit.W, 1),
    Unit.KW: (Unit.W, 1000),
    Unit.VA: (Unit.VA, 1),
    Unit.KVA: (Unit.VA, 1000),
    Unit.A: (Unit.A, 1),
}
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Amount:
    """A limit as it was asked for.  `value` is finite and greater than zero."""

    value: Decimal
    unit: Unit

    @property
    def text(self) -> str:
        """The value in plain decimal digits, e.g. 1500 for 1.5E3."""
        text = format(self.value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text

    def same_as(self, other: Amount) -> bool:
        """Whether both mean the same limit: 1.5 kW and 1500 W do, 1500 VA does not."""
        mine, theirs = _BASE[self.unit], _BASE[other.unit]
        return mine[0] is theirs[0] and self.value * mine[1] == other.value * theirs[1]


def amount(value: str | None, unit: str | None, *, xpath: str = "powerLimit") -> Amount:
    """An amount from its texts; no unit means W.

    Raises `RequestRefused`: 5.8 when the value is missing or empty, 1.8 when it is no number, not
    finite, not above zero, or longer than `DIGITS_MAX`, and for an unknown unit.
    """
    if not value or not value.strip():
        raise RequestRefused(
            ReplyError("5.8", "MONTO_FALTA: falta el monto del límite (powerLimit)", xpath=xpath)
        )
    value = value.strip()
    shown = xml.clean(value, 40)
    if len(value) > 64 or _NUMBER.fullmatch(value) is None:
        raise _bad(f"MONTO_INVALIDO: {shown!r} no es un número decimal", xpath)
    number = Decimal(value)
    if number <= 0:
        raise _bad(f"MONTO_INVALIDO: {shown} no es mayor que cero", xpath)
    digits = number.normalize().as_tuple()
    assert isinstance(digits.exponent, int)  # finite, as the pattern has it
    if len(digits.digits) + abs(digits.exponent) > DIGITS_MAX:
        raise _bad(f"MONTO_INVALIDO: {shown} tiene demasiadas cifras", xpath)
    try:
        known = Unit(unit.strip()) if unit and unit.strip() else Unit.W
    except ValueError as error:
        shown = xml.clean(unit or "", 40)
        raise _bad(
            f"UNIDAD_DESCONOCIDA: {shown!r}; se admiten {', '.join(Unit)}", f"{xpath}.unit"
        ) from error
    return Amount(number, known)


def _bad(details: str, xpath: str) -> RequestRefused:
    return RequestRefused(ReplyError("1.8", details, xpath=xpath))
