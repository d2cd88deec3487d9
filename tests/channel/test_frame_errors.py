"""The stored tables: what they say they are, what they say of frames, and that they can be remade.

Tolerances come from sample sizes: a rate p seen in n independent frames has the standard deviation
sqrt(p (1 - p) / n).  Four standard deviations, and fixed seeds.
"""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import protocols.plc
from protocols.plc.bit_errors import snr_of_db
from protocols.plc.error_rates import ONE, detected_frame_error_rates, frame_error_rates
from protocols.plc.noise import (
    CLEAN,
    MAINS,
    MIDDLETON_RARE,
    NOISES,
    MiddletonA,
    Noise,
    bit_error_rate_in,
    uncoded_frame_error_rate_in,
)
from protocols.plc.physical import DBPSK_FEC, HEADER_BITS, SCHEMES, Scheme
from tools import fer_table

CODED = [scheme for scheme in SCHEMES.values() if scheme.fec]
UNCODED = [scheme for scheme in SCHEMES.values() if not scheme.fec]
TABLES = [(noise, scheme) for noise in NOISES.values() for scheme in SCHEMES.values()]
by_table = pytest.mark.parametrize(
    "noise, scheme", TABLES, ids=[f"{noise.name}-{scheme.name}" for noise, scheme in TABLES]
)
by_noise = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
OCTETS_MAX = 300_000


def spread(rate: float, frames: int) -> float:
    return math.sqrt(rate * (1 - rate) / frames)


def path_of(noise: Noise) -> Path:
    return Path(protocols.plc.__file__).with_name(f"frame_errors_{noise.name}.json")


@cache
def stored(noise: Noise) -> dict[str, Any]:
    loaded = json.loads(path_of(noise).read_text(encoding="ascii"))
    assert isinstance(loaded, dict)
    return loaded


def rows(noise: Noise, scheme: str) -> list[dict[str, Any]]:
    return stored(noise)["curves"][scheme]


def row_at(noise: Noise, scheme: str, snr_cdb: int) -> dict[str, Any]:
    return next(row for row in rows(noise, scheme) if row["snr_cdb"] == snr_cdb)


@by_noise
def test_a_table_says_how_it_was_made(noise: Noise) -> None:
    table = stored(noise)
    assert table["command"] == (
        f"python -m tools.fer_table --noise {noise.name} --seed {table['seed']}"
    )
    assert table["noise"] == noise.name
    assert tuple(table["frame_bits"]) == fer_table.lengths_for(noise)
    assert path_of(noise).stat().st_size < OCTETS_MAX


CELLS = {
    "white noise": (CLEAN, "dbpsk+fec", 300, 256),
    "white noise, two bits": (CLEAN, "dqpsk+fec", 750, 128),
    "white noise, three bits": (CLEAN, "d8psk+fec", 1225, 192),
    "mains": (MAINS, "dbpsk+fec", 475, 256),
    "impulses": (MIDDLETON_RARE, "dbpsk+fec", 325, 128),
}


@pytest.mark.parametrize("noise, scheme, about_cdb, bits", CELLS.values(), ids=CELLS)
def test_cells_can_be_made_again(noise: Noise, scheme: str, about_cdb: int, bits: int) -> None:
    """The generator, run for one cell with the stored seed, gives the stored count.

    NumPy's functions may differ in the last bit between machines, hence a frame or two of slack.
    """
    row = min(rows(noise, scheme), key=lambda each: abs(each["snr_cdb"] - about_cdb))
    snr_cdb = row["snr_cdb"]
    seed = stored(noise)["seed"]
    count = fer_table.cell(noise, SCHEMES[scheme].modulation, snr_cdb, bits, seed)
    rates = frame_error_rates(SCHEMES[scheme], noise)
    assert count.frames == row["frames"][rates.frame_bits.index(bits)]
    expected = rates.lost_of_2_32(snr_cdb, bits) / ONE * count.frames
    assert 0 < expected < count.frames
    assert abs(count.frames_lost - expected) <= 2


def test_one_minus_one_minus_ber_to_the_n_overstates_coded_frame_errors() -> None:
    """Viterbi errors are bursty: published by 3 to 5 times, a little more with our interleaver."""
    rates = frame_error_rates(DBPSK_FEC)
    naive = 1 - (1 - float(row_at(CLEAN, "dbpsk+fec", 400)["bit_error_rate"])) ** 256
    assert 3 < naive / (rates.lost_of_2_32(400, 256) / ONE) < 7


@by_table
def test_more_signal_never_hurts_and_the_ends_are_certain(noise: Noise, scheme: Scheme) -> None:
    rates = frame_error_rates(scheme, noise)
    assert all(0 <= lost <= ONE for row in rates.lost for lost in row)
    assert rates.lost[0][-1] > 0.999999 * ONE
    assert rates.lost[-1][-1] == 0
    assert rates.lost_of_2_32(rates.first_snr_cdb - 1, 8) == ONE
    assert rates.lost_of_2_32(99_999, 2048) == 0
    for lower, higher in pairwise(rows(noise, scheme.name)):
        both = zip(lower["lost_of_2_32"], higher["lost_of_2_32"], strict=True)
        for column, (below, above) in enumerate(both):
            frames = lower["frames"][column] if scheme.fec else 10**12
            assert (above - below) / ONE <= 4 * spread(below / ONE, frames), lower["snr_cdb"]


@by_table
def test_the_stored_rows_are_on_the_grid(noise: Noise, scheme: Scheme) -> None:
    rates = frame_error_rates(scheme, noise)
    assert rates.frame_bits[0] <= HEADER_BITS
    for row in rows(noise, scheme.name):
        found = [rates.lost_of_2_32(row["snr_cdb"], bits) for bits in rates.frame_bits]
        assert found == row["lost_of_2_32"]


@pytest.mark.parametrize("bits", [0, -8, 2049])
def test_no_rate_for_what_is_no_frame(bits: int) -> None:
    for snr_cdb in (500, 99_999):
        with pytest.raises(ValueError, match="frame of"):
            frame_error_rates(DBPSK_FEC).lost_of_2_32(snr_cdb, bits)


def test_no_table_for_a_noise_that_none_was_made_for() -> None:
    with pytest.raises(FileNotFoundError):
        frame_error_rates(DBPSK_FEC, MiddletonA("unheard-of", 0.5, 0.5))


@settings(max_examples=300)
@given(st.sampled_from(TABLES), st.integers(-400, 4500), st.integers(1, 2048))
def test_between_the_points_a_rate_is_between_theirs(
    table: tuple[Noise, Scheme], snr_cdb: int, bits: int
) -> None:
    noise, scheme = table
    rates = frame_error_rates(scheme, noise)
    lost = rates.lost_of_2_32(snr_cdb, bits)
    assert isinstance(lost, int) and 0 <= lost <= ONE
    low = snr_cdb - (snr_cdb - rates.first_snr_cdb) % rates.step_cdb
    ends = [rates.lost_of_2_32(low, bits), rates.lost_of_2_32(low + rates.step_cdb, bits)]
    assert min(ends) <= lost <= max(ends)


@by_noise
@pytest.mark.parametrize("scheme", UNCODED, ids=[scheme.name for scheme in UNCODED])
def test_uncoded_rows_are_the_closed_form(noise: Noise, scheme: Scheme) -> None:
    """Some of them: under mains noise a row takes a tenth of a second."""
    some = rows(noise, scheme.name)[:: 1 if noise is CLEAN else 12]
    for row in some:
        snr = snr_of_db(row["snr_cdb"] / 100)
        expected = bit_error_rate_in(noise, scheme.modulation, snr)
        assert float(row["bit_error_rate"]) == pytest.approx(expected, rel=1e-5)
        for bits, lost in zip(stored(noise)["frame_bits"], row["lost_of_2_32"], strict=True):
            rate = uncoded_frame_error_rate_in(noise, scheme.modulation, snr, bits)
            assert lost == pytest.approx(rate * ONE, abs=16, rel=1e-6)


@by_noise
@pytest.mark.parametrize("scheme", CODED, ids=[scheme.name for scheme in CODED])
def test_longer_frames_are_lost_more_often(noise: Noise, scheme: Scheme) -> None:
    for row in rows(noise, scheme.name):
        counted = zip(row["lost_of_2_32"], row["frames"], strict=True)
        for (short, sent), (long, sent_long) in pairwise(counted):
            slack = math.hypot(spread(short / ONE, sent), spread(long / ONE, sent_long))
            assert (long - short) / ONE >= -4 * slack, row["snr_cdb"]


@by_noise
def test_a_frame_is_lost_with_its_header_or_with_its_payload(noise: Noise) -> None:
    rates = detected_frame_error_rates(SCHEMES["d8psk+fec"], noise)
    header = frame_error_rates(DBPSK_FEC, noise)
    for snr_cdb in range(0, 2000, 37):
        kept = (1 - header.lost_of_2_32(snr_cdb, HEADER_BITS) / ONE) * (
            1 - rates.payload.lost_of_2_32(snr_cdb, 100 * 8) / ONE
        )
        assert rates.lost_of_2_32(snr_cdb, 100) / ONE == pytest.approx(1 - kept, abs=1e-9)


def test_long_frames_die_where_beacons_survive() -> None:
    """A = 1.47e-4 at 12 dB, where white noise loses nothing: 7.3 % of symbols are hit."""
    rates = frame_error_rates(DBPSK_FEC, MIDDLETON_RARE)
    assert rates.lost_of_2_32(1200, 1024) / ONE == pytest.approx(1 - 0.9275**21.5, abs=0.08)
    assert rates.lost_of_2_32(1200, 72) / ONE == pytest.approx(1 - 0.9275**1.6, abs=0.06)
    assert frame_error_rates(DBPSK_FEC, CLEAN).lost_of_2_32(1200, 1024) == 0
