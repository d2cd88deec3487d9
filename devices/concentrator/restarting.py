"""What the head-end demands of the device itself: a look for meters, and a restart.

Each demand is in flash before its receipt and is met once, however often its message comes.  A
restart is told by the start after it, whatever it was that made the device start: who asked wanted
it to have started anew.
"""

from __future__ import annotations

from collections.abc import Callable

import simpy

from devices.concentrator.desk import Desk
from devices.concentrator.flash import Flash, Stage
from devices.concentrator.own_clock import OwnClock
from devices.deadlines import later
from protocols.concentrator.messages import encode
from protocols.concentrator.on_demand import Discover, Restart, Restarted

LOOK_S = 2.0  # whether it can restart; the receipt is on its way by then
PATIENCE_S = 60.0  # with commands that act on a meter just now
REMEMBERED = 32  # messages: they come twice within minutes


class Demands:
    """See the module."""

    def __init__(
        self,
        env: simpy.Environment,
        desk: Desk,
        flash: Flash,
        clock: OwnClock,
        *,
        discover: Callable[[str], None],
        restart: Callable[[str], None],
    ) -> None:
        self._env = env
        self._desk = desk
        self._flash = flash
        self._clock = clock
        self._discover = discover
        self._restart = restart
        self._halted = False

    def start(self) -> None:
        """After a start: tell that it has restarted, where somebody asked."""
        if of := self._flash.restart:
            message = Restarted(
                id=self._desk.new_id(), at=self._desk.now(), of=of, boot=self._flash.boot
            )
            self._desk.outbox.owe(message.id, encode(message))
            self._flash.restart = ""

    def halt(self) -> None:
        """The power is gone."""
        self._halted = True

    def take(self, message: Discover | Restart) -> None:
        """Meet a demand, unless it was met before or its time has passed."""
        if message.id in self._flash.demanded:
            return
        self._flash.demanded = [*self._flash.demanded[1 - REMEMBERED :], message.id]
        behind_s = self._clock.behind_s(message.at, self._env.now)
        if self._clock.left_s(message.not_after, behind_s, self._env.now) <= 0:
            return
        if isinstance(message, Discover):
            self._discover(message.id)
        elif not self._flash.restart:
            self._flash.restart = message.id
            self._when_it_can(self._env.now + PATIENCE_S)

    def _when_it_can(self, at_last: float) -> None:
        later(self._env, LOOK_S, lambda: self._look(at_last))

    def _look(self, at_last: float) -> None:
        if self._halted:
            return
        acting = any(each.stage is Stage.ACTING for each in self._desk.journal.unfinished())
        if acting and self._env.now < at_last:
            self._when_it_can(at_last)
        else:
            self._restart("the head-end asked for it")
