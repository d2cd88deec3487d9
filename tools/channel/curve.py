"""Points of an error-rate curve: closed forms without the code, a Viterbi run with it.

The closed forms are those of `protocols.plc.noise`.  With the code nothing is interpolated and
nothing fitted: each point is measured, for the noise and the frame length asked for, until enough
frames were lost or enough sent; with what confidence, each point says.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from protocols.plc.bit_errors import snr_of_db
from protocols.plc.noise import Noise, bit_error_rate_in, uncoded_frame_error_rate_in
from protocols.plc.physical import Modulation, Scheme
from tools.channel.convolutional import MEMORY
from tools.channel.frames_sent import Count, Enough, measure

FRAMES_LOST_ENOUGH = 400  # 5 % standard deviation
PAYLOAD_BITS_MAX = 8_000_000  # some two seconds a point; a symbol counts as a whole one
CONFIDENCE_DEVIATIONS = 1.96  # 95 %, two-sided


class Point(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One point.  Rates are of payload bits and of frames, after decoding where there is a code;
    the bounds are of their 95 % confidence intervals."""

    snr_db: float  # per subcarrier, against the background noise
    ber: float
    fer: float
    raw_ber: float | None = None  # of coded bits, before decoding
    frames: int | None = None
    frames_lost: int | None = None
    ber_low: float | None = None
    ber_high: float | None = None
    fer_low: float | None = None
    fer_high: float | None = None


Progress = Callable[[float], None]
"""Hears how much of a point is done, 0 to 1."""


def point(
    scheme: Scheme,
    noise: Noise,
    snr_db: float,
    bits: int,
    *,
    seed: int,
    frames_max: int | None = None,
    progress: Progress = lambda share: None,
) -> Point:
    """A point of the curve.  Raises ValueError for frames of no bits."""
    if bits < 1:
        raise ValueError(f"a frame of {bits} bits")
    if not scheme.fec:
        snr = snr_of_db(snr_db)
        return Point(
            snr_db=snr_db,
            ber=bit_error_rate_in(noise, scheme.modulation, snr),
            fer=uncoded_frame_error_rate_in(noise, scheme.modulation, snr, bits),
        )
    enough = Enough(FRAMES_LOST_ENOUGH, frames_max or _frames_max(scheme, bits))

    def on_batch(count: Count) -> None:
        done = max(count.frames_lost / enough.frames_lost, count.frames / enough.frames_max)
        progress(min(1.0, done))

    chance = _noise_of(seed, scheme.modulation, bits)
    return _told(snr_db, measure(scheme.modulation, snr_db, bits, chance, enough, noise, on_batch))


def _frames_max(scheme: Scheme, bits: int) -> int:
    """How many frames are sent at most: short ones by the symbols that they fill, not by bits."""
    symbols = -(-(bits + MEMORY) // scheme.bits_per_symbol)
    return max(1, PAYLOAD_BITS_MAX // (symbols * scheme.bits_per_symbol))


def _noise_of(seed: int, modulation: Modulation, bits: int) -> np.random.Generator:
    """The same noise at every ratio but for its scale: a curve without the jitter of luck."""
    return np.random.Generator(np.random.Philox(key=[seed, modulation.value << 32 | bits]))


def _told(snr_db: float, count: Count) -> Point:
    fer_low, fer_high = wilson(count.frames_lost, count.frames)
    margin = CONFIDENCE_DEVIATIONS * count.bit_error_rate_spread
    return Point(
        snr_db=snr_db,
        ber=count.bit_error_rate,
        fer=count.frame_error_rate,
        raw_ber=count.raw_bit_error_rate,
        frames=count.frames,
        frames_lost=count.frames_lost,
        ber_low=max(0.0, count.bit_error_rate - margin),
        # Of frames that never failed nobody knows how many bits fail: at most all of theirs.
        ber_high=count.bit_error_rate + margin if count.frames_lost else fer_high,
        fer_low=fer_low,
        fer_high=fer_high,
    )


def wilson(lost: int, frames: int) -> tuple[float, float]:
    """Wilson's interval for a share seen in so many independent frames."""
    deviations = CONFIDENCE_DEVIATIONS
    share = lost / frames
    spread = deviations * math.sqrt(share * (1 - share) / frames + (deviations / 2 / frames) ** 2)
    middle = share + deviations**2 / (2 * frames)
    scale = 1 + deviations**2 / frames
    low = (middle - spread) / scale if lost else 0.0
    high = (middle + spread) / scale if lost < frames else 1.0
    return max(0.0, low), min(1.0, high)
