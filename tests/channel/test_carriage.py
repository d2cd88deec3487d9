"""carry: the same answer to the same question, losses as often as the table says."""

from __future__ import annotations

import math
from random import Random

import pytest

from devices.chance import stream
from devices.channel.carriage import carry
from devices.channel.delivery import Cause, Delivered, Delivery, Lost
from devices.channel.link import Link, NoiseBurst, PacketLoss
from devices.channel.medium import Medium
from devices.span import Span
from protocols.plc.error_rates import ONE, detected_frame_error_rates
from protocols.plc.frames import Direction
from protocols.plc.noise import CLEAN, MAINS, MIDDLETON_RARE, Noise
from protocols.plc.physical import DBPSK_FEC, DQPSK_FEC, Scheme, airtime_us
from tests.channel.test_link import MIDNIGHT, link_with

FRAME = bytes(128)


def fates(link: Link, rng: Random, count: int, now: float = MIDNIGHT) -> list[Delivery]:
    return [carry(link, FRAME, rng, direction=Direction.DOWN, now=now) for _ in range(count)]


def test_same_question_same_answer() -> None:
    first, again = (fates(link_with(400), stream(7, "link", "M0001"), 200) for _ in range(2))
    assert first == again
    assert {type(fate) for fate in first} == {Delivered, Lost}
    assert fates(link_with(400), stream(8, "link", "M0001"), 200) != first


def test_links_do_not_share_luck() -> None:
    """Interleaving two links' frames, in any order, changes neither's fates."""
    alone = {
        name: fates(link_with(400), stream(7, "link", name), 100) for name in ("M0001", "M0002")
    }
    links = {name: (link_with(400), stream(7, "link", name)) for name in ("M0002", "M0001")}
    mixed: dict[str, list[Delivery]] = {name: [] for name in links}
    turns = [name for name in links for _ in range(100)]
    stream(1, "order").shuffle(turns)
    for name in turns:
        link, rng = links[name]
        mixed[name] += fates(link, rng, 1)
    assert mixed == alone
    assert alone["M0001"] != alone["M0002"]


def test_a_pinned_run() -> None:
    """Whatever the machine: fates from a seed, written down."""
    lost = [
        number
        for number, fate in enumerate(fates(link_with(400), stream(7, "link", "M0001"), 100))
        if isinstance(fate, Lost)
    ]
    assert lost == PINNED_LOST


PINNED_LOST = [
    1,
    7,
    9,
    21,
    27,
    29,
    32,
    38,
    41,
    42,
    48,
    49,
    62,
    66,
    68,
    76,
    78,
    81,
    87,
    91,
    93,
    96,
    98,
]


def test_airtime_and_ratio_come_with_the_fate() -> None:
    for snr_cdb in (1000, -1000):
        (fate,) = fates(link_with(snr_cdb), Random(1), 1)
        assert (fate.airtime_us, fate.snr_cdb) == (55_808, snr_cdb)


# 20,000 frames; four standard deviations.
STATISTICS = {
    # name: (noise, scheme, ratio, octets)
    "a table point": (CLEAN, DBPSK_FEC, 400, 128),
    "between ratios": (CLEAN, DBPSK_FEC, 337, 128),
    "between lengths": (CLEAN, DBPSK_FEC, 350, 40),
    "an acknowledgement": (CLEAN, DBPSK_FEC, 250, 11),
    "another scheme": (CLEAN, DQPSK_FEC, 790, 200),
    "hardly ever": (CLEAN, DBPSK_FEC, 500, 256),
    "mains": (MAINS, DBPSK_FEC, 530, 128),
    "mains, impulses alone": (MAINS, DBPSK_FEC, 1500, 11),
    "Middleton": (MIDDLETON_RARE, DBPSK_FEC, 1210, 40),
}


@pytest.mark.parametrize("noise, scheme, snr_cdb, octets", STATISTICS.values(), ids=STATISTICS)
def test_losses_are_as_frequent_as_the_table_says(
    noise: Noise, scheme: Scheme, snr_cdb: int, octets: int
) -> None:
    count = 20_000
    link = link_with(snr_cdb)
    link.medium = Medium(scheme, noise)
    rng = stream(7, "statistics", scheme.name, snr_cdb, octets)
    frame = bytes(octets)
    lost = sum(
        isinstance(carry(link, frame, rng, direction=Direction.DOWN, now=MIDNIGHT), Lost)
        for _ in range(count)
    )
    rate = detected_frame_error_rates(scheme, noise).lost_of_2_32(snr_cdb, octets) / ONE
    assert 0.005 < rate < 0.6
    assert abs(lost / count - rate) < 4 * math.sqrt(rate * (1 - rate) / count)


CERTAIN = {
    # name: (ratio, cause)
    "far above the table": (9000, None),
    "far below the table": (-9000, Cause.NOISE),
}


@pytest.mark.parametrize("snr_cdb, cause", CERTAIN.values(), ids=CERTAIN)
def test_certainties(snr_cdb: int, cause: Cause | None) -> None:
    for fate in fates(link_with(snr_cdb), Random(1), 1000):
        assert (fate.cause if isinstance(fate, Lost) else None) is cause


def test_a_module_without_power_hears_nothing() -> None:
    link = link_with(9000)
    link.module_off.append(Span(MIDNIGHT, MIDNIGHT + 60))
    causes = {fate.cause for fate in fates(link, Random(1), 100) if isinstance(fate, Lost)}
    assert causes == {Cause.MODULE_OFF}
    assert all(isinstance(fate, Delivered) for fate in fates(link, Random(1), 100, MIDNIGHT + 60))


@pytest.mark.parametrize("shares, expected", [((0.3,), 0.3), ((0.3, 0.5), 0.65), ((1.0,), 1.0)])
def test_packet_loss_faults(shares: tuple[float, ...], expected: float) -> None:
    count = 20_000
    link = link_with(9000)
    for share in shares:
        link.packet_losses.append(PacketLoss.of_share(Span(end=MIDNIGHT + 60), share))
    lost = [fate for fate in fates(link, Random(3), count) if isinstance(fate, Lost)]
    assert {fate.cause for fate in lost} == {Cause.PACKET_LOSS}
    spread = math.sqrt(expected * (1 - expected) / count)
    assert abs(len(lost) / count - expected) <= 4 * spread
    assert not any(isinstance(fate, Lost) for fate in fates(link, Random(3), 100, MIDNIGHT + 60))


def test_a_fault_does_not_move_the_luck_against_noise() -> None:
    clean = fates(link_with(400), Random(5), 500)
    link = link_with(400)
    link.packet_losses.append(PacketLoss.of_share(Span(), 0.5))
    for without, with_fault in zip(clean, fates(link, Random(5), 500), strict=True):
        if isinstance(without, Lost):
            assert with_fault == without
        else:
            assert isinstance(with_fault, Delivered) or with_fault.cause is Cause.PACKET_LOSS


def test_a_worse_ratio_loses_the_same_frames_and_more() -> None:
    def lost(change_cdb: int) -> set[int]:
        link = link_with(400)
        link.noise_bursts.append(NoiseBurst(Span(), change_cdb))
        return {
            number
            for number, fate in enumerate(fates(link, Random(5), 500))
            if isinstance(fate, Lost)
        }

    assert lost(0) < lost(-50) < lost(-150)


def test_airtime_is_the_schemes() -> None:
    link = link_with(9000)
    link.medium = Medium(DQPSK_FEC, CLEAN)
    (fate,) = fates(link, Random(1), 1)
    assert fate.airtime_us == airtime_us(128, DQPSK_FEC)
