"""A message to all modules at once: who hears it, how long it takes, and whose luck is whose."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.chance import stream
from devices.channel.cast import ALL_NODES, Cast, cast
from devices.channel.link import Link, PacketLoss
from devices.channel.medium import TURNAROUND_US, Medium, as_polled
from devices.channel.route import Route
from devices.span import Span
from protocols.errors import LocalProtocolError
from protocols.plc.frames import OVERHEAD_OCTETS, Segment, decode
from protocols.plc.physical import DBPSK_FEC, airtime_us
from tests.channel.test_link import HOPELESS_CDB, MIDNIGHT, link_with

LONG = bytes(range(250)) + bytes(50)  # a block's frame: two segments
TREE = {"1": (), "2": (), "21": ("2",), "22": ("2",), "221": ("2", "22")}
"""Each module with those on the way to it."""


def tree(share: float = 0.0, **deaf: bool) -> dict[str, Route]:
    links: dict[str, Link] = {}
    for name in TREE:
        links[name] = link_with(HOPELESS_CDB if deaf.get(f"m{name}") else 9000)
        links[name].meter = name
        if share:
            links[name].packet_losses.append(PacketLoss.of_share(Span(), share))
    return {
        name: Route(links[name], tuple(links[each] for each in (*via, name)), via)
        for name, via in TREE.items()
    }


def sent(routes: list[Route], message: bytes = LONG, times: int = 1, seed: int = 1) -> list[Cast]:
    chance = cache(lambda name: stream(seed, "cast", name))
    return [cast(routes, message, chance, number=n, now=MIDNIGHT) for n in range(times)]


def heard(done: Cast, routes: list[Route]) -> set[str]:
    pairs = zip(routes, done.transfers, strict=True)
    return {route.end.meter for route, carried in pairs if carried.received is not None}


STORIES: dict[str, tuple[dict[str, bool], set[str], int]] = {
    # name: (deaf modules, who hears it, how many modules send)
    "all hear it": ({}, {*TREE}, 3),
    "one at the concentrator does not": ({"m1": True}, {*TREE} - {"1"}, 3),
    "one that repeats does not, nor anybody behind it": ({"m2": True}, {"1"}, 1),
    "one further out does not": ({"m22": True}, {"1", "2", "21"}, 2),
}


@pytest.mark.parametrize("deaf, who, senders", STORIES.values(), ids=STORIES)
def test_who_hears_it(deaf: dict[str, bool], who: set[str], senders: int) -> None:
    routes = [*tree(**deaf).values()]
    (done,) = sent(routes)
    assert heard(done, routes) == who
    assert {carried.received for carried in done.transfers} <= {LONG, None}
    sizes = (256, len(LONG) - 247 + OVERHEAD_OCTETS)
    once_us = sum(airtime_us(size, DBPSK_FEC) for size in sizes)
    assert done.frames == 2 * senders
    assert done.airtime_us == senders * once_us
    assert done.total_us == senders * (once_us + 2 * TURNAROUND_US)


def test_nobody_acknowledges_and_nobody_is_told_of_a_frame() -> None:
    routes = [*tree(0.5).values()]
    for done in sent(routes, times=20):
        assert not any(carried.acknowledged or carried.noted for carried in done.transfers)


def test_a_segment_that_is_lost_is_not_sent_again() -> None:
    """Half of the frames are lost: of two segments one module in four has both, and its children
    one in four of those."""
    routes = [*tree(0.5).values()]
    done = sent(routes, times=800)
    shares = {name: sum(name in heard(each, routes) for each in done) / len(done) for name in TREE}
    for name, via in TREE.items():
        expected = 0.25 ** (1 + len(via))
        assert abs(shares[name] - expected) < 4 * (expected * (1 - expected) / 800) ** 0.5


@settings(max_examples=30, deadline=None)
@given(st.permutations([*TREE]), st.sets(st.sampled_from([*TREE]), min_size=1))
def test_a_module_s_luck_hangs_on_no_other(order: list[str], some: set[str]) -> None:
    routes = tree(0.3)
    all_of_them = sent([routes[name] for name in order], times=6)
    chosen = [routes[name] for name in sorted(some)]
    for few, many in zip(sent(chosen, times=6), all_of_them, strict=True):
        assert heard(few, chosen) == heard(many, [routes[name] for name in order]) & some


def test_luck_does_not_move_where_a_repeater_was_unlucky() -> None:
    """What a module behind it draws next is the same as if it had been sent something."""
    good, bad = tree(0.3), tree(0.3, m2=True)
    routes = [good[name] for name in TREE]
    chance_a = cache(lambda name: stream(1, "cast", name))
    chance_b = cache(lambda name: stream(1, "cast", name))
    cast(routes, LONG, chance_a, number=1, now=MIDNIGHT)
    cast([bad[name] for name in TREE], LONG, chance_b, number=1, now=MIDNIGHT)
    assert [chance_a(n).getrandbits(64) for n in TREE] == [
        chance_b(n).getrandbits(64) for n in TREE
    ]


def test_the_frames_are_for_all_nodes() -> None:
    routes = tree()
    seen: list[bytes] = []
    end = routes["1"].end
    assert isinstance(end, Link)
    end.tap = lambda at_us, direction, octets, fate: seen.append(octets)
    sent([routes["1"]])
    frames = [decode(octets) for octets in seen]
    assert [frame.node for frame in frames] == [ALL_NODES] * 2
    assert b"".join(f.data for f in frames if isinstance(f, Segment)) == LONG


def test_on_a_polled_line_a_repeater_takes_its_time_first() -> None:
    links = [link_with(9000) for _ in range(2)]
    for link in links:
        link.medium = as_polled(Medium())
    links[0].meter, links[1].meter = "a", "b"
    near, far = Route(links[0], (links[0],)), Route(links[1], tuple(links), ("a",))
    (one,), (two,) = sent([near], b"short"), sent([near, far], b"short")
    assert two.total_us == 2 * one.total_us + links[0].medium.lead_us(by_master=False)


def test_nothing_and_too_much_are_refused() -> None:
    for message in (b"", bytes(64 * 247 + 1)):
        with pytest.raises(LocalProtocolError):
            sent([tree()["1"]], message)
