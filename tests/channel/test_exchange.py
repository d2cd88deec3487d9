"""An exchange frame by frame, one meter's fates, and many meters at once: the same thing thrice."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.channel import exchanges
from devices.channel.exchange import Exchange, Hop, by_frames, exchange, expected
from devices.channel.exchanges import Exchanges, Routes
from devices.channel.link import Link, PacketLoss
from devices.channel.medium import Medium, as_polled
from devices.philox import Turn, key_of, keyed
from devices.span import Span
from protocols.plc import meters_and_more_like
from protocols.plc.error_rates import ONE
from protocols.plc.noise import CLEAN
from tests.channel.test_link import MIDNIGHT, link_with

MEDIUM = Medium(noise=CLEAN)
POLLED = as_polled(MEDIUM)
CAUSE = exchanges.CAUSE
ratios = st.integers(320, 700)  # usable, or there is no registration and no frame
hop = st.builds(Hop, ratios, ratios, st.sampled_from((0, 0, ONE // 5, ONE)))
octets = st.sampled_from((1, 20, 71, 72, 150, 247, 248, 600))


def links_of(hops: list[Hop], medium: Medium = MEDIUM) -> list[Link]:
    links = []
    for each in hops:
        link = link_with(each.snr_down_cdb, each.snr_up_cdb)
        link.medium = medium
        if each.fault_of_2_32:
            link.packet_losses.append(PacketLoss(Span(), each.fault_of_2_32))
        links.append(link)
    return links


def routes_of(rows: list[list[Hop]]) -> Routes:
    columns = max(len(row) for row in rows)
    filler = Hop(-9000, -9000, ONE)
    full = [row + [filler] * (columns - len(row)) for row in rows]
    return Routes(
        np.array([len(row) for row in rows]),
        np.array([[each.snr_down_cdb for each in row] for row in full]),
        np.array([[each.snr_up_cdb for each in row] for row in full]),
        np.array([[each.fault_of_2_32 for each in row] for row in full]),
    )


def row(result: Exchanges, number: int) -> Exchange:
    return Exchange(*(getattr(result, name)[number].item() for name in Exchange.__slots__))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(hop, min_size=1, max_size=4), min_size=1, max_size=5),
    octets,
    octets,
    st.sampled_from(
        (MEDIUM, Medium(), Medium(noise=CLEAN, frame_octets_max=80, retries_max=1), POLLED)
    ),
    st.integers(0, 2**32 - 1),
)
def test_three_ways_one_result(
    rows: list[list[Hop]], request: int, answer: int, medium: Medium, round_: int
) -> None:
    """Given the same key, looking closer changes nothing."""
    turn = Turn(round_, 1)
    key = key_of(7, CAUSE, "C-001")
    meters = np.arange(len(rows)) + 90_000_001
    at_once = exchanges.many(
        routes_of(rows),
        medium,
        request,
        answer,
        keys=np.full(len(rows), key, np.uint64),
        meters=meters,
        turn=turn,
    )
    for number, hops in enumerate(rows):
        alone = exchange(hops, medium, request, answer, keyed(key, int(meters[number]), turn))
        zoomed = by_frames(
            links_of(hops, medium),
            bytes(request),
            bytes(answer),
            keyed(key, int(meters[number]), turn),
            now=MIDNIGHT,
        )
        assert row(at_once, number) == alone == zoomed


@pytest.mark.parametrize(("repeaters", "takes_us"), [(0, 360_000), (1, 740_000), (3, 1_500_000)])
def test_a_meters_and_more_like_read_takes_its_published_time(
    repeaters: int, takes_us: int
) -> None:
    """32 octets asked, 128 answered at 4.8 kbit/s: facts of the channel, 0.36 s and 1.5 s; frame by
    frame, by one draw and by the array."""
    assert takes_us == meters_and_more_like.read_us(32, 128, repeaters)
    good = [Hop(2_000, 2_000)] * (repeaters + 1)
    key, turn = key_of(1, CAUSE, "C-001"), Turn(1)
    one = exchange(good, POLLED, 32, 128, keyed(key, 5, turn))
    frames = by_frames(
        links_of(good, POLLED), bytes(32), bytes(128), keyed(key, 5, turn), now=MIDNIGHT
    )
    at_once = exchanges.many(
        routes_of([good]),
        POLLED,
        32,
        128,
        keys=np.array([key], np.uint64),
        meters=np.array([5]),
        turn=turn,
    )
    assert one == frames == row(at_once, 0)
    assert (one.answered, one.total_us) == (True, takes_us)
    assert one.airtime_us == takes_us - (2 * repeaters + 1) * 20_000
    assert expected(good, POLLED, 32, 128).total_us == pytest.approx(takes_us, rel=1e-3)


def test_a_polled_frame_that_is_lost_costs_a_slot() -> None:
    """Nobody passes it on: the sender hears nothing for 250 ms, four times."""
    dead = exchange([Hop(2_000, 2_000, ONE)], POLLED, 32, 128, Random(1))
    assert (dead.asked, dead.frames_down) == (False, 4)
    assert dead.total_us == 4 * (90_000 + 250_000)


def test_neither_order_nor_batch_matters() -> None:
    rng = np.random.default_rng(1)
    count = 300
    hops = rng.integers(1, 4, count)
    snr = rng.integers(250, 600, (count, 3))
    keys = np.repeat(exchanges.keys_of(7, ["C-001", "C-002", "C-003"]), count // 3)
    meters = rng.permutation(count) + 1

    def run(which: np.ndarray) -> Exchanges:
        return exchanges.many(
            Routes(hops[which], snr[which], snr[which]),
            MEDIUM,
            60,
            400,
            keys=keys[which],
            meters=meters[which],
            turn=Turn(9),
        )

    whole = run(np.arange(count))
    assert 0.2 < whole.answered.mean() < 0.95
    shuffled = rng.permutation(count)
    for part in (shuffled, shuffled[:77], shuffled[77:]):
        again = run(part)
        for name in Exchange.__slots__:
            assert (getattr(again, name) == getattr(whole, name)[part]).all(), name


STORIES = {
    # name: (hops, asked, answered, frames down, acknowledged, frames up)
    "one good hop": ([Hop(5000, 5000)], True, True, 1, 1, 1),
    "four good hops": ([Hop(5000, 5000)] * 4, True, True, 4, 4, 4),
    "no power at the meter": ([Hop(5000, 5000, ONE)], False, False, 4, 0, 0),
    "no power at the repeater": ([Hop(5000, 5000, ONE), Hop(5000, 5000)], False, False, 4, 0, 0),
    "no power behind the repeater": (
        [Hop(5000, 5000), Hop(5000, 5000, ONE)], False, False, 5, 1, 0,
    ),
    "it hears and is not heard": ([Hop(5000, -9000)], True, False, 4, 0, 4),
}  # fmt: skip


@pytest.mark.parametrize(
    "hops, asked, answered, down, acknowledged, up", STORIES.values(), ids=STORIES
)
def test_stories(
    hops: list[Hop], asked: bool, answered: bool, down: int, acknowledged: int, up: int
) -> None:
    result = exchange(hops, MEDIUM, 20, 20, Random(1))
    assert (result.asked, result.answered) == (asked, answered)
    assert (result.frames_down, result.acknowledged_down, result.frames_up) == (
        down,
        acknowledged,
        up,
    )
    assert result.total_us == (down + up) * MEDIUM.try_us(29)


# Frame by frame from a Mersenne Twister, fates at once from Philox: independent samples of what
# must be one distribution.  4,000 exchanges each; chi-square over (answered, frames), cells of
# fewer than 20 joined; Kolmogorov-Smirnov over airtime.  Seeds are fixed; two right laws would
# fail one of the six checks below with probability under 6 * 0.001.
SETTINGS = {
    "one hop": ([Hop(370, 420)], 60, 120),
    "a hop with a fault": ([Hop(900, 900, ONE // 3)], 60, 500),
    "three hops": ([Hop(430, 520), Hop(450, 450), Hop(400, 600)], 60, 300),
}
SAMPLE = 4000


@pytest.mark.parametrize("hops, request_octets, answer_octets", SETTINGS.values(), ids=SETTINGS)
def test_frame_by_frame_and_at_once_have_one_distribution(
    hops: list[Hop], request_octets: int, answer_octets: int
) -> None:
    twister = Random(20260706)
    links = links_of(hops)
    frames = [
        by_frames(links, bytes(request_octets), bytes(answer_octets), twister, now=MIDNIGHT)
        for _ in range(SAMPLE)
    ]
    at_once = exchanges.many(
        routes_of([hops] * SAMPLE),
        MEDIUM,
        request_octets,
        answer_octets,
        keys=np.full(SAMPLE, key_of(7, CAUSE, "C-001"), np.uint64),
        meters=np.arange(SAMPLE),
        turn=Turn(0),
    )
    ours = [(each.answered, each.frames_down + each.frames_up) for each in frames]
    theirs = list(
        zip(
            at_once.answered.tolist(),
            (at_once.frames_down + at_once.frames_up).tolist(),
            strict=True,
        )
    )
    statistic, freedom = chi_square_of_two(ours, theirs)
    assert freedom >= 4
    # Wilson and Hilferty: (chi2/f)^(1/3) is near normal; 3.09 deviations are 0.1 % one-sided.
    limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * math.sqrt(2 / (9 * freedom))) ** 3
    assert statistic < limit
    distance = kolmogorov_smirnov([each.airtime_us for each in frames], at_once.airtime_us.tolist())
    assert distance < 1.95 * math.sqrt(2 / SAMPLE)  # 0.1 %


def chi_square_of_two(
    ours: list[tuple[bool, int]], theirs: list[tuple[bool, int]]
) -> tuple[float, int]:
    """Homogeneity of two samples of one size, and its degrees of freedom."""
    cells: list[tuple[int, int]] = []
    rest = [0, 0]
    for kind in sorted({*ours, *theirs}):
        pair = ours.count(kind), theirs.count(kind)
        if sum(pair) >= 20:
            cells.append(pair)
        else:
            rest = [rest[0] + pair[0], rest[1] + pair[1]]
    if sum(rest):
        cells.append((rest[0], rest[1]))
    return sum((one - other) ** 2 / (one + other) for one, other in cells), len(cells) - 1


def kolmogorov_smirnov(ours: list[int], theirs: list[int]) -> float:
    """The greatest distance between two empirical distributions."""
    points = np.array(sorted({*ours, *theirs}))
    one = np.searchsorted(np.sort(ours), points, side="right") / len(ours)
    other = np.searchsorted(np.sort(theirs), points, side="right") / len(theirs)
    return float(np.abs(one - other).max())


@pytest.mark.parametrize("hops, request_octets, answer_octets", SETTINGS.values(), ids=SETTINGS)
def test_the_closed_form_is_the_mean(
    hops: list[Hop], request_octets: int, answer_octets: int
) -> None:
    """Four standard deviations of 20,000 exchanges."""
    count = 20_000
    at_once = exchanges.many(
        routes_of([hops] * count),
        MEDIUM,
        request_octets,
        answer_octets,
        keys=np.full(count, key_of(8, CAUSE, "C-001"), np.uint64),
        meters=np.arange(count),
        turn=Turn(0),
    )
    mean = expected(hops, MEDIUM, request_octets, answer_octets)
    spread = math.sqrt(mean.answered * (1 - mean.answered) / count)
    assert abs(at_once.answered.mean() - mean.answered) < 4 * spread
    slack = 4 * at_once.total_us.std() / math.sqrt(count)
    assert abs(at_once.total_us.mean() - mean.total_us) < slack


WRONG = {
    "a route of no hops": (Routes, (np.array([0]), np.zeros((1, 2)), np.zeros((1, 2)))),
    "more hops than columns": (Routes, (np.array([3]), np.zeros((1, 2)), np.zeros((1, 2)))),
    "unequal shapes": (Routes, (np.array([1]), np.zeros((1, 2)), np.zeros((1, 3)))),
}


@pytest.mark.parametrize("make, given_", WRONG.values(), ids=WRONG)
def test_no_such_routes(make: type[Routes], given_: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(ValueError, match="hops|shapes"):
        make(*given_)


def test_no_empty_message() -> None:
    with pytest.raises(ValueError, match="a message of 0 octets"):
        exchange([Hop(1000, 1000)], MEDIUM, 0, 10, Random(1))
