"""One concentrator's way to a head-end that answers at once, in the world's own time.

It keeps what `devices.gateway.uplink` says of a line: messages arrive in order, each after a delay
of its own; a line that is cut holds them, and is given up by its keep-alive if that lasts; who
drops it loses what was under way.
"""

from __future__ import annotations

from collections.abc import Callable

import simpy

from devices.deadlines import later
from devices.gateway.uplink import Ears, Will
from protocols.concentrator import topics

GIVEN_UP_S = 90.0  # one and a half keep-alives of 60 s (MQTT 3.1.1, 3.1.2.10)
CONNECTING = (64, 4, 48, 5)
"""Octets of CONNECT, CONNACK, SUBSCRIBE and SUBACK, one after the other."""

HeadEnd = Callable[[str, bytes], list[bytes]]
"""Takes a topic and a message; what it sends back down."""


class WanLine:
    """Implements `devices.gateway.uplink.Uplink`.  `delay_s` is how long so many octets take."""

    def __init__(
        self,
        env: simpy.Environment,
        concentrator: str,
        delay_s: Callable[[int], float],
        head_end: HeadEnd,
    ) -> None:
        self._env = env
        self._down = topics.down(concentrator)
        self._delay_s = delay_s
        self._head_end = head_end
        self._ears: Ears | None = None
        self._number = 0  # of the connection; what belongs to an earlier one arrives nowhere
        self._cuts = 0
        self._cut = False
        self._held: list[Callable[[], None]] = []
        self._latest = {"up": 0.0, "down": 0.0}

    def connect(self, will: Will, ears: Ears) -> None:
        self._begin(ears)
        self._connect(0)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._ears is not None:
            self._pass("up", len(payload), lambda: self._arrived(topic, payload))

    def drop(self) -> None:
        self._begin(None)

    def cut(self) -> None:
        if self._cut:
            return
        self._cut = True
        self._cuts += 1
        cut, number = self._cuts, self._number
        later(self._env, GIVEN_UP_S, lambda: self._give_up(cut, number))

    def restore(self) -> None:
        if not self._cut:
            return
        self._cut = False
        held, self._held = self._held, []
        for action in held:
            action()

    # --- parts -----------------------------------------------------------------------------------

    def _begin(self, ears: Ears | None) -> None:
        self._number += 1
        self._ears = ears
        self._held.clear()
        self._latest = {"up": 0.0, "down": 0.0}

    def _connect(self, step: int) -> None:
        ears = self._ears
        assert ears is not None
        if step == len(CONNECTING):
            ears.up()
        else:
            way = ("up", "down")[step % 2]
            self._pass(way, CONNECTING[step], lambda: self._connect(step + 1))

    def _arrived(self, topic: str, payload: bytes) -> None:
        for answer in self._head_end(topic, payload):
            self._pass("down", len(answer), lambda answer=answer: self._heard(answer))  # type: ignore[misc]

    def _heard(self, payload: bytes) -> None:
        if self._ears is not None:
            self._ears.message(self._down, payload)

    def _pass(self, way: str, octets: int, action: Callable[[], None]) -> None:
        """Let `action` happen at the other end, behind what went this way before."""
        number = self._number
        at = max(self._latest[way], self._env.now + self._delay_s(octets))
        self._latest[way] = at

        def arrive() -> None:
            if number != self._number:
                return
            if self._cut:
                self._held.append(arrive)
            else:
                action()

        later(self._env, at - self._env.now, arrive)

    def _give_up(self, cut: int, number: int) -> None:
        if self._cut and (cut, number) == (self._cuts, self._number) and self._ears is not None:
            ears = self._ears
            self._begin(None)
            ears.down("keep-alive timeout")
