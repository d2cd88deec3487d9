"""The air of the power line, simulated by the array: symbols, differential PSK, noise by symbol.

Coded bits fill one OFDM symbol after the other.  Within a symbol an interleaver of 2 b rows, b bits
a subcarrier, puts bits that share a subcarrier, or neighbouring ones, 48 coded bits apart.  Each
symbol has a reference phasor and then 96 more, each turned against the one before by its bits in
natural binary order.  The receiver decides hard, on the difference of two noisy phasors.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from protocols.plc.noise import Clean, MainsSynchronous, MiddletonA, Noise, phase_of
from protocols.plc.physical import DATA_SUBCARRIERS, Modulation
from tools.channel.convolutional import Bits

Factors = NDArray[np.float32]
CACHED_PHASORS = 60_000
"""So many are worked on at once: they stay in the processor's cache."""
_PHASE_STEPS = 1000  # the mains phase to a thousandth of the half-period


def factors(noise: Noise, frames: int, symbols: int, chance: np.random.Generator) -> Factors | None:
    """Noise power over the mean background in each symbol of each frame; None: always one."""
    shape = (frames, symbols)
    match noise:
        case Clean():
            return None
        case MiddletonA():
            impulses = chance.poisson(noise.impulses_per_symbol, shape)
            scale = 1.0 / (noise.impulses_per_symbol * noise.gamma)
            return (1.0 + impulses * scale).astype(np.float32)
        case MainsSynchronous():
            starts = chance.random(frames)
            along = np.array([phase_of(number, 0.0) for number in range(symbols)])
            phases = (starts[:, None] + along) % 1.0
            variances = np.array(
                [noise.variance(step / _PHASE_STEPS) for step in range(_PHASE_STEPS)]
            )
            hit = chance.random(shape) < noise.hit_probability
            by_phase = variances[(phases * _PHASE_STEPS).astype(np.intp)]
            return (by_phase + noise.hit_power * hit).astype(np.float32)


def interleaving(modulation: Modulation) -> NDArray[np.intp]:
    """For each bit of a symbol, in the order of the subcarriers, which coded bit it is."""
    coded_bits = DATA_SUBCARRIERS * modulation.value
    return np.arange(coded_bits).reshape(2 * modulation.value, -1).T.ravel()


def received(
    coded: Bits, modulation: Modulation, snr: float, noise: Noise, chance: np.random.Generator
) -> Bits:
    """Hard-decided coded bits of frames (rows), the last symbol filled up with zeros on the way."""
    frames, count = coded.shape
    order = interleaving(modulation)
    symbols = -(-count // order.size)
    sent = np.zeros((frames, symbols * order.size), np.uint8)
    sent[:, :count] = coded
    by_symbol = sent.reshape(frames, symbols, order.size)[:, :, order]
    powers = factors(noise, frames, symbols, chance)
    heard = np.empty_like(by_symbol)
    heard[:, :, order] = over_the_air(by_symbol, modulation, snr, powers, chance)
    return heard.reshape(frames, -1)[:, :count]


def over_the_air(
    bits: Bits,
    modulation: Modulation,
    snr: float,
    powers: Factors | None,
    chance: np.random.Generator,
) -> Bits:
    """Bits (frames, symbols, bits of a symbol) after differential PSK; `powers` scales the noise of
    each symbol."""
    frames, symbols, count = bits.shape
    width = modulation.value
    scale = np.float32(math.sqrt(0.5 / snr))
    noise = chance.standard_normal((2, frames, symbols, count // width + 1), dtype=np.float32)
    out = np.empty_like(bits)
    together = max(1, CACHED_PHASORS // noise[0, 0].size)
    for at in range(0, frames, together):
        some = slice(at, at + together)
        around = noise[:, some]
        around *= scale
        if powers is not None:
            around *= np.sqrt(powers[some])[:, :, None]
        out[some] = _heard(bits[some], modulation, around)
    return out


def _heard(bits: Bits, modulation: Modulation, noise: NDArray[np.float32]) -> Bits:
    """Bits as they are decided with this noise on the phasors, x and y, reference first."""
    width, phases = modulation.value, modulation.phases
    weights = (1 << np.arange(width - 1, -1, -1)).astype(np.uint8)
    frames, symbols, count = bits.shape
    increments = bits
    if width > 1:
        by_phasor = bits.reshape(frames, symbols, -1, width)
        increments = (by_phasor * weights).sum(axis=3, dtype=np.uint8)
    turns = np.zeros(noise.shape[1:], np.uint8)
    np.cumsum(increments, axis=2, dtype=np.uint8, out=turns[:, :, 1:])  # wraps at a whole turn
    turns &= phases - 1
    angle = 2 * np.pi * np.arange(phases) / phases
    x = noise[0] + np.cos(angle).astype(np.float32)[turns]
    y = noise[1] + np.sin(angle).astype(np.float32)[turns]
    along = x[..., 1:] * x[..., :-1] + y[..., 1:] * y[..., :-1]
    if modulation is Modulation.DBPSK:
        return (along < 0).view(np.uint8)
    across = y[..., 1:] * x[..., :-1] - x[..., 1:] * y[..., :-1]
    steps = np.arctan2(across, along) * np.float32(phases / (2 * np.pi))
    sectors = np.rint(steps).astype(np.int8).view(np.uint8) & np.uint8(phases - 1)
    out: Bits = ((sectors[..., None] & weights) != 0).view(np.uint8)
    return out.reshape(frames, symbols, count)
