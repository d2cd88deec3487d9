"""Streets of 400 m: few meters hear the concentrator, nearly all are reached by repeaters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from devices.chance import Rounds
from devices.channel.link import Link
from devices.channel.noise import residential
from devices.channel.place import along_streets, path_to
from devices.field_spec import ZONE
from devices.network.neighbours import PowerLineNeighbours
from devices.network.tree import METERS_AND_MORE, PRIME, STAR, Access
from devices.network.upkeep import Network

EVENING = datetime(2026, 7, 6, 23, tzinfo=UTC).timestamp()  # 19 h in Santiago: the noisiest
METERS = 80
TOLERABLE_CDB = 4800  # DBPSK with the code over background noise [read]


PLACES = {node: along_streets(node - 1, first_m=20, spacing_m=20) for node in range(1, METERS + 1)}
NOISE = residential(ZONE)


def links_of(seed: int) -> dict[int, Link]:
    return {
        node: Link(
            f"M{node}",
            node,
            path_to(seed, transformer="T", meter=f"M{node}", place=place),
            NOISE,
        )
        for node, place in PLACES.items()
    }


def street(seed: int, access: Access) -> Network:
    assert max(place.distance_m for place in PLACES.values()) == 400
    neighbours = PowerLineNeighbours(seed, "T", links_of(seed), PLACES)
    return Network(neighbours, access, Rounds(seed, "test"), now=EVENING)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_repeaters_make_the_difference(seed: int) -> None:
    alone = street(seed, STAR)
    losses = [link.path.loss_down_cdb for link in links_of(seed).values()]
    within = sum(loss <= TOLERABLE_CDB for loss in losses)
    assert 0.25 < within / METERS < 0.75  # as the facts have it of networks of this size
    reached = len(alone.tree.parents) / METERS
    assert reached < 0.75
    for access in (PRIME, METERS_AND_MORE):
        helped = street(seed, access)
        assert len(helped.tree.parents) / METERS > 0.95
        assert {*alone.tree.parents} <= {*helped.tree.parents}
        assert 2 <= max(map(helped.tree.level, helped.tree.parents)) <= 9


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_promotion_keeps_the_repeaters_few(seed: int) -> None:
    prime, source_routes = street(seed, PRIME), street(seed, METERS_AND_MORE)
    assert len(prime.tree.repeaters()) <= len(source_routes.tree.repeaters())
