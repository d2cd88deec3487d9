"""A machine of the bus on a broker: packets in, effects carried out, deadlines kept.

It knows no rule of the bus: what is to be done stands in the effects.  A packet is acknowledged to
the broker when the machine has taken it; what dies with the process is asked for again by its
requester.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from headend.integration.bus.dead_letters import DeadLetters
from headend.integration.bus.lanes import Lanes
from headend.integration.bus.queues import Queues
from headend.integration.bus.traces import Traces
from headend.ports import Clock
from protocols.cim.bus.effects import Answered, DeadLetter, Effect, Followed, Hop, Perform, Send
from protocols.mqtt import Packet

TICK_S: Final = 0.001  # a deadline is looked at no sooner than so long after the one before


@dataclass(frozen=True, slots=True)
class Ground:
    """What every node stands on."""

    queues: Queues
    clock: Clock
    traces: Traces
    dead_letters: DeadLetters


class Machine(Protocol):
    """What router, responder and requester have in common."""

    @property
    def filters(self) -> tuple[str, ...]: ...

    def receive(self, packet: Packet, *, now: datetime) -> list[Effect]: ...

    def next_deadline(self) -> datetime | None: ...

    def handle_deadline(self, *, now: datetime) -> list[Effect]: ...


Inward = Perform | Answered | Followed
"""Effects for whoever owns the machine; the others a node carries out itself."""


class Node:
    """Runs a machine.  `inward` is called with what is not the bus's."""

    def __init__(
        self, machine: Machine, ground: Ground, inward: Callable[[Inward], None] = lambda _: None
    ) -> None:
        self._machine = machine
        self._ground = ground
        self._inward = inward
        self._lanes = Lanes(ground.queues, ground.clock)
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def now(self) -> datetime:
        return self._ground.clock.now()

    async def start(self) -> None:
        """Subscribe: from here on packets are taken."""
        for topic_filter in self._machine.filters:
            await self._ground.queues.listen(topic_filter, self._heard)

    async def stop(self) -> None:
        """Take nothing more, drop what waits to be sent."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        await self._lanes.stop()

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Do what a machine wants done, in its order, and look at its next deadline."""
        if self._stopped:
            return
        for effect in effects:
            match effect:
                case Send():
                    self._lanes.send(effect)
                case Hop():
                    self._ground.traces.add(effect)
                case DeadLetter():
                    self._ground.dead_letters.add(effect)
                case Perform() | Answered() | Followed():
                    self._inward(effect)
        self._set_timer()

    async def _heard(self, packet: Packet) -> None:
        if not self._stopped:
            self.carry_out(self._machine.receive(packet, now=self.now()))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._machine.next_deadline()
        if due is not None:
            wait_s = max(TICK_S, (due - self.now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._strike)

    def _strike(self) -> None:
        self._timer = None
        self.carry_out(self._machine.handle_deadline(now=self.now()))
