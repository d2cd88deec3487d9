"""Make the table of frame error rates of the power-line link.

    python -m tools.fer_table --seed 20260706 --output protocols/plc/frame_errors_clean.json

With the code: random payloads go through a convolutional encoder (constraint length 7, generators
171 and 133 octal, rate 1/2, six tail bits), a random interleaver over the frame, differential PSK
in natural binary order, white Gaussian noise, differential detection, hard decisions, and a
Viterbi decoder.  A frame counts as lost when any payload bit comes out wrong.  Without the code
the closed form of `protocols.plc.bit_errors` is tabulated.

The result is stored as integers out of 2**32, which the simulation compares with drawn integers.
NumPy's exp and log10 may differ in the last bit between machines, so a regenerated table may differ
in a count here and there; the stored one is what every simulation uses.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.plc.bit_errors import bit_error_rate, snr_of_db, uncoded_frame_error_rate
from protocols.plc.physical import SCHEMES, Modulation, Scheme

Bits = NDArray[np.uint8]

GENERATORS = (0o171, 0o133)
MEMORY = 6  # tail bits; constraint length 7
STATES = 1 << MEMORY

FRAME_BITS = (72, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)  # 9 to 256 octets
STEP_CDB = 25  # between two points a straight line errs by at most a tenth of the rate
HOPELESS_BIT_ERROR_RATE = 0.30  # the table starts here: not even the shortest frame passes
ONE = 1 << 32

BATCH_FRAMES = 500  # decoded at once, under one interleaver: at most 66 MB of survivors
ERRORS_ENOUGH = 400  # 5 % standard deviation
FRAMES_MAX = 8_000


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


def over_the_air(
    bits: Bits, modulation: Modulation, snr: float, chance: np.random.Generator
) -> Bits:
    """Hard-decided bits after differential PSK along the subcarriers in white Gaussian noise."""
    frames, count = bits.shape
    width, phases = modulation.value, modulation.phases
    padded = np.zeros((frames, -(-count // width) * width), np.uint8)
    padded[:, :count] = bits
    weights = (1 << np.arange(width - 1, -1, -1)).astype(np.uint8)
    increments = (padded.reshape(frames, -1, width) * weights).sum(axis=2, dtype=np.uint8)
    turns = np.zeros((frames, increments.shape[1] + 1), np.uint8)
    np.cumsum(increments, axis=1, dtype=np.uint8, out=turns[:, 1:])  # wraps at a whole turn
    turns &= phases - 1
    angle = 2 * np.pi * np.arange(phases) / phases
    noise = chance.standard_normal((2, *turns.shape), dtype=np.float32)
    noise *= np.float32(math.sqrt(0.5 / snr))
    x = noise[0] + np.cos(angle).astype(np.float32)[turns]
    y = noise[1] + np.sin(angle).astype(np.float32)[turns]
    along = x[:, 1:] * x[:, :-1] + y[:, 1:] * y[:, :-1]
    across = y[:, 1:] * x[:, :-1] - x[:, 1:] * y[:, :-1]
    steps = np.arctan2(across, along) * np.float32(phases / (2 * np.pi))
    received = np.rint(steps).astype(np.int8).view(np.uint8) & np.uint8(phases - 1)
    out: Bits = ((received[:, :, None] & weights) != 0).view(np.uint8)
    return out.reshape(frames, -1)[:, :count]


@dataclass(slots=True)
class Count:
    """What was seen of frames of one length at one signal-to-noise ratio."""

    bits: int
    frames: int = 0
    frames_lost: int = 0
    coded_bits: int = 0
    coded_bits_wrong: int = 0
    bits_wrong: int = 0

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


def run_frames(
    count: Count, modulation: Modulation, snr_db: float, frames: int, chance: np.random.Generator
) -> None:
    """Send so many coded frames and add what happened to the count."""
    payload = chance.integers(0, 2, (frames, count.bits), dtype=np.uint8)
    coded = encode(payload)
    order = chance.permutation(coded.shape[1])
    received = np.empty_like(coded)
    received[:, order] = over_the_air(coded[:, order], modulation, snr_of_db(snr_db), chance)
    wrong = decode(received) != payload
    count.frames += frames
    count.frames_lost += int(wrong.any(axis=1).sum())
    count.coded_bits += coded.size
    count.coded_bits_wrong += int((received != coded).sum())
    count.bits_wrong += int(wrong.sum())


def measure(modulation: Modulation, snr_cdb: int, bits: int, seed: int, frames_max: int) -> Count:
    """Send coded frames until enough were lost or enough were sent.

    The noise of a length is the same at every signal-to-noise ratio but for its scale, so that
    neighbouring points differ by the ratio and hardly by luck.
    """
    chance = np.random.Generator(np.random.Philox(key=[seed, modulation.value << 32 | bits]))
    count = Count(bits)
    while count.frames < frames_max and count.frames_lost < ERRORS_ENOUGH:
        frames = min(BATCH_FRAMES, frames_max - count.frames)
        run_frames(count, modulation, snr_cdb / 100, frames, chance)
    return count


def _start_cdb(modulation: Modulation) -> int:
    snr_cdb = -1000
    while bit_error_rate(modulation, snr_of_db(snr_cdb / 100)) > HOPELESS_BIT_ERROR_RATE:
        snr_cdb += STEP_CDB
    return snr_cdb


def coded_rows(modulation: Modulation, seed: int, frames_max: int) -> Iterator[dict[str, object]]:
    """Rows of rising signal-to-noise ratio until no frame of any length is lost."""
    snr_cdb = _start_cdb(modulation)
    lost_at_all = True
    while lost_at_all:
        counts = [measure(modulation, snr_cdb, bits, seed, frames_max) for bits in FRAME_BITS]
        lost_at_all = any(count.frames_lost for count in counts)
        yield {
            "snr_cdb": snr_cdb,
            "bit_error_rate": f"{counts[-1].bit_error_rate:.3e}",
            "lost_of_2_32": [count.frames_lost * ONE // count.frames for count in counts],
            "frames": [count.frames for count in counts],
        }
        snr_cdb += STEP_CDB


def uncoded_rows(modulation: Modulation) -> Iterator[dict[str, object]]:
    """Rows of rising signal-to-noise ratio until the longest frame's rate is below 2**-32."""
    snr_cdb = _start_cdb(modulation)
    lost = [ONE]
    while lost[-1]:
        snr = snr_of_db(snr_cdb / 100)
        lost = [int(uncoded_frame_error_rate(modulation, snr, bits) * ONE) for bits in FRAME_BITS]
        yield {
            "snr_cdb": snr_cdb,
            "bit_error_rate": f"{bit_error_rate(modulation, snr):.6e}",
            "lost_of_2_32": lost,
        }
        snr_cdb += STEP_CDB


def make(scheme: Scheme, seed: int, frames_max: int) -> Iterator[dict[str, object]]:
    """The rows of one scheme."""
    if scheme.fec:
        return coded_rows(scheme.modulation, seed, frames_max)
    return uncoded_rows(scheme.modulation)


def main() -> None:
    """Write the table, a line for each row, so that a change shows as changed lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--frames-max", type=int, default=FRAMES_MAX)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    command = f"python -m tools.fer_table --seed {given.seed}"
    if given.frames_max != FRAMES_MAX:
        command += f" --frames-max {given.frames_max}"
    head = {
        "command": f"{command} --output {given.output.as_posix()}",
        "seed": given.seed,
        "numpy": np.__version__,
        "noise": "clean",
        "step_cdb": STEP_CDB,
        "frame_bits": FRAME_BITS,
    }
    curves = []
    for name, scheme in SCHEMES.items():
        rows = []
        for row in make(scheme, given.seed, given.frames_max):
            rows.append(json.dumps(row))
            print(name, row["snr_cdb"], row["bit_error_rate"], flush=True)
        curves.append(f'"{name}": [\n' + ",\n".join(rows) + "\n]")
    text = json.dumps(head)[:-1] + ', "curves": {\n' + ",\n".join(curves) + "\n}}\n"
    json.loads(text)
    given.output.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
