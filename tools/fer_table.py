"""Make a table of frame error rates of the power-line link, in one kind of noise.

    python -m tools.fer_table --noise mains --seed 20260706

With the code, frames are sent over the simulated air (`tools.channel.air`, `frames_sent`) until
enough of them were lost.  Without it the closed form of `protocols.plc.noise` is tabulated.

The result is stored as integers out of 2**32, which the simulation compares with drawn integers.
NumPy's exp and log10 may differ in the last bit between machines, so a regenerated table may differ
in a count here and there; the stored one is what every simulation uses.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from protocols.plc.bit_errors import bit_error_rate, snr_of_db
from protocols.plc.noise import CLEAN, NOISES, Noise, bit_error_rate_in, uncoded_frame_error_rate_in
from protocols.plc.physical import SCHEMES, Modulation, Scheme
from tools.channel.frames_sent import Count, Enough, measure

FRAME_BITS = (72, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)  # 9 to 256 octets
FRAME_BITS_FEW = (72, 128, 256, 512, 1024, 2048)  # for the noises that are not the default
STEP_CDB = 25  # between two points a straight line errs by at most a tenth of the rate
WIDE = 4  # steps at once where rates hardly change
HARDLY = 0.02
HOPELESS_BIT_ERROR_RATE = 0.30  # the table starts here: not even the shortest frame passes
ONE = 1 << 32

ENOUGH = {
    # 400 lost frames: 5 % standard deviation
    "clean": Enough(frames_lost=400, frames_max=8_000),
    "mains": Enough(frames_lost=400, frames_max=4_000),
}
ENOUGH_OTHERS = Enough(frames_lost=200, frames_max=2_000)

Rates = list[int]


def lengths_for(noise: Noise) -> tuple[int, ...]:
    """The columns of a noise's table."""
    return FRAME_BITS if noise.name in ENOUGH else FRAME_BITS_FEW


def cell(noise: Noise, modulation: Modulation, snr_cdb: int, bits: int, seed: int) -> Count:
    """The measurement behind one number of the table.

    The noise of a length is the same at every signal-to-noise ratio but for its scale, so that
    neighbouring points differ by the ratio and hardly by luck.
    """
    chance = np.random.Generator(np.random.Philox(key=[seed, modulation.value << 32 | bits]))
    enough = ENOUGH.get(noise.name, ENOUGH_OTHERS)
    return measure(modulation, snr_cdb / 100, bits, chance, enough, noise)


def _start_cdb(modulation: Modulation) -> int:
    snr_cdb = -1000
    while bit_error_rate(modulation, snr_of_db(snr_cdb / 100)) > HOPELESS_BIT_ERROR_RATE:
        snr_cdb += STEP_CDB
    return snr_cdb


def rows(
    noise: Noise, modulation: Modulation, row: Callable[[int], tuple[Rates, dict[str, object]]]
) -> Iterator[dict[str, object]]:
    """Rows of rising signal-to-noise ratio until nothing is lost; wider apart, but in white noise,
    where rates hardly change."""
    snr_cdb = _start_cdb(modulation)
    before: Rates = []
    while not before or any(before):
        lost, more = row(snr_cdb)
        yield {"snr_cdb": snr_cdb, **more, "lost_of_2_32": lost}
        changes = [abs(one - other) / ONE for one, other in zip(before, lost, strict=False)]
        calm = bool(changes) and max(changes) < HARDLY
        steps = 1 if noise is CLEAN else WIDE if calm else 2
        before = lost
        snr_cdb += steps * STEP_CDB


def coded_row(
    noise: Noise, modulation: Modulation, snr_cdb: int, seed: int
) -> tuple[Rates, dict[str, object]]:
    """What a Viterbi run finds at this ratio."""
    counts = [cell(noise, modulation, snr_cdb, bits, seed) for bits in lengths_for(noise)]
    return [count.frames_lost * ONE // count.frames for count in counts], {
        "bit_error_rate": f"{counts[-1].bit_error_rate:.3e}",
        "frames": [count.frames for count in counts],
    }


def uncoded_row(
    noise: Noise, modulation: Modulation, snr_cdb: int
) -> tuple[Rates, dict[str, object]]:
    """The closed form at this ratio."""
    snr = snr_of_db(snr_cdb / 100)
    rates = [
        uncoded_frame_error_rate_in(noise, modulation, snr, bits) for bits in lengths_for(noise)
    ]
    return [int(rate * ONE) for rate in rates], {
        "bit_error_rate": f"{bit_error_rate_in(noise, modulation, snr):.6e}"
    }


def make(noise: Noise, scheme: Scheme, seed: int) -> Iterator[dict[str, object]]:
    """The rows of one scheme."""
    modulation = scheme.modulation
    if scheme.fec:
        return rows(noise, modulation, lambda snr: coded_row(noise, modulation, snr, seed))
    return rows(noise, modulation, lambda snr: uncoded_row(noise, modulation, snr))


def main() -> None:
    """Write the table, a line for each row, so that a change shows as changed lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--noise", choices=NOISES, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, default=Path("protocols/plc"))
    given = parser.parse_args()
    noise = NOISES[given.noise]
    head = {
        "command": f"python -m tools.fer_table --noise {noise.name} --seed {given.seed}",
        "seed": given.seed,
        "numpy": np.__version__,
        "noise": noise.name,
        "step_cdb": STEP_CDB,
        "frame_bits": lengths_for(noise),
    }
    curves = []
    for name, scheme in SCHEMES.items():
        lines = []
        for row in make(noise, scheme, given.seed):
            lines.append(json.dumps(row))
            print(name, row["snr_cdb"], row["bit_error_rate"], file=sys.stderr, flush=True)
        curves.append(f'"{name}": [\n' + ",\n".join(lines) + "\n]")
    text = json.dumps(head)[:-1] + ', "curves": {\n' + ",\n".join(curves) + "\n}}\n"
    json.loads(text)
    (given.folder / f"frame_errors_{noise.name}.json").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
