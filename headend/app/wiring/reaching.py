"""The ways to meters: by their concentrators, or by lines of their own."""

from __future__ import annotations

from dataclasses import dataclass

from headend.app.wiring.ground import Ground, Hears
from headend.collection.gathered import GatheredIntake
from headend.collection.pushes import PushIntake
from headend.events.taking import EventIntake
from headend.field.carried_keys import CarriedKeys
from headend.field.direct.dialling import Dialler
from headend.field.direct.listening import Listening
from headend.field.direct.performing import Dialling, DirectField
from headend.field.direct.tunnel_line import Tunnels
from headend.field.ways import Ways
from protocols.concentrator.messages import (
    MeterPushed,
    Online,
    Result,
    TunnelAnswer,
    TunnelClosed,
    TunnelOpened,
)


@dataclass(frozen=True, slots=True)
class Reaching:
    """Every way there is, and what meters send by themselves."""

    ways: Ways
    direct: DirectField
    carried: CarriedKeys
    tunnels: Tunnels
    listening: Listening | None  # None where no meter calls us
    pushes: PushIntake
    events: EventIntake

    def hears(self) -> Hears:
        """Messages of concentrators for these parts; every worker's, not the duty's."""
        return (
            (MeterPushed, self.pushes.forwarded),
            (Result, self.carried.told),
            (Online, self.tunnels.online),
            (TunnelOpened, self.tunnels.opened),
            (TunnelAnswer, self.tunnels.answered),
            (TunnelClosed, self.tunnels.closed),
        )


def reaching(ground: Ground, dialling: Dialling | None) -> Reaching:
    """Join them; `dialling` where directly reached meters are not behind real lines."""
    store, clock, chance, direct = ground.store, ground.clock, ground.chance, ground.config.direct
    shelf, vault, zone = ground.shelf, ground.vault, ground.zone
    events = EventIntake(ground.config.events)
    pushes = PushIntake(store, clock, shelf, vault, direct.late_after_s, zone, events)
    listening = None
    if direct.listen_port is not None:
        listening = Listening(pushes.take, store, clock, chance, shelf, direct)
    tunnels = Tunnels(ground.field.tell, clock, chance)
    gathered = GatheredIntake(store, clock, zone, ground.config.collection.late_after_s, events)
    field = DirectField(
        store, clock, chance, shelf, vault, dialling or Dialler(listening), direct, tunnels,
        gathered, zone,
    )  # fmt: skip
    carried = CarriedKeys(ground.field, store, clock, chance, vault)
    ways = Ways(ground.field, field, store, carried)
    return Reaching(ways, field, carried, tunnels, listening, pushes, events)
