"""What the noise of a power line is like, symbol by symbol: clean, mains-synchronous, Middleton A.

A noise is described by its power in one OFDM symbol over the mean background, as states with their
probabilities.  Within a symbol it is white and Gaussian; from symbol to symbol the state is drawn
anew, so a long frame meets a bad symbol more often than a short one.  The signal-to-noise ratio of
a link counts against the background's mean; a symbol whose noise has the factor f is received at
that ratio over f.

These are reals for tables and curves; nothing decides a frame's fate with them (see `error_rates`).
Parameters and their sources: docs/models.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from protocols.plc.bit_errors import bit_error_rate, symbol_error_rate
from protocols.plc.physical import DATA_SUBCARRIERS, SYMBOL_US, Modulation

FFT_SAMPLES = 512  # of one OFDM symbol, at 250 kHz: PRIME 1.3
HALF_PERIOD_US = 10_000  # of 50 Hz mains: the noise repeats with it
_WINDOW_US = 2_048  # of a symbol's 2,240, the part that the receiver transforms
_PHASES = 50  # start phases that a mean over the half-period takes
_NEGLIGIBLE = 1e-12  # states less probable than this are left out

State = tuple[float, float]
"""Probability, and noise power over the mean background."""


@dataclass(frozen=True, slots=True)
class Clean:
    """White Gaussian noise and nothing else."""

    name: str = "clean"
    phases: int = 1

    def states(self, phase: float) -> tuple[State, ...]:
        """One state, whatever the mains phase."""
        return ((1.0, 1.0),)


@dataclass(frozen=True, slots=True)
class MiddletonA:
    """Middleton's class A: background, and impulses that come as a Poisson process.

    `a` is the impulsive index per sample, `gamma` the background's power over the impulses' mean.
    In a symbol of 512 samples M ~ Poisson(512 a) impulses fall; their power spreads over the symbol
    and multiplies its noise by 1 + (M / (512 a)) / gamma.
    """

    name: str
    a: float
    gamma: float
    phases: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.a <= 1 and 0 < self.gamma < math.inf):
            raise ValueError(f"class A with A = {self.a}, Gamma = {self.gamma}")

    @property
    def impulses_per_symbol(self) -> float:
        """The mean of M."""
        return FFT_SAMPLES * self.a

    def factor(self, impulses: int) -> float:
        """Noise power over the background in a symbol with so many impulses."""
        return 1.0 + impulses / self.impulses_per_symbol / self.gamma

    def states(self, phase: float) -> tuple[State, ...]:
        """A state for each number of impulses that is not negligible."""
        return _poisson_states(self)


@cache
def _poisson_states(noise: MiddletonA) -> tuple[State, ...]:
    mean = noise.impulses_per_symbol
    last = math.ceil(mean + 12 * math.sqrt(mean) + 12)
    weights = [
        math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) for count in range(last)
    ]
    kept = [(weight, noise.factor(count)) for count, weight in enumerate(weights)]
    kept = [state for state in kept if state[0] > _NEGLIGIBLE]
    total = math.fsum(weight for weight, _ in kept)
    return tuple((weight / total, factor) for weight, factor in kept)


@dataclass(frozen=True, slots=True)
class MainsSynchronous:
    """Gaussian noise that breathes with the mains, and now and then an impulse.

    The variance follows Katayama, Yamazato and Okada (IEEE JSAC 24(7), 2006): a sum over l of
    A_l * abs(sin(2 pi t / T + Theta_l))^n_l, here scaled to a mean of one.  Impulses are
    Bernoulli-Gaussian: each symbol is hit with `hit_probability` by one that adds `hit_power`.
    """

    name: str = "mains"
    hit_probability: float = 0.005
    hit_power: float = 100.0
    phases: int = _PHASES

    def variance(self, phase: float) -> float:
        """Noise power over its mean in a symbol that begins at this phase, 0 to 1, of the
        half-period: the mean over the part of the symbol that the receiver transforms."""
        return _window_mean(phase % 1.0)

    def states(self, phase: float) -> tuple[State, ...]:
        """Not hit, and hit."""
        variance = self.variance(phase)
        hit = self.hit_probability
        return ((1.0 - hit, variance), (hit, variance + self.hit_power))


# (A, Theta in degrees, n) of Katayama's example, from memory.
_KATAYAMA = ((0.230, 0.0, 0.0), (1.38, -6.0, 1.91), (7.17, -35.0, 1.57e5))
_FINE = 20_000  # points of the half-period; the third term is a needle of 20 microseconds


@cache
def _running_sum() -> tuple[float, ...]:
    """Of the variance along the half-period, up to each of its points, in units of its mean."""
    total = 0.0
    sums = [0.0]
    for step in range(_FINE):
        angle = math.pi * (step + 0.5) / _FINE
        total += math.fsum(
            a * abs(math.sin(angle + math.radians(theta))) ** n for a, theta, n in _KATAYAMA
        )
        sums.append(total)
    return tuple(each * _FINE / total for each in sums)


@cache
def _window_mean(phase: float) -> float:
    sums = _running_sum()
    begin = round(phase * _FINE)
    width = _FINE * _WINDOW_US // HALF_PERIOD_US
    end = begin + width
    whole, rest = divmod(end, _FINE)
    return (whole * _FINE + sums[rest] - sums[begin]) / width


Noise = Clean | MainsSynchronous | MiddletonA

CLEAN = Clean()
MAINS = MainsSynchronous()
MIDDLETON_RARE = MiddletonA("middleton-rare", 1.47e-4, 0.1)
MIDDLETON_WEAK = MiddletonA("middleton-weak", 4e-4, 0.4)
MIDDLETON_FREQUENT = MiddletonA("middleton-frequent", 0.1, 0.01)

NOISES: dict[str, Noise] = {
    noise.name: noise
    for noise in (CLEAN, MAINS, MIDDLETON_RARE, MIDDLETON_WEAK, MIDDLETON_FREQUENT)
}
"""The noises that frame error rates are stored for, by name."""


def phase_of(symbol: int, start: float) -> float:
    """The mains phase, 0 to 1, at which a payload's symbol begins, its first being at `start`."""
    return (start + symbol * SYMBOL_US / HALF_PERIOD_US) % 1.0


def bit_error_rate_in(noise: Noise, modulation: Modulation, snr: float) -> float:
    """P(an uncoded bit is received wrong): the mean over the symbol's states."""
    starts = [start / noise.phases for start in range(noise.phases)]
    return math.fsum(
        probability * bit_error_rate(modulation, snr / factor)
        for start in starts
        for probability, factor in noise.states(start)
    ) / len(starts)


def uncoded_frame_error_rate_in(
    noise: Noise, modulation: Modulation, snr: float, bits: int
) -> float:
    """P(at least one increment of a frame is received wrong).

    Given its state, a symbol's increments count as independent (see `bit_errors`); symbols are
    independent given the mains phase at which the frame begins.
    """
    increments = -(-bits // modulation.value)
    whole, rest = divmod(increments, DATA_SUBCARRIERS)
    sizes = [DATA_SUBCARRIERS] * whole + ([rest] if rest else [])
    starts = [start / noise.phases for start in range(noise.phases)]
    lost = 0.0
    for start in starts:
        log_kept = math.fsum(
            _log_symbol_kept(noise, modulation, snr, size, phase_of(number, start))
            for number, size in enumerate(sizes)
        )
        lost -= math.expm1(log_kept)
    return lost / len(starts)


def _log_symbol_kept(
    noise: Noise, modulation: Modulation, snr: float, increments: int, phase: float
) -> float:
    """The logarithm of P(a symbol's increments all arrive)."""
    lost = -math.fsum(
        probability
        * math.expm1(increments * math.log1p(-_symbol_error_rate(modulation, snr / factor)))
        for probability, factor in noise.states(phase)
    )
    return math.log1p(-lost) if lost < 1.0 else -math.inf


@cache
def _symbol_error_rate(modulation: Modulation, snr: float) -> float:
    return symbol_error_rate(modulation, snr)
