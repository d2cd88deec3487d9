"""What a path costs, what the hours add, and that both stay put."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devices.channel.noise import NoiseProfile, residential
from devices.channel.place import (
    SPREAD_CDB,
    Path,
    Phase,
    Place,
    along_streets,
    coupling_cdb,
    path_between,
    path_to,
)
from devices.span import Span

SANTIAGO = ZoneInfo("America/Santiago")  # UTC-4 in July


def spread_of(seed: int, meter: str) -> Path:
    """A path of no length has only its spread; far away nothing is cut off at 0 dB."""
    return path_to(seed, transformer="T", meter=meter, place=Place(1000, 0, Phase.A))


def test_the_regression() -> None:
    """1.95 dB + 14.65 dB/100 m + 1.12 dB a node down, 13.34 dB/100 m up, one spread for both."""
    near = path_to(7, transformer="T", meter="M", place=Place(1000, 0, Phase.A))
    far = path_to(7, transformer="T", meter="M", place=Place(1100, 5, Phase.A))
    assert far.loss_down_cdb - near.loss_down_cdb == 1465 + 5 * 112
    assert far.loss_up_cdb - near.loss_up_cdb == 1334
    assert near.loss_down_cdb - near.loss_up_cdb == 195 + 14650 - 13340


def test_downlink_can_be_8_db_worse() -> None:
    path = path_to(7, transformer="T", meter="M", place=Place(200, 4, Phase.A))
    assert path.loss_down_cdb - path.loss_up_cdb == 195 + 2930 + 448 - 2668 == 905


def test_spread_over_meters() -> None:
    losses = [spread_of(7, f"M{index}").loss_up_cdb - 13340 for index in range(1000)]
    assert statistics.mean(losses) == pytest.approx(0, abs=4 * SPREAD_CDB / 1000**0.5)
    assert statistics.stdev(losses) == pytest.approx(SPREAD_CDB, rel=4 / 2000**0.5)


def test_a_path_depends_on_seed_and_names_alone() -> None:
    place = Place(80, 3, Phase.B)
    first = path_to(7, transformer="T1", meter="M1", place=place)
    for other in range(20):
        path_to(7, transformer="T1", meter=f"other {other}", place=place)
    assert path_to(7, transformer="T1", meter="M1", place=place) == first
    assert path_to(8, transformer="T1", meter="M1", place=place) != first
    assert path_to(7, transformer="T1", meter="M2", place=place) != first


def test_no_path_amplifies() -> None:
    paths = [
        path_to(7, transformer="T", meter=f"M{index}", place=Place(0, 0, Phase.A))
        for index in range(100)
    ]
    assert min(path.loss_up_cdb for path in paths) == 0
    assert min(path.loss_down_cdb for path in paths) == 0


COUPLING = {
    "same phase": (Phase.B, Phase.B, False),
    "three-phase meter": (Phase.A, Phase.ALL, False),
    "three-phase concentrator": (Phase.ALL, Phase.C, False),
    "other phase": (Phase.A, Phase.B, True),
}


@pytest.mark.parametrize("one, other, costs", COUPLING.values(), ids=COUPLING)
def test_coupling(one: Phase, other: Phase, costs: bool) -> None:
    loss = coupling_cdb(7, "T", one, other)
    assert (500 <= loss <= 2000) if costs else loss == 0
    assert coupling_cdb(7, "T", other, one) == loss


def test_coupling_over_transformers() -> None:
    losses = [coupling_cdb(7, f"T{index}", Phase.A, Phase.B) for index in range(1000)]
    assert 500 <= min(losses) < 520 and 1950 < max(losses) <= 2000
    # the median of 1000 log-uniform draws: 10 dB, standard deviation 3.2 % of an octave
    assert statistics.median(losses) == pytest.approx(1000, rel=0.09)


def test_coupling_comes_on_top() -> None:
    straight = path_to(7, transformer="T", meter="M", place=Place(900, 0, Phase.A))
    across = path_to(7, transformer="T", meter="M", place=Place(900, 0, Phase.C))
    loss = coupling_cdb(7, "T", Phase.A, Phase.C)
    assert across.loss_down_cdb - straight.loss_down_cdb == loss
    assert across.loss_up_cdb - straight.loss_up_cdb == loss


def test_streets() -> None:
    assert along_streets(0) == Place(15, 0, Phase.A)
    assert along_streets(3) == Place(15, 0, Phase.A, branch=3)
    assert along_streets(59) == Place(15 + 14 * 8, 14, Phase.C, branch=3)


def between(one: Place, other: Place) -> Path:
    return path_between(7, transformer="T", one=("M1", one), other=("M2", other))


def test_between_two_meters_the_path_is_one_whoever_sends() -> None:
    """4.72 dB + 16.5 dB/100 m, along the branch or through the transformer."""
    here, near, far = (Place(m, 0, Phase.A, 1) for m in (500, 600, 700))
    assert between(here, far).loss_down_cdb - between(here, near).loss_down_cdb == 1650
    away = Place(100, 0, Phase.A, 2)
    assert between(here, away).loss_down_cdb - between(here, near).loss_down_cdb == 5 * 1650
    back = path_between(7, transformer="T", one=("M2", near), other=("M1", here))
    assert back == between(here, near)
    assert back.loss_down_cdb == back.loss_up_cdb


@pytest.mark.parametrize("distance_m, nodes", [(-1, 0), (0, -1)])
def test_no_such_place(distance_m: int, nodes: int) -> None:
    with pytest.raises(ValueError, match="no such place"):
        Place(distance_m, nodes, Phase.A)


HOURS = {
    "last second of the evening": ("2026-07-07T02:59:59", 600),
    "23 h: night": ("2026-07-07T03:00:00", 0),
    "last second of the night": ("2026-07-06T10:59:59", 0),
    "7 h: day": ("2026-07-06T11:00:00", 300),
    "last second of the day": ("2026-07-06T21:59:59", 300),
    "18 h: evening": ("2026-07-06T22:00:00", 600),
    "summer time, 7 h is 10 h UTC": ("2026-12-07T10:00:00", 300),
}


@pytest.mark.parametrize("utc, noise_cdb", HOURS.values(), ids=HOURS)
def test_noise_by_the_hour_of_the_local_day(utc: str, noise_cdb: int) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()
    assert residential(SANTIAGO).at(now) == noise_cdb


def test_a_day_has_24_hours() -> None:
    with pytest.raises(ValueError, match="a day of 23 hours"):
        NoiseProfile((0,) * 23, SANTIAGO)


SPANS = {
    # name: (span, covers 0, 10, 20)
    "closed": (Span(10, 20), (False, True, False)),
    "since ever": (Span(end=20), (True, True, False)),
    "for ever": (Span(10), (False, True, True)),
    "always": (Span(), (True, True, True)),
}


@pytest.mark.parametrize("span, covers", SPANS.values(), ids=SPANS)
def test_spans(span: Span, covers: tuple[bool, ...]) -> None:
    assert tuple(span.covers(moment) for moment in (0, 10, 20)) == covers


@pytest.mark.parametrize("end", [9, 10])
def test_a_span_ends_after_it_starts(end: float) -> None:
    with pytest.raises(ValueError, match="a span that ends"):
        Span(10, end)
