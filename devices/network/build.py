"""The networks of one concentrator, from its transformer's specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devices.chance import Rounds, stream
from devices.channel.appliance import Appliance
from devices.channel.link import Link, Tap
from devices.channel.medium import Medium, as_polled
from devices.channel.noise import NoiseProfile
from devices.channel.place import path_to
from devices.channel.radio import RadioLink, received_cdbm
from devices.field_spec import TransformerSpec
from devices.network.neighbours import Neighbours, PowerLineNeighbours, RadioStar
from devices.network.tree import ACCESSES, STAR, Access
from devices.network.upkeep import Network
from devices.network.ways import Way
from protocols.plc.noise import CLEAN
from protocols.rf.physical import MODES


@dataclass(frozen=True, slots=True)
class Networks:
    """The power line's network, and the radio's where there is one."""

    power_line: Network
    radio: Network | None
    links: dict[int, Link]
    radio_links: dict[int, RadioLink]

    @property
    def both(self) -> tuple[Network, ...]:
        return (self.power_line,) if self.radio is None else (self.power_line, self.radio)

    def ways(self, seed: int, node: int) -> tuple[Way, ...]:
        """The ways to one module's meter."""
        link = self.links[node]
        ways = [Way(self.power_line, link, stream(seed, "link", link.meter))]
        if self.radio is not None:
            rng = stream(seed, "radio link", link.meter)
            ways.append(Way(self.radio, self.radio_links[node], rng))
        return tuple(ways)


def networks_of(
    seed: int,
    transformer: TransformerSpec,
    noise: NoiseProfile,
    medium: Medium,
    *,
    now: float,
    asking: Callable[[], bool],
    tap: Callable[[str], Tap | None] = lambda meter: None,
    radio_tap: Callable[[str, int], Tap | None] = lambda meter, received_cdbm: None,
) -> Networks:
    """The networks as they have grown by `now`.  `tap` hears each meter's power line, `radio_tap`
    its radio, by the power that is received there; `asking` says whether the concentrator works."""
    links, radios, places = {}, {}, {}
    if ACCESSES[transformer.access].polled:
        medium = as_polled(medium)
    mode = None if transformer.radio is None else MODES[transformer.radio]
    for node, meter in enumerate(transformer.modules, 1):
        path = path_to(seed, transformer=transformer.name, meter=meter.name, place=meter.place)
        # Nobody cooks in the transformer's cabinet.
        quiet = medium.noise is CLEAN or meter is transformer.head
        appliance = None if quiet else Appliance(seed, int(meter.name))
        links[node] = Link(
            meter.name, node, path, noise, medium, appliance=appliance, tap=tap(meter.name)
        )
        places[node] = meter.place
        if mode is not None:
            distance_m = meter.place.distance_m
            power = received_cdbm(seed, meter=meter.name, distance_m=distance_m, mode=mode)
            heard = radio_tap(meter.name, power)
            radios[node] = RadioLink(meter.name, node, mode, power, tap=heard)

    def network(neighbours: Neighbours, access: Access, bearer: str) -> Network:
        rounds = Rounds(seed, "keep-alive", transformer.concentrator, bearer)
        return Network(neighbours, access, rounds, now=now, asking=asking)

    cables = PowerLineNeighbours(seed, transformer.name, links, places)
    return Networks(
        network(cables, ACCESSES[transformer.access], "plc"),
        None if mode is None else network(RadioStar(radios), STAR, "rf"),
        links,
        radios,
    )
