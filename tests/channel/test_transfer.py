"""A message over a link: what arrives, what the concentrator saw, how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.channel.counters import LinkCounters
from devices.channel.course import Fate, Transfer
from devices.channel.delivery import Cause, Delivered, Lost
from devices.channel.link import Link, PacketLoss
from devices.channel.medium import TURNAROUND_US, Medium
from devices.channel.route import straight
from devices.channel.transfer import transfer, without_route
from devices.span import Span
from protocols.concentrator import messages
from protocols.errors import LocalProtocolError
from protocols.plc.error_rates import ONE
from protocols.plc.frames import ACKNOWLEDGEMENT_OCTETS, OVERHEAD_OCTETS, Direction
from protocols.plc.noise import CLEAN
from protocols.plc.physical import DBPSK_FEC, airtime_us
from tests.channel.test_link import HOPELESS_CDB, MIDNIGHT, link_with

DOWN, UP = Direction.DOWN, Direction.UP
ACK_US = airtime_us(ACKNOWLEDGEMENT_OCTETS, DBPSK_FEC)


class Fates(Random):
    """A stand-in for chance that says which frames a packet-loss fault of one half takes.

    Each try draws for the frame and for its acknowledgement, sent or not.
    """

    def __init__(self, arrive: Iterable[bool]) -> None:
        super().__init__(0)
        self._arrive = iter(arrive)
        self._unsent = False  # the next draw is for an acknowledgement that nobody sends
        self._is_frame = True

    def getrandbits(self, k: int, /) -> int:
        assert k == 64
        if self._unsent:
            self._unsent, self._is_frame = False, True
            return 0
        arrives = next(self._arrive)
        self._unsent = self._is_frame and not arrives
        self._is_frame = not self._is_frame
        return (ONE - 1) * ONE + (0 if arrives else ONE - 1)


def half_lossy(snr_cdb: int = 9000) -> Link:
    link = link_with(snr_cdb, up_cdb=snr_cdb + 100)
    link.packet_losses.append(PacketLoss.of_share(Span(), 0.5))
    return link


def sent(message: bytes, direction: Direction, arrive: Iterable[bool]) -> Transfer:
    route = straight(half_lossy())
    return transfer(route, message, Fates(arrive), direction=direction, now=MIDNIGHT)


def seen(result: Transfer) -> list[tuple[str, str]]:
    return [(frame.direction, frame.fate) for frame in result.frames]


GOOD, LOST = True, False

STORIES = {
    # name: (direction, fates on the air in order, received, acknowledged, what was seen)
    "down, straight": (
        DOWN, [GOOD, GOOD], True, True,
        [("down", Fate.DELIVERED), ("up", Fate.DELIVERED)],
    ),
    "down, frame lost once": (
        DOWN, [LOST, GOOD, GOOD], True, True,
        [("down", Fate.NO_ACKNOWLEDGEMENT), ("down", Fate.DELIVERED), ("up", Fate.DELIVERED)],
    ),
    "down, acknowledgement lost once": (
        DOWN, [GOOD, LOST, GOOD, GOOD], True, True,
        [("down", Fate.NO_ACKNOWLEDGEMENT), ("up", Fate.DAMAGED),
         ("down", Fate.DELIVERED), ("up", Fate.DELIVERED)],
    ),
    "down, given up": (
        DOWN, [LOST] * 4, False, False, [("down", Fate.NO_ACKNOWLEDGEMENT)] * 4,
    ),
    "down, it arrived but the sender cannot know": (
        DOWN, [GOOD, LOST] * 4, True, False,
        [("down", Fate.NO_ACKNOWLEDGEMENT), ("up", Fate.DAMAGED)] * 4,
    ),
    "up, straight": (
        UP, [GOOD, GOOD], True, True, [("up", Fate.DELIVERED), ("down", Fate.SENT)],
    ),
    "up, frame damaged once": (
        UP, [LOST, GOOD, GOOD], True, True,
        [("up", Fate.DAMAGED), ("up", Fate.DELIVERED), ("down", Fate.SENT)],
    ),
    "up, the last acknowledgement lost each time": (
        UP, [GOOD, LOST] * 4, True, False, [("up", Fate.DELIVERED), ("down", Fate.SENT)] * 4,
    ),
    "up, given up": (UP, [LOST] * 4, False, False, [("up", Fate.DAMAGED)] * 4),
}  # fmt: skip


@pytest.mark.parametrize(
    "direction, arrive, received, acknowledged, expected", STORIES.values(), ids=STORIES
)
def test_stories(
    direction: Direction,
    arrive: list[bool],
    received: bool,
    acknowledged: bool,
    expected: list[tuple[str, str]],
) -> None:
    result = sent(b"message", direction, arrive)
    assert result.received == (b"message" if received else None)
    assert result.acknowledged is acknowledged
    assert seen(result) == expected
    assert [isinstance(delivery, Delivered) for delivery in result.deliveries] == arrive


def test_the_concentrators_counts() -> None:
    counters = LinkCounters()
    counters.add(sent(b"request", DOWN, [LOST, GOOD, LOST, GOOD, GOOD]))
    counters.add(sent(b"request", DOWN, [LOST] * 4))
    assert (counters.frames_sent, counters.acknowledgements) == (7, 1)
    heard = counters.last_heard
    assert heard is not None and counters.snr_cdb == 9100
    counters.add(sent(b"response", UP, [LOST] * 4))
    assert counters.last_heard == heard  # damaged frames do not count as heard
    report = counters.report("M0001", MIDNIGHT + 60, registered=True)
    assert report == messages.LinkReport(
        meter="M0001",
        at=datetime(2026, 7, 6, 0, 1, tzinfo=UTC),
        registered=True,
        frames_sent=7,
        frames_lost=6,
        link_acks=1,
        last_heard=heard,
        snr_db=91.0,
    )


def test_times_add_up() -> None:
    result = sent(b"m" * 50, DOWN, [LOST, GOOD, GOOD])
    data_us = airtime_us(50 + OVERHEAD_OCTETS, DBPSK_FEC)
    attempt_us = data_us + TURNAROUND_US + ACK_US + TURNAROUND_US
    assert result.total_us == 2 * attempt_us
    assert result.total_s == 2 * attempt_us / 1e6
    starts = [round((frame.at.timestamp() - MIDNIGHT) * 1e6) for frame in result.frames]
    assert starts == [0, attempt_us, attempt_us + data_us + TURNAROUND_US]
    assert [frame.airtime_ms for frame in result.frames] == [
        data_us / 1000,
        data_us / 1000,
        ACK_US / 1000,
    ]
    assert [frame.octets for frame in result.frames] == [59, 59, 11]
    assert result.heard_at is not None
    assert result.heard_at.timestamp() == pytest.approx(MIDNIGHT + (starts[2] + ACK_US) / 1e6)


def test_the_concentrator_learns_the_ratio_down_there_from_the_acknowledgement() -> None:
    result = sent(b"message", DOWN, [GOOD, LOST, GOOD, GOOD])
    assert [frame.snr_db for frame in result.frames] == [None, 91.0, 90.0, 91.0]


def test_long_messages_travel_in_segments() -> None:
    message = bytes(range(256)) * 4
    link = link_with(9000)
    result = transfer(straight(link), message, Random(1), direction=UP, now=MIDNIGHT)
    assert result.received == message and result.acknowledged
    assert [frame.octets for frame in result.frames if frame.direction == "up"] == [
        256, 256, 256, 256, 36 + OVERHEAD_OCTETS,
    ]  # fmt: skip
    link.medium = Medium(noise=CLEAN, frame_octets_max=64)
    smaller = transfer(straight(link), message, Random(1), direction=UP, now=MIDNIGHT)
    assert smaller.received == message
    assert len(smaller.frames) == 2 * -(-len(message) // (64 - OVERHEAD_OCTETS))


def test_a_segment_given_up_ends_the_message() -> None:
    result = sent(bytes(600), DOWN, [GOOD, GOOD] + [LOST] * 4)
    assert result.received is None and not result.acknowledged
    assert result.acknowledgements == 1 and result.frames_sent == 5


@settings(max_examples=200)
@given(
    st.binary(min_size=1, max_size=1500),
    st.sampled_from(Direction),
    st.integers(0, 2**32),
    st.integers(200, 600),
)
def test_what_arrives_is_what_was_sent(
    message: bytes, direction: Direction, seed: int, snr_cdb: int
) -> None:
    """Whole or not at all, and the sender believes it arrived only if it did."""
    result = transfer(
        straight(link_with(snr_cdb)), message, Random(seed), direction=direction, now=MIDNIGHT
    )
    assert result.received in (message, None)
    assert not (result.acknowledged and result.received is None)
    assert result.total_us >= sum(delivery.airtime_us for delivery in result.deliveries)
    assert [frame.at for frame in result.frames] == sorted(frame.at for frame in result.frames)
    again = transfer(
        straight(link_with(snr_cdb)), message, Random(seed), direction=direction, now=MIDNIGHT
    )
    assert again == result


def test_no_route_no_frame() -> None:
    result = without_route(link_with(HOPELESS_CDB), b"m", now=MIDNIGHT)
    assert (result.received, result.acknowledged, result.total_us) == (None, False, 0)
    assert seen(result) == [("down", Fate.NO_ROUTE)]
    assert result.frames[0].airtime_ms == 0
    assert (result.frames_sent, result.acknowledgements, result.deliveries) == (0, 0, ())


def test_a_module_that_lost_power_just_now_is_sent_to_in_vain() -> None:
    link = link_with(9000)
    link.module_off.append(Span(MIDNIGHT - 10))
    result = transfer(straight(link), b"m", Random(1), direction=DOWN, now=MIDNIGHT)
    assert seen(result) == [("down", Fate.NO_ACKNOWLEDGEMENT)] * 4
    assert {delivery.cause for delivery in result.deliveries if isinstance(delivery, Lost)} == {
        Cause.MODULE_OFF
    }
    nothing = transfer(straight(link), b"m", Random(1), direction=UP, now=MIDNIGHT)
    assert (nothing.received, nothing.frames, nothing.total_us) == (None, (), 0)


def test_a_module_that_loses_power_in_between_leaves_no_trace_of_it() -> None:
    """The concentrator's record never says why: not of what it sent, and nothing of silence."""
    link = link_with(9000)
    first_us = airtime_us(1 + OVERHEAD_OCTETS, DBPSK_FEC)
    link.module_off.append(Span(MIDNIGHT + first_us / 1e6))
    down = transfer(straight(link), b"m", Random(1), direction=DOWN, now=MIDNIGHT)
    assert down.received == b"m" and not down.acknowledged
    assert seen(down) == [("down", Fate.NO_ACKNOWLEDGEMENT)] * 4
    assert down.heard_at is None
    up = transfer(straight(link), b"m", Random(1), direction=UP, now=MIDNIGHT)
    assert seen(up) == [("up", Fate.DELIVERED), ("down", Fate.SENT)]


@pytest.mark.parametrize("cause", Cause)
def test_causes_are_not_fates(cause: Cause) -> None:
    """What the simulation knows must not read like what a concentrator may report."""
    assert cause.value not in {fate.value for fate in Fate}


def test_frames_fit_the_message_set() -> None:
    result = sent(b"message", DOWN, [LOST, GOOD, GOOD])
    report = messages.Result(
        id="r",
        at=datetime(2026, 7, 6, tzinfo=UTC),
        order="o",
        attempt=1,
        meter="M0001",
        action=messages.Action.READ_LIMIT,
        status=messages.Status.NO_ANSWER,
        acted=False,
        frames=result.frames,
    )
    assert messages.decode_upward(messages.encode(report)) == report


def test_message_numbers_tell_messages_apart() -> None:
    link = link_with(9000)
    for _ in range(300):
        assert (
            transfer(straight(link), b"m", Random(1), direction=UP, now=MIDNIGHT).received == b"m"
        )
    assert link.messages_sent == 300


@pytest.mark.parametrize("message", [b"", bytes(64 * 247 + 1)], ids=["empty", "too long"])
def test_messages_that_cannot_travel(message: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        transfer(straight(link_with(9000)), message, Random(1), direction=DOWN, now=MIDNIGHT)


def test_retries_overcome_loss_as_often_as_they_should() -> None:
    """One segment down and its acknowledgement: 1 - (1 - p)^4 of 2,000 transfers are known to
    arrive, where p is both frames' luck; four standard deviations."""
    link = link_with(9000)
    link.packet_losses.append(PacketLoss.of_share(Span(), 0.4))
    rng = Random(9)
    count = 2000
    known = sum(
        transfer(straight(link), b"m", rng, direction=DOWN, now=MIDNIGHT).acknowledged
        for _ in range(count)
    )
    expected = 1 - (1 - 0.6 * 0.6) ** 4
    spread = (expected * (1 - expected) / count) ** 0.5
    assert abs(known / count - expected) < 4 * spread
