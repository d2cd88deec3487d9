"""What a radio link receives, and what becomes of its frames."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from random import Random

import pytest

from devices.channel import radio
from devices.channel.delivery import Cause, Delivered, Lost
from devices.channel.link import PacketLoss
from devices.channel.radio import Jamming, RadioLink, carry, received_cdbm
from devices.channel.route import straight
from devices.channel.transfer import longest_s, transfer
from devices.span import Span
from protocols.plc.frames import Direction
from protocols.rf import error_rates
from protocols.rf.frames import OVERHEAD_OCTETS
from protocols.rf.physical import MODES

NARROW, WIDE = MODES["169-4.8k"], MODES["868-50k"]
DOWN, UP = Direction.DOWN, Direction.UP


def link(above_sensitivity_cdb: int = 2000) -> RadioLink:
    return RadioLink("M1", 1, NARROW, NARROW.sensitivity_cdbm + above_sensitivity_cdb)


def received(mode: object, distance_m: int, count: int = 2000) -> list[int]:
    return [
        received_cdbm(7, meter=f"M{number}", distance_m=distance_m, mode=mode)  # type: ignore[arg-type]
        for number in range(count)
    ]


def test_the_log_distance_law() -> None:
    """35 dB a decade, whatever else was drawn."""
    near, far = received(NARROW, 20, 50), received(NARROW, 200, 50)
    assert all(a - b == pytest.approx(3500, abs=1) for a, b in zip(near, far, strict=True))


@pytest.mark.parametrize("mhz, shares", [(169, (1400, 3660)), (868, (1420, 3120))])
def test_building_entry_has_the_medians_of_p_2109(mhz: int, shares: tuple[int, int]) -> None:
    """Half of the places lose less, of each kind of building; nine tenths less than the 90 %."""
    for efficient, median_cdb in zip((False, True), shares, strict=True):
        middle, high = radio._ENTRY_CDB[mhz, efficient]
        spread = (high - middle) / radio._NINETY_PERCENT
        assert middle == median_cdb
        draws = [Random(number).gauss(middle, spread) for number in range(4000)]
        assert statistics.median(draws) == pytest.approx(middle, abs=4 * 1.25 * spread / 4000**0.5)
        assert sum(draw < high for draw in draws) / 4000 == pytest.approx(0.9, abs=0.02)


def test_what_a_city_receives() -> None:
    """At 100 m: 169 MHz reaches nearly all, 868 MHz loses those behind metallised windows."""
    narrow = [each >= NARROW.sensitivity_cdbm for each in received(NARROW, 100)]
    wide = [each >= WIDE.sensitivity_cdbm for each in received(WIDE, 100)]
    assert sum(narrow) / len(narrow) > 0.95
    assert 0.25 < sum(wide) / len(wide) < 0.75


def test_free_space_to_the_first_metre() -> None:
    """17.0 dB at 169 MHz, 31.2 dB at 868 MHz: the bands differ by that, power and entry."""
    for mode, first_db in ((NARROW, 17.0), (WIDE, 31.2)):
        wavelength_m = 299.792458 / mode.mhz
        assert 20 * math.log10(4 * math.pi / wavelength_m) == pytest.approx(first_db, abs=0.05)


def test_a_meter_depends_on_seed_and_name_alone() -> None:
    once = received_cdbm(7, meter="M1", distance_m=80, mode=WIDE)
    received(WIDE, 10, 20)
    assert received_cdbm(7, meter="M1", distance_m=80, mode=WIDE) == once
    assert received_cdbm(8, meter="M1", distance_m=80, mode=WIDE) != once


FATES = {
    # name: (change of the link, cause; None where it arrives)
    "strong": ({}, None),
    "below the sensitivity": ({"received_cdbm": NARROW.sensitivity_cdbm - 1}, Cause.NOISE),
    "jammed": ({"jammings": [Jamming(Span(), -9500 - 599)]}, Cause.JAMMING),
    "captures the receiver": ({"jammings": [Jamming(Span(), -9500 - 600)]}, None),
    "jammed at another time": ({"jammings": [Jamming(Span(end=0.0), 0)]}, None),
    "no power": ({"module_off": [Span()]}, Cause.MODULE_OFF),
    "a fault takes all": ({"packet_losses": [PacketLoss.of_share(Span(), 1.0)]}, Cause.PACKET_LOSS),
}


@pytest.mark.parametrize("change, cause", FATES.values(), ids=FATES)
def test_fates(change: dict[str, object], cause: Cause | None) -> None:
    delivery = carry(replace(link(), **change), bytes(60), Random(1), direction=DOWN, now=10.0)  # type: ignore[arg-type]
    if cause is None:
        assert isinstance(delivery, Delivered)
    else:
        assert isinstance(delivery, Lost) and delivery.cause is cause


@pytest.mark.parametrize("above_cdb", [0, 100, 200])
def test_frames_get_lost_as_often_as_the_law_says(above_cdb: int) -> None:
    """Four standard deviations of 4,000 frames of 60 octets."""
    weak, rng, count = link(above_cdb), Random(5), 4000
    lost = sum(
        isinstance(carry(weak, bytes(60), rng, direction=UP, now=0.0), Lost) for _ in range(count)
    )
    rate = error_rates.lost_of_2_32(weak.snr_cdb, 60) / error_rates.ONE
    assert abs(lost / count - rate) < 4 * (rate * (1 - rate) / count) ** 0.5


@pytest.mark.parametrize("direction", Direction)
def test_messages_travel_by_radio_as_by_the_line(direction: Direction) -> None:
    message = bytes(range(256)) * 2
    result = transfer(straight(link()), message, Random(1), direction=direction, now=0.0)
    assert result.received == message and result.acknowledged
    assert (result.link, {frame.link for frame in result.frames}) == ("rf", {"rf"})
    data = [each for each in result.frames if each.octets > 10]
    assert [each.octets for each in data] == [248, 248, 32 + OVERHEAD_OCTETS]
    assert result.total_s <= longest_s(straight(link()), len(message))
