"""Bit and symbol error rates of differential PSK in white Gaussian noise, uncoded.

The phase difference of two noisy phasors has a known distribution (Pawula, Rice and Roberts, IEEE
Trans. Commun. 30(8), 1982).  Its tail, for a signal-to-noise ratio `snr` per subcarrier and
0 < psi < pi, is

    P(D > psi) = sin(psi) / (4 pi) * integral over t from -pi/2 to pi/2 of
                 exp(-snr (1 - cos(psi) cos(t))) / (1 - cos(psi) cos(t))

An error rate is the sum over the sectors that the difference may fall into.  PRIME counts phase
increments in natural binary order, theta_k = theta_(k-1) + 2 pi/M * b, not in Gray order, so that
falling into the neighbouring sector may cost more than one bit.

These are reals for tables, curves and tests.  Nothing decides a frame's fate with them: `exp` may
differ in its last bit between machines, the integers of `error_rates` do not.
"""

from __future__ import annotations

import math

from protocols.plc.physical import Modulation

_STEPS = 400  # Simpson intervals; the integrals are good to 1e-12 up to 30 dB (test_bit_errors)


def snr_of_db(snr_db: float) -> float:
    """The ratio that a number of decibels stands for."""
    return math.pow(10.0, snr_db / 10.0)


def phase_tail(psi: float, snr: float) -> float:
    """P(D > psi), one-sided, for the phase difference D of two phasors of ratio `snr`."""
    cosine = math.cos(psi)

    def integrand(t: float) -> float:
        distance = 1.0 - cosine * math.cos(t)
        return math.exp(-snr * distance) / distance

    width = math.pi / _STEPS
    inner = math.fsum(
        (4 if step % 2 else 2) * integrand(-math.pi / 2 + step * width) for step in range(1, _STEPS)
    )
    ends = integrand(-math.pi / 2) + integrand(math.pi / 2)
    return math.sin(psi) / (4 * math.pi) * (ends + inner) * width / 3


def sector_probabilities(modulation: Modulation, snr: float) -> list[float]:
    """P(the increment is received `j` steps off), for j = 0 .. M-1 modulo M."""
    phases = modulation.phases
    half = math.pi / phases
    tails = [phase_tail((2 * step + 1) * half, snr) for step in range(phases // 2)]
    beyond = [*tails[1:], 0.0]
    sectors = [0.0] * phases
    for step, (near, far) in enumerate(zip(tails, beyond, strict=True), start=1):
        sectors[step] += near - far
        sectors[-step] += near - far
    sectors[0] = 1.0 - math.fsum(sectors[1:])
    return sectors


def symbol_error_rate(modulation: Modulation, snr: float) -> float:
    """P(a subcarrier's increment is received as another one)."""
    return 2 * phase_tail(math.pi / modulation.phases, snr)


def bit_error_rate(modulation: Modulation, snr: float) -> float:
    """P(a bit is received wrong), averaged over increments and bits, natural binary order."""
    phases = modulation.phases
    total = 0.0
    for step, probability in enumerate(sector_probabilities(modulation, snr)):
        flipped = sum((sent ^ (sent + step) % phases).bit_count() for sent in range(phases))
        total += probability * flipped / phases
    return total / modulation.value


def uncoded_frame_error_rate(modulation: Modulation, snr: float, bits: int) -> float:
    """P(at least one of the subcarriers that carry `bits` is received wrong).

    Neighbouring increments share a phasor and hence some of their noise; they count here as
    independent, which overstates the rate a little (docs/models.md has the measure of it).
    """
    subcarriers = -(-bits // modulation.value)
    return -math.expm1(subcarriers * math.log1p(-symbol_error_rate(modulation, snr)))
