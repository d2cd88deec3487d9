"""Faults of external routers: of their power and of their port.  Modem and SIM fail as any modem's
do, see `devices.faults.ModemFails`."""

from __future__ import annotations

from dataclasses import dataclass

from devices.faults import _Fault
from devices.modem import ModemFault
from devices.world import World

PORT = "router port"


@dataclass(frozen=True, slots=True)
class RouterPowerCut(_Fault):
    """The router has no supply; the device behind it goes on."""

    def apply(self, world: World) -> None:
        world.modem(self.target).add_fault(ModemFault("power lost", self.span))
        world.modem_touched(self.target)


@dataclass(frozen=True, slots=True)
class RouterPortCut(_Fault):
    """No link between the router's port and the device behind it; the modem stays on line."""

    def apply(self, world: World) -> None:
        world.hold(PORT, self.target)
        self._set(world)

    def lift(self, world: World) -> None:
        world.release(PORT, self.target)
        self._set(world)

    def _set(self, world: World) -> None:
        world.set_port(self.target, not world.held(PORT, self.target))
