"""Coded frames sent over the simulated air until enough of them were lost: rates with their spread.

Random payloads go through the encoder, the air and the Viterbi decoder.  A frame counts as lost
when any payload bit comes out wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from protocols.plc.bit_errors import snr_of_db
from protocols.plc.noise import CLEAN, Noise
from protocols.plc.physical import Modulation
from tools.channel.air import received
from tools.channel.convolutional import decode, encode

BATCH_BITS = 1_000_000  # decoded at once: at most some 70 MB of survivors
BATCH_FRAMES_MAX = 500


@dataclass(slots=True)
class Count:
    """What was seen of frames of one length at one signal-to-noise ratio."""

    bits: int
    frames: int = 0
    frames_lost: int = 0
    coded_bits: int = 0
    coded_bits_wrong: int = 0
    bits_wrong: int = 0
    bits_wrong_squared: int = field(default=0, repr=False)  # summed over frames

    @property
    def frame_error_rate(self) -> float:
        """Frames with any wrong payload bit, of all frames."""
        return self.frames_lost / self.frames

    @property
    def bit_error_rate(self) -> float:
        """Wrong payload bits after decoding, of all payload bits."""
        return self.bits_wrong / (self.frames * self.bits)

    @property
    def raw_bit_error_rate(self) -> float:
        """Wrong coded bits before decoding, of all coded bits."""
        return self.coded_bits_wrong / self.coded_bits

    @property
    def bit_error_rate_spread(self) -> float:
        """The standard deviation of `bit_error_rate`, over frames: errors come in bursts."""
        mean = self.bits_wrong / self.frames
        variance = max(0.0, self.bits_wrong_squared / self.frames - mean * mean)
        return math.sqrt(variance / self.frames) / self.bits


def run_frames(
    count: Count,
    modulation: Modulation,
    snr_db: float,
    frames: int,
    chance: np.random.Generator,
    noise: Noise = CLEAN,
) -> None:
    """Send so many coded frames and add what happened to the count."""
    payload = chance.integers(0, 2, (frames, count.bits), dtype=np.uint8)
    coded = encode(payload)
    heard = received(coded, modulation, snr_of_db(snr_db), noise, chance)
    wrong = np.zeros(frames, np.int64)
    # What was heard as it was sent is a code word: Viterbi gives it back.  Where few frames suffer,
    # that saves nearly all the decoding.
    hurt = np.flatnonzero((heard != coded).any(axis=1))
    wrong[hurt] = (decode(heard[hurt]) != payload[hurt]).sum(axis=1)
    count.frames += frames
    count.frames_lost += int(np.count_nonzero(wrong))
    count.coded_bits += coded.size
    count.coded_bits_wrong += int(np.count_nonzero(heard != coded))
    count.bits_wrong += int(wrong.sum())
    count.bits_wrong_squared += int((wrong**2).sum())


@dataclass(frozen=True, slots=True)
class Enough:
    """When to stop: so many frames lost, or so many sent."""

    frames_lost: int
    frames_max: int


def measure(
    modulation: Modulation,
    snr_db: float,
    bits: int,
    chance: np.random.Generator,
    enough: Enough,
    noise: Noise = CLEAN,
    on_batch: Callable[[Count], None] = lambda count: None,
) -> Count:
    """Send coded frames until it is enough."""
    count = Count(bits)
    batch = max(1, min(BATCH_FRAMES_MAX, BATCH_BITS // bits))
    while count.frames < enough.frames_max and count.frames_lost < enough.frames_lost:
        run_frames(
            count, modulation, snr_db, min(batch, enough.frames_max - count.frames), chance, noise
        )
        on_batch(count)
    return count
