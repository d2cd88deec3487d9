"""Airtime of PRIME 1.3 frames, and the closed forms of uncoded differential PSK."""

from __future__ import annotations

import math

import numpy as np
import pytest

from protocols.plc.bit_errors import (
    bit_error_rate,
    phase_tail,
    sector_probabilities,
    snr_of_db,
    symbol_error_rate,
    uncoded_frame_error_rate,
)
from protocols.plc.physical import (
    D8PSK,
    D8PSK_FEC,
    DBPSK,
    DBPSK_FEC,
    DQPSK,
    DQPSK_FEC,
    SCHEMES,
    Modulation,
    Scheme,
    airtime_us,
)

# 2.048 + 4.48 + 2.24 * ceil(bits / b) ms
AIRTIMES = {
    # name: (octets, scheme, microseconds)
    "check point: 128 octets DBPSK+FEC, 55.8 ms": (128, DBPSK_FEC, 55_808),
    "one octet": (1, DBPSK_FEC, 8_768),
    "a full symbol": (6, DBPSK_FEC, 8_768),
    "one bit over a symbol": (7, DBPSK_FEC, 11_008),
    "256 octets DBPSK+FEC": (256, DBPSK_FEC, 102_848),
    "128 octets DQPSK+FEC": (128, DQPSK_FEC, 31_168),
    "128 octets D8PSK+FEC": (128, D8PSK_FEC, 24_448),
    "128 octets DBPSK": (128, DBPSK, 31_168),
    "128 octets DQPSK": (128, DQPSK, 19_968),
    "128 octets D8PSK": (128, D8PSK, 15_488),
    "63 symbols": (378, DBPSK_FEC, 147_648),
}


@pytest.mark.parametrize("octets, scheme, microseconds", AIRTIMES.values(), ids=AIRTIMES)
def test_airtime(octets: int, scheme: Scheme, microseconds: int) -> None:
    assert airtime_us(octets, scheme) == microseconds


@pytest.mark.parametrize("octets", [0, -1, 379])
def test_no_airtime_for_what_is_no_frame(octets: int) -> None:
    with pytest.raises(ValueError, match="symbols of dbpsk"):
        airtime_us(octets, DBPSK_FEC)


def test_bits_in_a_symbol() -> None:
    assert {name: scheme.bits_per_symbol for name, scheme in SCHEMES.items()} == {
        "dbpsk+fec": 48,
        "dqpsk+fec": 96,
        "d8psk+fec": 144,
        "dbpsk": 96,
        "dqpsk": 192,
        "d8psk": 288,
    }


@pytest.mark.parametrize("snr_db", [-5, 0, 3, 10, 14])
def test_dbpsk_has_a_closed_form(snr_db: int) -> None:
    snr = snr_of_db(snr_db)
    assert bit_error_rate(Modulation.DBPSK, snr) == pytest.approx(math.exp(-snr) / 2, rel=1e-9)


def _tail_by_density(psi: float, snr: float) -> float:
    """P(D > psi) by another way: the density of each phasor's phase, convolved with itself."""
    count = 4096
    phase = (np.arange(count) + 0.5) * 2 * np.pi / count - np.pi
    along = math.sqrt(snr) * np.cos(phase)
    gaussian = np.array([0.5 * math.erfc(-value) for value in along])  # Q of the radial part
    density = (
        np.exp(-snr)
        / (2 * np.pi)
        * (1 + 2 * math.sqrt(math.pi) * along * np.exp(along**2) * gaussian)
    )
    assert density.sum() * 2 * np.pi / count == pytest.approx(1, abs=1e-10)
    spectrum = np.fft.rfft(density)
    difference = np.fft.irfft(np.abs(spectrum) ** 2, count) * 2 * np.pi / count
    # difference[k] is the density at k * 2 pi / count; integrate it from psi to pi
    step = 2 * np.pi / count
    first = round(psi / step)
    assert first * step == pytest.approx(psi)
    weights = difference[first : count // 2 + 1].copy()
    weights[0] /= 2
    weights[-1] /= 2
    return float(weights.sum() * step)


@pytest.mark.parametrize("snr_db", [-5, 0, 5, 10])
@pytest.mark.parametrize("eighths", [1, 2, 3, 4, 5, 6, 7])
def test_phase_tail_against_the_convolved_densities(eighths: int, snr_db: int) -> None:
    psi, snr = eighths * math.pi / 8, snr_of_db(snr_db)
    expected = _tail_by_density(psi, snr)
    assert phase_tail(psi, snr) == pytest.approx(expected, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("modulation", Modulation)
def test_without_signal_every_sector_is_as_likely(modulation: Modulation) -> None:
    phases = modulation.phases
    assert sector_probabilities(modulation, 0.0) == pytest.approx([1 / phases] * phases)
    assert bit_error_rate(modulation, 0.0) == pytest.approx(0.5)


@pytest.mark.parametrize("snr_db", [0, 10, 20, 30])
@pytest.mark.parametrize("modulation", Modulation)
def test_sectors_and_symbols_agree(modulation: Modulation, snr_db: int) -> None:
    snr = snr_of_db(snr_db)
    sectors = sector_probabilities(modulation, snr)
    assert all(probability >= 0 for probability in sectors)
    assert sum(sectors[1:]) == pytest.approx(symbol_error_rate(modulation, snr), rel=1e-9)


# With many phases and little noise only neighbours are confused; a neighbour costs on average
# (1 + 2) / 2 bits of two in DQPSK, (1 + 2 + 1 + 3 + 1 + 2 + 1 + 3) / 8 of three in D8PSK.
NATURAL = {Modulation.DBPSK: 1.0, Modulation.DQPSK: 1.5 / 2, Modulation.D8PSK: 1.75 / 3}


@pytest.mark.parametrize("modulation", Modulation)
def test_natural_order_costs_more_than_gray(modulation: Modulation) -> None:
    snr = snr_of_db(20 if modulation is Modulation.D8PSK else 14)
    ratio = bit_error_rate(modulation, snr) / symbol_error_rate(modulation, snr)
    assert ratio == pytest.approx(NATURAL[modulation], rel=1e-3)


@pytest.mark.parametrize("modulation", Modulation)
def test_uncoded_frames(modulation: Modulation) -> None:
    snr = snr_of_db(12)
    symbol = symbol_error_rate(modulation, snr)
    one = uncoded_frame_error_rate(modulation, snr, modulation.value)
    assert one == pytest.approx(symbol)
    many = uncoded_frame_error_rate(modulation, snr, 100 * modulation.value)
    assert many == pytest.approx(1 - (1 - symbol) ** 100)
