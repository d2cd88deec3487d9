"""Appliances: shunt losses by hand, a chain with its means, singly as by the array."""

from __future__ import annotations

import math

import numpy as np
import pytest

from devices.channel.appliance import (
    DAY_S,
    NOISE_CDB_MAX,
    OFF_MEAN_S,
    ON_MEAN_S,
    Appliance,
    Appliances,
    shunt_loss_db,
)

DAY = 20_640
MIDNIGHT = DAY * DAY_S
METERS = np.arange(90_000_001, 90_002_001)

# Check points: on 20 ohm a load of 5 ohm costs 9.5 dB, 20 ohm 3.5, 100 ohm 0.8.
LOADS = {5: 9.5, 20: 3.5, 100: 0.8}


@pytest.mark.parametrize("ohm, decibels", LOADS.items())
def test_shunt_losses(ohm: float, decibels: float) -> None:
    assert shunt_loss_db(ohm) == pytest.approx(decibels, abs=0.05)


def test_a_reactive_load_costs_less_than_a_resistive_one() -> None:
    assert shunt_loss_db(20j) == pytest.approx(20 * math.log10(abs(1 - 0.5j)))
    assert shunt_loss_db(20j) < shunt_loss_db(20)


@pytest.mark.parametrize("second", [0, 1, 40_000, DAY_S - 1])
def test_by_the_array_is_one_by_one(second: int) -> None:
    now = MIDNIGHT + second
    on = Appliances(7, METERS, DAY).on(now)
    assert on.tolist() == [Appliance(7, int(meter)).on(now) for meter in METERS]
    down, up = Appliances(7, METERS, DAY).changes_cdb(now)
    for number in np.flatnonzero(on).tolist():
        change = Appliance(7, int(METERS[number])).change
        assert (down[number], up[number]) == (change.down_cdb, change.up_cdb)
    assert not down[~on].any() and not up[~on].any()


def test_neither_other_meters_nor_other_days_matter() -> None:
    now = MIDNIGHT + 50_000
    whole = Appliances(7, METERS, DAY).on(now)
    assert (Appliances(7, METERS[::-7], DAY).on(now) == whole[::-7]).all()
    assert (Appliances(8, METERS, DAY).on(now) != whole).any()
    assert (Appliances(7, METERS, DAY + 1).on(now + DAY_S) != whole).any()


def test_shares_and_durations() -> None:
    """2,000 meters' day: the share on at five moments hours apart, and how long stretches that do
    not touch midnight last; four standard deviations."""
    day = Appliances(7, METERS, DAY)
    expected = ON_MEAN_S / (ON_MEAN_S + OFF_MEAN_S)
    seen = np.concatenate([day.on(MIDNIGHT + hour * 3600) for hour in (0, 5, 10, 15, 23)])
    assert abs(seen.mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / seen.size)
    spans = [
        span
        for meter in METERS.tolist()
        for span in Appliance(7, meter).spans(MIDNIGHT, MIDNIGHT)
        if span.start != MIDNIGHT and span.end != MIDNIGHT + DAY_S
    ]
    lasts = np.array([span.end - span.start for span in spans if span.end and span.start])
    assert abs(lasts.mean() - ON_MEAN_S) < 4 * lasts.std() / math.sqrt(len(lasts))
    assert lasts.std() == pytest.approx(ON_MEAN_S, rel=0.1)  # exponential


def test_what_they_cost() -> None:
    changes = [Appliance(7, meter).change for meter in METERS.tolist()]
    shunts = [-change.up_cdb for change in changes]
    noise = [change.up_cdb - change.down_cdb for change in changes]
    assert 83 <= min(shunts) < 90 and 900 < max(shunts) <= 954
    assert min(noise) == 0 and max(noise) == NOISE_CDB_MAX


def test_spans_are_where_it_is_on() -> None:
    appliance = Appliance(7, 90_000_003)
    spans = list(appliance.spans(MIDNIGHT - 1, MIDNIGHT + DAY_S))
    for span in spans:
        assert span.start is not None and span.end is not None and span.start < span.end
        assert appliance.on(span.start) and appliance.on(span.end - 1)
    edges = sorted(span.end for span in spans if span.end is not None)
    assert any(not appliance.on(edge) for edge in edges)


def test_another_day_is_refused() -> None:
    with pytest.raises(ValueError, match="is not on day"):
        Appliances(7, METERS, DAY).on(MIDNIGHT + DAY_S)
