"""A message over several hops: who forwards, what the concentrator can see of it, how long."""

from __future__ import annotations

from random import Random

import pytest

from devices.channel.course import Fate, Transfer
from devices.channel.delivery import Delivered
from devices.channel.link import Link, PacketLoss
from devices.channel.medium import TURNAROUND_US
from devices.channel.route import Route
from devices.channel.transfer import longest_s, transfer
from devices.span import Span
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS, OVERHEAD_OCTETS, Direction
from protocols.plc.physical import DBPSK_FEC, airtime_us
from tests.channel.test_link import MIDNIGHT, link_with
from tests.channel.test_transfer import GOOD, LOST, Fates

DOWN, UP = Direction.DOWN, Direction.UP
ACK_US = airtime_us(ACKNOWLEDGEMENT_OCTETS, DBPSK_FEC)
DATA_US = airtime_us(7 + OVERHEAD_OCTETS, DBPSK_FEC)


def three_hops(snr_cdb: tuple[int, int, int] = (9000, 8000, 7000)) -> Route:
    """Two repeaters; each hop has a ratio of its own, so that a record tells them apart."""
    links: list[Link] = []
    for snr in snr_cdb:
        link = link_with(snr)
        link.packet_losses.append(PacketLoss.of_share(Span(), 0.5))
        links.append(link)
    return Route(links[-1], tuple(links), ("R1", "R2"))


def sent(direction: Direction, arrive: list[bool]) -> Transfer:
    return transfer(three_hops(), b"message", Fates(arrive), direction=direction, now=MIDNIGHT)


STORIES = {
    # name: (direction, fates in the order of the frames, on which hops, received, seen)
    "down, straight": (
        DOWN, [GOOD] * 6, (1, 1, 2, 2, 3, 3), True,
        [("down", Fate.HANDED_ON, 90.0), ("up", Fate.DELIVERED, 90.0)],
    ),
    "down, lost once on the second hop": (
        DOWN, [GOOD, GOOD, LOST, GOOD, GOOD, GOOD, GOOD], (1, 1, 2, 2, 2, 3, 3), True,
        [("down", Fate.HANDED_ON, 90.0), ("up", Fate.DELIVERED, 90.0)],
    ),
    "down, given up on the last hop, which nobody tells": (
        DOWN, [GOOD] * 4 + [LOST] * 4, (1, 1, 2, 2, 3, 3, 3, 3), False,
        [("down", Fate.HANDED_ON, 90.0), ("up", Fate.DELIVERED, 90.0)],
    ),
    "down, the first acknowledgement damaged": (
        DOWN, [GOOD, LOST] + [GOOD] * 6, (1, 1, 1, 1, 2, 2, 3, 3), True,
        [("down", Fate.NO_ACKNOWLEDGEMENT, None), ("up", Fate.DAMAGED, 90.0),
         ("down", Fate.HANDED_ON, 90.0), ("up", Fate.DELIVERED, 90.0)],
    ),
    "up, straight": (
        UP, [GOOD] * 6, (3, 3, 2, 2, 1, 1), True,
        [("up", Fate.DELIVERED, 90.0), ("down", Fate.SENT, None)],
    ),
    "up, given up before it came near": (UP, [LOST] * 4, (3,) * 4, False, []),
    "up, damaged where the concentrator hears it": (
        UP, [GOOD] * 4 + [LOST, GOOD, GOOD], (3, 3, 2, 2, 1, 1, 1), True,
        [("up", Fate.DAMAGED, 90.0), ("up", Fate.DELIVERED, 90.0), ("down", Fate.SENT, None)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("direction, arrive, hops, received, seen", STORIES.values(), ids=STORIES)
def test_stories(
    direction: Direction,
    arrive: list[bool],
    hops: tuple[int, ...],
    received: bool,
    seen: list[tuple[str, str, float | None]],
) -> None:
    result = sent(direction, arrive)
    assert (result.received == b"message") is received
    assert result.hops == hops
    assert [isinstance(delivery, Delivered) for delivery in result.deliveries] == arrive
    assert [(frame.direction, frame.fate, frame.snr_db) for frame in result.frames] == seen
    assert {frame.hops for frame in result.frames} <= {3}
    assert (result.link, result.via) == ("plc", ("R1", "R2"))


def test_a_repeaters_word_is_not_the_meters() -> None:
    """The concentrator heard a module, and nothing of the one that it wrote to."""
    result = sent(DOWN, [GOOD] * 6)
    assert (result.frames_sent, result.acknowledgements, result.handed_on) == (1, 0, 1)
    assert result.heard_at is None and result.tries_acknowledged == 3
    assert sent(UP, [GOOD] * 6).heard_snr_cdb == 9000


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_the_airtime_of_the_hops_adds_up(hops: int) -> None:
    """Each hop: frame, acknowledgement, and a turnaround after either."""
    route = Route(three_hops().end, three_hops().hops[:hops], ("R1", "R2")[: hops - 1])
    result = transfer(route, b"message", Fates([GOOD] * 6), direction=DOWN, now=MIDNIGHT)
    once_us = DATA_US + ACK_US + 2 * TURNAROUND_US
    assert result.total_us == hops * once_us
    assert longest_s(route, 7) == pytest.approx(4 * hops * once_us / 1e6)


def test_a_repeater_without_power_is_silence_and_no_more() -> None:
    route = three_hops()
    route.hops[0].module_off.append(Span(MIDNIGHT - 1))
    result = transfer(route, b"message", Random(1), direction=DOWN, now=MIDNIGHT)
    assert [(frame.direction, frame.fate) for frame in result.frames] == [
        ("down", Fate.NO_ACKNOWLEDGEMENT)
    ] * 4
    assert result.hops == (1, 1, 1, 1)


def test_a_route_has_a_repeater_less_than_hops() -> None:
    link = link_with()
    with pytest.raises(ValueError, match="2 hops by 0 repeaters"):
        Route(link, (link, link))
