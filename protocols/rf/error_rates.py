"""Bit and frame error rates of non-coherent 2-FSK in white Gaussian noise, uncoded.

    BER = 1/2 exp(-snr/2)          FER = 1 - (1 - BER)^bits

Errors of an uncoded, memoryless channel are independent, so the product is right here, which it is
not for the coded power line.  The arithmetic is decimal: its `exp` and powers are defined to the
last digit, so that a rate is the same integer out of 2**32 on every machine and no table is stored.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

ONE = 1 << 32  # the rate of a link that loses every frame

_EXACT = Context(prec=30, rounding=ROUND_HALF_EVEN)
_STEP_CDB = 10  # ratios are rounded down to tenths of a decibel, so that few rates are computed


def bit_error_rate(snr_cdb: int) -> Decimal:
    """For a signal-to-noise ratio per bit in hundredths of a decibel."""
    snr = _EXACT.power(Decimal(10), _EXACT.divide(Decimal(snr_cdb), Decimal(1000)))
    return _EXACT.divide(_EXACT.exp(_EXACT.divide(-snr, Decimal(2))), Decimal(2))


def lost_of_2_32(snr_cdb: int, octets: int) -> int:
    """How many of 2**32 frames with so many octets, overhead included, are lost."""
    return _lost(min(max(snr_cdb // _STEP_CDB, -200), 300), octets)


@lru_cache(maxsize=16_384)
def _lost(snr_in_steps: int, octets: int) -> int:
    right = _EXACT.subtract(Decimal(1), bit_error_rate(snr_in_steps * _STEP_CDB))
    kept = _EXACT.multiply(_EXACT.power(right, Decimal(8 * octets)), Decimal(ONE))
    return ONE - int(kept)
