"""Routers of meters that have a line of their own, each made when it is first asked for."""

from __future__ import annotations

import simpy

from devices.chance import stream
from devices.deadlines import Deadlines
from devices.modem import StepChanged
from devices.router import Router
from devices.world_log import WorldLog


class OwnLines:
    """The routers by meter.  One that nobody has touched has always been on line."""

    def __init__(self, env: simpy.Environment, seed: int, log: WorldLog, settled_s: float) -> None:
        self._env = env
        self._seed = seed
        self._log = log
        self._settled_s = settled_s
        self._routers: dict[str, Router] = {}
        self._deadlines: dict[str, Deadlines] = {}

    def router(self, meter: str) -> Router:
        """A meter's router."""
        if meter not in self._routers:
            now = self._env.now
            router = Router(stream(self._seed, "modem", meter), now=now - self._settled_s)
            router.advance(now)
            self._routers[meter] = router
            self._deadlines[meter] = Deadlines(
                self._env, router, lambda changes: self._moved(meter, changes)
            )
        return self._routers[meter]

    def touched(self, meter: str) -> None:
        """Somebody gave a router a fault: let it see that now."""
        self._moved(meter, self.router(meter).advance(self._env.now))
        self._deadlines[meter].touch()

    def stands(self, meter: str) -> bool:
        """Whether the mobile network reaches a meter's router."""
        router = self._routers.get(meter)
        return router is None or router.online

    def carries(self, meter: str) -> bool:
        """Whether what reaches the router reaches the meter behind it."""
        router = self._routers.get(meter)
        return router is None or router.port_up

    def _moved(self, meter: str, changes: tuple[StepChanged, ...]) -> None:
        for change in changes:
            before, after = change.before.name, change.after.name
            self._log("modem", meter=meter, before=before, after=after)
