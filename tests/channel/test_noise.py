"""Noise by symbol: states and their probabilities, and error rates as their means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from protocols.plc.bit_errors import bit_error_rate, snr_of_db, uncoded_frame_error_rate
from protocols.plc.noise import (
    CLEAN,
    MAINS,
    MIDDLETON_RARE,
    NOISES,
    MainsSynchronous,
    MiddletonA,
    Noise,
    bit_error_rate_in,
    phase_of,
    uncoded_frame_error_rate_in,
)
from protocols.plc.physical import Modulation
from tools.channel.air import factors, received

by_noise = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)


@by_noise
def test_states_are_a_distribution_and_no_symbol_is_without_noise(noise: Noise) -> None:
    for phase in (0.0, 0.25, 0.9):
        states = noise.states(phase)
        assert math.fsum(probability for probability, _ in states) == pytest.approx(1)
        assert all(probability > 0 and factor > 0 for probability, factor in states)


@pytest.mark.parametrize("a, gamma", [(1.47e-4, 0.1), (4e-4, 0.4), (0.1, 0.01)])
def test_impulses_have_the_power_that_gamma_says(a: float, gamma: float) -> None:
    """Background over the impulses' mean power is Gamma: the mean factor is 1 + 1/Gamma."""
    states = MiddletonA("any", a, gamma).states(0.0)
    mean = math.fsum(probability * factor for probability, factor in states)
    assert mean == pytest.approx(1 + 1 / gamma)
    assert min(factor for _, factor in states) >= 1


# Check points: with A = 1.47e-4, 7.3 % of symbols are hit; a 24-symbol frame with P = .84, a
# 2-symbol one with .14.
def test_long_frames_are_hit_and_beacons_are_not() -> None:
    spared = MIDDLETON_RARE.states(0.0)[0]
    assert spared[1] == 1.0
    assert 1 - spared[0] == pytest.approx(0.073, abs=0.0005)
    assert 1 - spared[0] ** 24 == pytest.approx(0.84, abs=0.005)
    assert 1 - spared[0] ** 2 == pytest.approx(0.14, abs=0.005)


def test_one_impulse_by_hand() -> None:
    """M = 1: 1 / (512 * 1.47e-4) / 0.1 = 132.87."""
    assert MIDDLETON_RARE.factor(1) == pytest.approx(133.87, abs=0.01)


@pytest.mark.parametrize("a, gamma", [(0, 0.1), (-1, 0.1), (1.1, 0.1), (0.1, 0), (0.1, math.inf)])
def test_no_such_class_a(a: float, gamma: float) -> None:
    with pytest.raises(ValueError, match="class A"):
        MiddletonA("none", a, gamma)


def test_mains_noise_has_the_mean_of_one_and_breathes() -> None:
    variances = [MAINS.variance(step / 1000) for step in range(1000)]
    assert math.fsum(variances) / 1000 == pytest.approx(1, abs=1e-4)
    decibels = [10 * math.log10(variance) for variance in variances]
    assert -6 < min(decibels) < -4 and 1.5 < max(decibels) < 3
    assert MAINS.variance(1.25) == MAINS.variance(0.25)


def test_mains_noise_by_hand() -> None:
    """Without its needle Katayama's variance is .23 + 1.38 |sin|^1.91: quadrature over a symbol's
    window of 2,048 us, against the mean over the half-period with the needle."""
    angle = np.pi * (np.arange(200_000) + 0.5) / 200_000
    smooth = 0.23 + 1.38 * np.abs(np.sin(angle - np.radians(6))) ** 1.91
    needle = 7.17 * np.abs(np.sin(angle - np.radians(35))) ** 1.57e5
    window = slice(0, round(200_000 * 0.2048))
    expected = smooth[window].mean() / (smooth + needle).mean()  # the needle is at 125 degrees
    assert MAINS.variance(0.0) == pytest.approx(expected, rel=1e-3)


def test_symbols_move_along_the_half_period() -> None:
    assert [phase_of(number, 0.9) for number in range(2)] == pytest.approx([0.9, 0.124])


@pytest.mark.parametrize("modulation", Modulation)
def test_clean_is_white(modulation: Modulation) -> None:
    for snr_db in (0, 6, 12):
        snr = snr_of_db(snr_db)
        assert bit_error_rate_in(CLEAN, modulation, snr) == bit_error_rate(modulation, snr)
        for bits in (48, 250, 1000):
            assert uncoded_frame_error_rate_in(CLEAN, modulation, snr, bits) == pytest.approx(
                uncoded_frame_error_rate(modulation, snr, bits)
            )


def test_bit_errors_under_impulses_by_hand() -> None:
    """DBPSK: the mean of exp(-snr / factor) / 2 over the Poisson law, term by term."""
    snr, mean = 10.0, 512 * 4e-4
    expected = math.fsum(
        math.exp(-mean) * mean**count / math.factorial(count)
        * 0.5 * math.exp(-snr / (1 + count / mean / 0.4))
        for count in range(40)
    )  # fmt: skip
    noise = MiddletonA("by hand", 4e-4, 0.4)
    assert bit_error_rate_in(noise, Modulation.DBPSK, snr) == pytest.approx(expected, rel=1e-9)


def test_frame_errors_under_impulses_by_hand() -> None:
    """200 bits of DBPSK: two whole symbols and eight bits of a third, each with a state of its
    own."""
    snr = snr_of_db(9)
    kept = 1.0
    for bits in (96, 96, 8):
        kept *= math.fsum(
            probability * (1 - 0.5 * math.exp(-snr / factor)) ** bits
            for probability, factor in MIDDLETON_RARE.states(0.0)
        )
    lost = uncoded_frame_error_rate_in(MIDDLETON_RARE, Modulation.DBPSK, snr, 200)
    assert lost == pytest.approx(1 - kept, rel=1e-9)


def test_frames_under_mains_noise_meet_it_at_any_phase() -> None:
    """The mean over the phase at which the frame begins, not the rate of the mean variance."""
    snr = snr_of_db(9)
    quiet = MainsSynchronous(hit_probability=0.0)
    starts = [step / 50 for step in range(50)]
    expected = math.fsum(
        1 - (1 - 0.5 * math.exp(-snr / quiet.variance(start))) ** 96 for start in starts
    )
    lost = uncoded_frame_error_rate_in(quiet, Modulation.DBPSK, snr, 96)
    assert lost == pytest.approx(expected / 50, rel=1e-9)


# The simulated air against the closed form: 1,000 frames of 10 symbols; symbols of a frame share
# the mains phase, so the deviation is taken over frames.  Four standard deviations.
@by_noise
@pytest.mark.parametrize("modulation, snr_db", [(Modulation.DBPSK, 4), (Modulation.D8PSK, 14)])
def test_the_simulated_air_has_the_closed_form_bit_error_rate(
    noise: Noise, modulation: Modulation, snr_db: int
) -> None:
    chance = np.random.Generator(np.random.Philox(4))
    sent = chance.integers(0, 2, (1000, 960 * modulation.value), dtype=np.uint8)
    wrong = received(sent, modulation, snr_of_db(snr_db), noise, chance) != sent
    expected = bit_error_rate_in(noise, modulation, snr_of_db(snr_db))
    deviation = wrong.mean(axis=1).std() / math.sqrt(len(sent))
    assert abs(wrong.mean() - expected) < 4 * deviation


@by_noise
def test_drawn_factors_have_the_mean_of_the_states(noise: Noise) -> None:
    chance = np.random.Generator(np.random.Philox(5))
    drawn = factors(noise, 4000, 8, chance)
    phases = [start / 100 for start in range(100)]
    expected = math.fsum(
        probability * factor for phase in phases for probability, factor in noise.states(phase)
    ) / len(phases)
    if drawn is None:
        assert noise is CLEAN and expected == 1
        return
    deviation = drawn.mean(axis=1).std() / math.sqrt(len(drawn))
    assert abs(drawn.mean() - expected) < 4 * deviation + 1e-4
