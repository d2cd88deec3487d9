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
_BRANCHES = np.concatenate([_LEAVING_EVEN, 3 - _LEAVING_EVEN])
"""Of even states with bit 0, then with bit 1."""
_PAIR_DISTANCE = np.array([[(a ^ b).bit_count() for b in range(4)] for a in range(4)], np.uint8)

WIDE = 200
"""So many frames keep the processor busy; fewer long ones are decoded in windows side by side."""
WINDOW = 2048
OVERLAP = 256  # steps on either side of a window's own: 36 constraint lengths


def decode(coded: Bits) -> Bits:
    """The most likely payloads of hard-decided coded bits: Viterbi over all frames at once.

    Frames start and end in state 0.  Few long frames are cut into windows that overlap: paths that
    survive have met long before the overlap's end, so that a window decides as the whole would.
    """
    pairs = np.ascontiguousarray((coded[:, 0::2] * 2 + coded[:, 1::2]).T)
    steps, frames = pairs.shape
    if frames >= WIDE or steps < 2 * WINDOW:
        return _decided(pairs, frames, frames)[: steps - MEMORY].T
    payload = np.empty((steps, frames), np.uint8)
    starts = [*range(0, steps - WINDOW, WINDOW - 2 * OVERLAP), steps - WINDOW]
    together = max(1, 2 * WIDE // frames)
    for at in range(0, len(starts), together):
        group = starts[at : at + together]
        first = frames if at == 0 else 0
        last = frames if group[-1] == starts[-1] else 0
        side_by_side = np.concatenate([pairs[start : start + WINDOW] for start in group], axis=1)
        found = _decided(side_by_side, first, last).reshape(WINDOW, len(group), frames)
        for number, start in enumerate(group):
            own = OVERLAP if start else 0
            payload[start + own : start + WINDOW] = found[own:, number]
    return payload[: steps - MEMORY].T


def _decided(pairs: NDArray[np.uint8], known_first: int, known_last: int) -> Bits:
    """The bit that each step took, by columns of which so many, the first, begin in state 0, and so
    many, the last, end in it; the others begin and end anywhere.

    Path metrics stay within eight bits: the least grows by at most one a step and is taken off
    every 64, and none is more than 2 * MEMORY above it.
    """
    steps, columns = pairs.shape
    half = STATES // 2
    metric = np.zeros((STATES, columns), np.uint8)
    metric[1:, :known_first] = 60
    entered = np.empty_like(metric)
    survivor = np.empty((steps, STATES, columns), np.bool_)
    branches = np.empty((2, half, columns), np.uint8)
    rows = branches.reshape(STATES, columns)
    crossed = branches[::-1]
    from_even, from_odd = np.empty((2, 2, half, columns), np.uint8)
    for step in range(steps):
        _PAIR_DISTANCE[:, pairs[step]].take(_BRANCHES, axis=0, out=rows, mode="clip")
        # States 2j and 2j+1 lead to j with bit 0 and to j + 32 with bit 1.
        np.add(metric[0::2], branches, out=from_even)
        np.add(metric[1::2], crossed, out=from_odd)
        np.less(from_odd, from_even, out=survivor[step].reshape(2, half, columns))
        np.minimum(from_even, from_odd, out=entered.reshape(2, half, columns))
        metric, entered = entered, metric
        if step % 64 == 63:
            metric -= metric.min(axis=0)
    state = metric.argmin(axis=0).astype(np.intp)
    state[columns - known_last :] = 0
    column = np.arange(columns)
    taken = np.empty((steps, columns), np.uint8)
    for step in range(steps - 1, -1, -1):
        taken[step] = state >> (MEMORY - 1)
        state = (state & (half - 1)) << 1 | survivor[step, state, column]
    return taken
