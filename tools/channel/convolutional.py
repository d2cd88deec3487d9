"""The convolutional code of PRIME, over many frames at once: encoder and hard-decision Viterbi.

Constraint length 7, generators 171 and 133 octal, rate 1/2, six tail bits (PRIME 1.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]

GENERATORS = (0o171, 0o133)
MEMORY = 6  # tail bits; constraint length 7
STATES = 1 << MEMORY


def encode(payload: Bits) -> Bits:
    """Two coded bits for each payload bit and each of six tail bits; frames are rows."""
    frames, bits = payload.shape
    padded = np.zeros((frames, bits + 2 * MEMORY), np.uint8)
    padded[:, MEMORY : MEMORY + bits] = payload
    coded = np.zeros((frames, bits + MEMORY, 2), np.uint8)
    for output, generator in enumerate(GENERATORS):
        for delay in range(MEMORY + 1):
            if generator >> (MEMORY - delay) & 1:
                coded[:, :, output] ^= padded[:, MEMORY - delay : 2 * MEMORY + bits - delay]
    return coded.reshape(frames, -1)


def _outputs_of_even_states() -> NDArray[np.intp]:
    """The coded pair (0..3) on leaving each even state with bit 0; the newest bit is bit 5.

    Both generators tap the newest and the oldest bit.  So leaving with bit 1, or from the odd state
    beside it, gives the complement, and both together the same again.
    """
    return np.array(
        [
            sum(
                (state & generator).bit_count() % 2 << (1 - output)
                for output, generator in enumerate(GENERATORS)
            )
            for state in range(0, STATES, 2)
        ],
        dtype=np.intp,
    )


_LEAVING_EVEN = _outputs_of_even_states()
_PAIR_DISTANCE = np.array([[(a ^ b).bit_count() for b in range(4)] for a in range(4)], np.uint8)


def decode(coded: Bits) -> Bits:
    """The most likely payloads of hard-decided coded bits: Viterbi over all frames at once.

    Frames start and end in state 0.  Path metrics stay within eight bits: the least grows by at
    most one a step and is taken off every 64, and none is more than 2 * MEMORY above it.
    """
    frames = coded.shape[0]
    pairs = np.ascontiguousarray((coded[:, 0::2] * 2 + coded[:, 1::2]).T)
    steps = pairs.shape[0]
    metric = np.full((STATES, frames), 60, np.uint8)
    metric[0] = 0
    entered = np.empty_like(metric)
    survivor = np.empty((steps, STATES, frames), np.bool_)
    half = STATES // 2
    agreeing, opposing, from_even, from_odd = np.empty((4, half, frames), np.uint8)
    for step in range(steps):
        distance = _PAIR_DISTANCE[:, pairs[step]]
        np.take(distance, _LEAVING_EVEN, axis=0, out=agreeing, mode="clip")
        np.subtract(2, agreeing, out=opposing)
        # States 2j and 2j+1 lead to j with bit 0 and to j + 32 with bit 1.
        for into, even_branch, odd_branch in (
            (slice(0, half), agreeing, opposing),
            (slice(half, STATES), opposing, agreeing),
        ):
            np.add(metric[0::2], even_branch, out=from_even)
            np.add(metric[1::2], odd_branch, out=from_odd)
            np.less(from_odd, from_even, out=survivor[step, into])
            np.minimum(from_even, from_odd, out=entered[into])
        metric, entered = entered, metric
        if step % 64 == 63:
            metric -= metric.min(axis=0)
    state = np.zeros(frames, np.intp)
    column = np.arange(frames)
    payload = np.empty((steps, frames), np.uint8)
    for step in range(steps - 1, -1, -1):
        payload[step] = state >> (MEMORY - 1)
        state = (state & (half - 1)) << 1 | survivor[step, state, column]
    return payload[: steps - MEMORY].T
