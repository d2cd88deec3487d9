"""Phases told by voltages: made ones here; those of a simulated grid in test_hidden_truth."""

from __future__ import annotations

import numpy as np
import pytest

from headend.analysis import phase_identification
from headend.analysis.phase_identification import UNDECIDED, identify, identify_rotation, reference
from headend.analysis.quantity import Real

DAYS, NAN = 5, float("nan")


def voltages(seed: int, phase: list[int], noise_v: float = 0.1) -> tuple[Real, Real]:
    """Meters on these phases of a transformer whose three phases wander apart and together."""
    rng = np.random.default_rng(seed)
    shared = np.cumsum(rng.normal(0, 0.5, (96 * DAYS, 1)), axis=0)
    phases = 230 + shared + rng.normal(0, 0.4, (96 * DAYS, 3))
    meters = phases[:, phase] - 1 + rng.normal(0, noise_v, (96 * DAYS, len(phase)))
    return meters, phases


def test_each_is_told_with_confidence_though_a_third_is_missing() -> None:
    phase = [0, 1, 2, 2, 1, 0]
    meters, phases = voltages(1, phase)
    meters[np.random.default_rng(2).random(meters.shape) < 0.3] = NAN
    phases[100:120] = NAN
    found = identify(meters, phases)
    assert found.phase.tolist() == phase and found.decided().all()
    assert (found.pairs < 0.55 * len(meters)).all()  # a change takes two rows that are there


def test_noise_is_not_decided_on() -> None:
    rng = np.random.default_rng(3)
    _, phases = voltages(3, [0])
    found = identify(230 + rng.normal(0, 1, (len(phases), 40)), phases)
    # By chance one in a hundred; some more, because the best of three is compared.
    assert found.decided().sum() <= 4
    assert np.abs(found.correlation).max() < 0.2


def test_a_meter_that_was_hardly_heard_is_undecided() -> None:
    meters, phases = voltages(4, [0, 1])
    meters[20:, 0] = NAN
    meters[:, 1] = 230.0  # a voltage that never moves tells nothing
    found = identify(meters, phases)
    assert found.phase.tolist() == [UNDECIDED, UNDECIDED] and not found.confidence.any()
    assert not found.decided(confident=0.0).any()


def test_a_meter_with_three_phases_is_turned() -> None:
    meters, phases = voltages(5, [2, 0, 1], noise_v=1.0)
    assert identify_rotation(meters, phases) == (2, 0, 1)
    meters[:, 1] = NAN
    assert identify_rotation(meters, phases) is None


def test_without_a_meter_at_the_transformer_the_records_serve_though_some_are_wrong() -> None:
    phase = [0, 1, 2] * 6
    meters, _ = voltages(6, phase)
    recorded = phase.copy()
    recorded[0], recorded[7] = 1, 2
    found = identify(meters, reference(meters, recorded))
    assert found.phase.tolist() == phase


def test_a_phase_that_no_record_gives_has_no_reference() -> None:
    meters, _ = voltages(7, [0, 1])
    told = reference(meters, [0, 1])
    assert np.isnan(told[:, 2]).all() and told[:, 0] == pytest.approx(meters[:, 0])
    assert identify(meters, told).phase.tolist() == [UNDECIDED] * 2
    assert phase_identification.PAIRS_MIN > 0
