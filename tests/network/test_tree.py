"""Where modules join: routes, repeaters, and what may never happen to them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.chance import Rounds
from devices.channel.link import RATIO_WITHOUT_LOSS_CDB, Link, NoiseBurst
from devices.channel.medium import Medium
from devices.channel.noise import NoiseProfile
from devices.channel.place import Path
from devices.channel.route import AnyLink
from devices.network.hop import NEVER, Hop
from devices.network.tree import METERS_AND_MORE, PRIME, Access, Tree
from devices.network.upkeep import Network
from devices.span import Span
from protocols.plc.noise import CLEAN
from tests.channel.test_link import MIDNIGHT, UTC_ZONE

GOOD, FAIR, POOR, DEAF = 1500, 400, 250, -2000
QUIET = NoiseProfile((0,) * 24, UTC_ZONE)


class Drawn:
    """Links by a table: ratio in hundredths of a decibel by pair; no entry, no link."""

    def __init__(self, ratios: dict[tuple[int, int], int]) -> None:
        nodes = {node for pair in ratios for node in pair} - {0}
        self.ends = {node: _link(node, ratios.get((0, node), DEAF)) for node in sorted(nodes)}
        self.pairs: dict[tuple[int, int], Link] = {}
        for (one, other), ratio in ratios.items():
            if one != 0:
                for near, far in ((one, other), (other, one)):
                    link = _link(far, ratio, near=self.ends[near])
                    link.noise_bursts = self.ends[far].noise_bursts
                    link.module_off = self.ends[far].module_off
                    self.pairs[near, far] = link

    def end(self, node: int) -> AnyLink:
        return self.ends[node]

    def link(self, parent: int, child: int) -> AnyLink | None:
        return self.ends[child] if parent == 0 else self.pairs.get((parent, child))

    def loudest(self, child: int) -> tuple[int, ...]:
        heard = [(link.path.loss_down_cdb, near) for (near, far), link in self.pairs.items()
                 if far == child]  # fmt: skip
        return tuple(near for _, near in sorted(heard))

    def nodes(self) -> tuple[int, ...]:
        return tuple(self.ends)


def _link(node: int, ratio: int, near: Link | None = None) -> Link:
    loss = RATIO_WITHOUT_LOSS_CDB - ratio
    return Link(f"M{node}", node, Path(loss, loss), QUIET, Medium(noise=CLEAN), near=near)


def formed(ratios: dict[tuple[int, int], int], access: Access = PRIME) -> Tree:
    return network(Drawn(ratios), access).tree


def network(drawn: Drawn, access: Access = PRIME) -> Network:
    return Network(drawn, access, Rounds(1, "test"), now=MIDNIGHT)


FORMED = {
    # name: (ratios, parents)
    "everybody near": ({(0, 1): GOOD, (0, 2): GOOD, (1, 2): GOOD}, {1: 0, 2: 0}),
    "one too far": ({(0, 1): GOOD, (1, 2): GOOD}, {1: 0, 2: 1}),
    "a chain": ({(0, 1): GOOD, (1, 2): GOOD, (2, 3): GOOD}, {1: 0, 2: 1, 3: 2}),
    "better by a repeater than barely": (
        {(0, 1): GOOD, (0, 2): POOR, (1, 2): GOOD}, {1: 0, 2: 1},
    ),
    "straight where it will do": ({(0, 1): GOOD, (0, 2): FAIR, (1, 2): GOOD}, {1: 0, 2: 0}),
    "nobody hears it": ({(0, 1): GOOD, (1, 2): DEAF}, {1: 0}),
    "an island": ({(0, 1): GOOD, (2, 3): GOOD}, {1: 0}),
    "one repeater for two, though another is as good": (
        {(0, 1): GOOD, (0, 2): GOOD, (1, 3): GOOD, (2, 4): GOOD, (1, 4): GOOD},
        {1: 0, 2: 0, 3: 1, 4: 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("ratios, parents", FORMED.values(), ids=FORMED)
def test_forming(ratios: dict[tuple[int, int], int], parents: dict[int, int]) -> None:
    assert formed(ratios).parents == parents


def test_a_route_names_its_hops_and_repeaters() -> None:
    tree = formed({(0, 1): GOOD, (1, 2): GOOD, (2, 3): GOOD})
    route = tree.route(3)
    assert route.via == ("M1", "M2") and route.end.meter == "M3"
    assert [link.meter for link in route.hops] == ["M1", "M2", "M3"]
    assert (tree.level(1), tree.level(3), tree.level(9)) == (1, 3, 0)
    assert tree.repeaters() - {0} == {1, 2}


def test_no_more_repeaters_than_eight() -> None:
    chain = {(node, node + 1): GOOD for node in range(11)}
    for access in (PRIME, METERS_AND_MORE):
        tree = formed(chain, access)
        assert max(tree.level(node) for node in tree.parents) == 9
        assert set(tree.parents) == set(range(1, 10))


def test_source_routes_promote_nobody_and_take_the_best() -> None:
    """Where PRIME would rather ask one who repeats already, though another is a little better."""
    ratios = {
        (0, 1): GOOD, (0, 2): GOOD, (1, 3): GOOD, (1, 4): 300, (2, 4): GOOD,
    }  # fmt: skip
    assert formed(ratios, METERS_AND_MORE).parents[4] == 2
    assert formed({**ratios, (1, 4): 400}, PRIME).parents[4] == 1


def test_expected_transmissions_fall_with_the_ratio() -> None:
    costs = [Hop(_link(1, ratio)).look(MIDNIGHT).expected_milli for ratio in range(-500, 1600, 50)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] == NEVER and costs[-1] == 1000


EDGES = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(1, 7)).filter(lambda pair: pair[0] < pair[1]),
    st.integers(-200, 900),
    min_size=1,
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(EDGES, st.data())
def test_more_noise_never_connects_more(
    ratios: dict[tuple[int, int], int], data: st.DataObject
) -> None:
    quiet = set(formed(ratios).parents)
    drawn = Drawn(ratios)
    for link in drawn.ends.values():
        change = data.draw(st.integers(-1500, 0))
        link.noise_bursts.append(NoiseBurst(Span(), change))
    assert set(network(drawn).tree.parents) <= quiet


@settings(max_examples=150, deadline=None)
@given(EDGES, st.integers(1, 7))
def test_removing_a_module_never_adds_a_route(
    ratios: dict[tuple[int, int], int], gone: int
) -> None:
    kept = {pair: ratio for pair, ratio in ratios.items() if gone not in pair}
    if kept:
        assert set(formed(kept).parents) <= set(formed(ratios).parents)


@settings(max_examples=150, deadline=None)
@given(EDGES)
def test_everybody_who_can_be_reached_is(ratios: dict[tuple[int, int], int]) -> None:
    """As a search of the graph finds them; and no route runs in a circle."""
    drawn = Drawn(ratios)
    heard = {
        pair
        for pair in ratios
        for link in [drawn.link(*pair)]
        if link is not None and Hop(link).look(MIDNIGHT).usable
    }
    reached, fresh = {0}, {0}
    while fresh:
        fresh = {
            b for a, b in heard | {(b, a) for a, b in heard} if a in reached and b not in reached
        }
        reached |= fresh
    tree = formed(ratios)
    assert set(tree.parents) == reached - {0}
    for node in tree.parents:
        assert len(set(tree.chain(node))) == tree.level(node) <= 9
