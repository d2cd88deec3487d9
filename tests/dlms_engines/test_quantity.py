"""Amounts are converted exactly or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import quantity
from protocols.dlms.quantity import AMPERE, NUMBERS, VOLT_AMPERE, WATT, Unrepresentable
from protocols.dlms.values import (
    DoubleLongUnsigned,
    Integer,
    Long,
    Long64Unsigned,
    LongUnsigned,
    Unsigned,
)

EXACT = {
    # name: (amount, unit, type, scaler, unit code, raw)
    "watts": ("1500", "W", DoubleLongUnsigned, 0, WATT, 1500),
    "kilowatts in watts": ("1.5", "kW", DoubleLongUnsigned, 0, WATT, 1500),
    "scaler one": ("1500", "W", LongUnsigned, 1, WATT, 150),
    "scaler minus one": ("1500.5", "W", DoubleLongUnsigned, -1, WATT, 15005),
    "exponent notation": ("15E+2", "W", DoubleLongUnsigned, 0, WATT, 1500),
    "idle zeros": ("1500.000", "W", DoubleLongUnsigned, 0, WATT, 1500),
    "apparent power": ("3.45", "kVA", DoubleLongUnsigned, 0, VOLT_AMPERE, 3450),
    "milliamperes": ("16", "A", DoubleLongUnsigned, -3, AMPERE, 16000),
    "zero": ("0", "W", Unsigned, 3, WATT, 0),
    "zero with a huge exponent": ("0E+999999", "W", Unsigned, 3, WATT, 0),
    "minus zero": ("-0", "W", Unsigned, 0, WATT, 0),
    "highest of the type": ("65535", "W", LongUnsigned, 0, WATT, 65535),
    "lowest of the type": ("-32768", "W", Long, 0, WATT, -32768),
    "highest of the widest": (str(2**64 - 1), "W", Long64Unsigned, 0, WATT, 2**64 - 1),
    "thirty digits, all exact": ("1" + "0" * 29, "W", Unsigned, 29, WATT, 1),
}

INEXACT = {
    # name: (amount, unit, type, scaler, unit code, a word of the reason)
    "between two steps": ("1505", "W", LongUnsigned, 1, WATT, "between two steps"),
    "half a watt": ("0.5", "W", LongUnsigned, 0, WATT, "between two steps"),
    "a digit too many": (
        "1.00000000000000000000000000000000001",
        "W",
        LongUnsigned,
        0,
        WATT,
        "between",
    ),
    "one above the type": ("65536", "W", LongUnsigned, 0, WATT, "outside LongUnsigned"),
    "one below the type": ("-1", "W", LongUnsigned, 0, WATT, "outside LongUnsigned"),
    "one above a signed type": ("128", "W", Integer, 0, WATT, "outside Integer"),
    "one above the widest": (str(2**64), "W", Long64Unsigned, 0, WATT, "outside Long64Unsigned"),
    "astronomic": ("1E+999999", "W", Long64Unsigned, 0, WATT, "exceeds every"),
    "microscopic": ("1E-999999", "W", Long64Unsigned, 0, WATT, "between two steps"),
    "not a number": ("NaN", "W", LongUnsigned, 0, WATT, "not a number"),
    "endless": ("Infinity", "W", LongUnsigned, 0, WATT, "not a number"),
    "watts for amperes": ("10", "W", LongUnsigned, 0, AMPERE, "does not fit a quantity in A"),
    "watts for volt-amperes": ("10", "kW", LongUnsigned, 0, VOLT_AMPERE, "does not fit"),
    "amperes for watts": ("10", "A", LongUnsigned, 0, WATT, "does not fit"),
    "a unit nobody knows": ("10", "hp", LongUnsigned, 0, WATT, "is not a unit of a limit"),
    "a quantity without a symbol": ("10", "W", LongUnsigned, 0, 200, "unit 200"),
}


@pytest.mark.parametrize("amount, unit, kind, scaler, code, raw", EXACT.values(), ids=EXACT)
def test_exact_amounts(amount, unit, kind, scaler, code, raw):
    found = quantity.to_raw(Decimal(amount), unit, kind, scaler, code)
    assert (type(found), found) == (kind, raw)


@pytest.mark.parametrize("amount, unit, kind, scaler, code, why", INEXACT.values(), ids=INEXACT)
def test_amounts_that_do_not_fit(amount, unit, kind, scaler, code, why):
    with pytest.raises(Unrepresentable, match=why):
        quantity.to_raw(Decimal(amount), unit, kind, scaler, code)


@pytest.mark.parametrize(
    "raw, scaler, text",
    [
        (1500, 0, "1500"),
        (150, 1, "1500"),
        (15005, -1, "1500.5"),
        (15000, -1, "1500"),
        (5, -3, "0.005"),
        (-5, -3, "-0.005"),
        (-1500, 0, "-1500"),
        (0, -2, "0"),
        (0, 2, "0"),
        (2**32 - 1, 1, "42949672950"),
    ],
)
def test_text(raw, scaler, text):
    assert quantity.to_text(raw, scaler) == text


@given(st.data(), st.sampled_from(NUMBERS), st.integers(-9, 9))
def test_what_a_meter_shows_can_be_ordered_again(data, kind, scaler):
    raw = data.draw(st.integers(kind.MIN, kind.MAX))
    text = quantity.to_text(raw, scaler)
    assert quantity.to_raw(Decimal(text), "W", kind, scaler, WATT) == raw


@given(st.decimals(allow_nan=True, allow_infinity=True), st.integers(-128, 127))
def test_every_amount_is_exact_or_refused(amount, scaler):
    try:
        raw = quantity.to_raw(amount, "kW", Long64Unsigned, scaler, WATT)
    except Unrepresentable:
        return
    assert Decimal(quantity.to_text(raw, scaler)) == amount * 1000
