"""Polling times: published check points, and what losses add to them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from devices.channel.polling import (
    RETRIES_MAX,
    Round,
    Street,
    Study,
    meters_and_more_study,
    poll,
    prime_study,
)
from protocols.plc import meters_and_more_like
from protocols.plc.error_rates import ONE, detected_frame_error_rates
from protocols.plc.noise import CLEAN
from protocols.plc.physical import DBPSK_FEC

READS = {
    # name: (repeaters, seconds); 0.36 s direct and 1.5 s with three repeaters are check points
    "direct": (0, 0.36),
    "one repeater": (1, 0.74),
    "three repeaters": (3, 1.5),
}


@pytest.mark.parametrize("repeaters, seconds", READS.values(), ids=READS)
def test_a_meters_and_more_like_read(repeaters: int, seconds: float) -> None:
    assert meters_and_more_like.read_us(32, 128, repeaters) == pytest.approx(seconds * 1e6, abs=2)
    study = meters_and_more_study()
    assert study.try_us(study.rounds[0], repeaters) == meters_and_more_like.read_us(
        32, 128, repeaters
    )


def test_a_long_lsdu_takes_a_slot_of_250_ms() -> None:
    assert meters_and_more_like.airtime_us(128) == 250_000
    assert meters_and_more_like.airtime_us(128, meters_and_more_like.RATE_OLDER_BPS) == 500_000


@pytest.mark.parametrize("octets", [0, 129])
def test_no_such_lsdu(octets: int) -> None:
    with pytest.raises(ValueError, match="an LSDU of"):
        meters_and_more_like.airtime_us(octets)


@pytest.mark.parametrize("repeaters", [-1, 9])
def test_no_such_route(repeaters: int) -> None:
    with pytest.raises(ValueError, match="repeaters"):
        meters_and_more_like.read_us(32, 128, repeaters)


def test_the_published_prime_polling() -> None:
    """Check point: at 100 m a mean round trip of 1.23 s, two of them a meter."""
    polled = poll(prime_study(), Street(50, 100), seed=1)
    assert polled.read.all() and (polled.tries == 1).all()
    assert polled.taken_us.mean() == pytest.approx(1.23e6, rel=0.002)
    # By hand: 71 and 14 octets are 12 and 3 symbols, 512 are twice 43; 6.528 ms before each frame.
    first = (12 + 2 * 43) * 2240 + 3 * 6528 + 1_000_000
    second = (3 + 2 * 43) * 2240 + 3 * 6528 + 1_000_000
    assert set(polled.taken_us[:, 0].tolist()) == {first}
    assert set(polled.taken_us[:, 1].tolist()) == {second}


def test_farther_meters_take_longer_and_some_are_given_up() -> None:
    near, far, out = (poll(prime_study(), Street(400, each), seed=1) for each in (100, 300, 600))
    assert near.taken_us.sum() < far.taken_us.sum()
    assert near.read.sum() > far.read.sum() > out.read.sum()
    given_up = ~far.answered[:, 0]
    assert (far.tries[given_up, 0] == 1 + RETRIES_MAX).all()
    assert (far.tries[given_up, 1] == 0).all()


def test_repeaters_reach_farther() -> None:
    direct = poll(prime_study(), Street(400, 400), seed=1)
    repeated = poll(prime_study(), Street(400, 400, repeaters=3), seed=1)
    assert repeated.read.sum() > direct.read.sum()


def test_tries_follow_the_product_of_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hops of 4 dB: 1 - (1 - p)^4 of 20,000 meters answer; four standard deviations."""
    count = 20_000
    monkeypatch.setattr(
        Street,
        "ratios_cdb",
        lambda self, seed: (np.full((count, 2), 400), np.full((count, 2), 420)),
    )
    study = Study((Round(40, 100),), 256, 0)
    polled = poll(study, Street(count, 100, repeaters=1), seed=3)
    rates = detected_frame_error_rates(DBPSK_FEC, CLEAN)
    down, up = (1 - rates.lost_of_2_32(*each) / ONE for each in ((400, 40), (420, 100)))
    p = (down * up) ** 2
    for tries in range(1, 5):
        expected = 1 - (1 - p) ** tries
        share = (polled.answered[:, 0] & (polled.tries[:, 0] <= tries)).mean()
        assert 0.2 < expected
        assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / count) + 1e-12


@pytest.mark.parametrize("given_", [(0, 100), (1, -1), (1, 1, -1), (1, 1, 0, -1)])
def test_no_such_street(given_: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="no such street"):
        Street(*given_)
