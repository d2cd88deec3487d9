"""Messages owed to the head-end until its receipt, across reboots and lost connections.

A broker's acknowledgement settles nothing.  Each message is sent at once, then again with growing
pauses, and all of them as soon as a connection stands again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import simpy

from devices.concentrator.flash import Flash, Owed
from devices.deadlines import later

PAUSE_FIRST_S = 15.0
PAUSE_MAX_S = 300.0
LOGS_MAX = 16  # fault logs without a receipt; results are bounded by the journal
PUSHES_MAX = 256  # that meters made unasked; a street's last gasps fit (assumption)


class Outbox:
    """The messages owed, and the clock that sends them again.

    `send` hands one over to the uplink, or to nobody while there is no session.
    """

    def __init__(
        self,
        env: simpy.Environment,
        flash: Flash,
        rng: Random,
        *,
        send: Callable[[bytes], None],
    ) -> None:
        self._env = env
        self._owed = flash.outbox
        self._rng = rng
        self._send = send
        self._due: float | None = None
        self._round = 0

    def owe(
        self, message_id: str, payload: bytes, *, keep_max: int | None = None, at_once: bool = True
    ) -> None:
        """Send a message, and keep it until its receipt.  One that is owed already goes again.

        Of messages with the same `keep_max` so many are kept, and the oldest gives way.  `at_once`
        False leaves the sending to `resume`.
        """
        owed = self._owed.get(message_id)
        if owed is None:
            if keep_max is not None:
                self._make_room(keep_max)
            owed = self._owed[message_id] = Owed(payload, keep_max)
        if at_once:
            self._try(owed)
            self._arm()

    def receipted(self, message_id: str) -> bool:
        """The head-end has stored a message; whether it was owed."""
        return self._owed.pop(message_id, None) is not None

    def resume(self) -> None:
        """A connection stands: send everything that is owed, logs before results, so that whoever
        judges a result knows what happened meanwhile."""
        for owed in sorted(self._owed.values(), key=lambda owed: owed.keep_max is None):
            owed.tries = 0
            self._try(owed)
        self._arm()

    def halt(self) -> None:
        """The device goes down: what is owed stays, in flash."""
        self._round += 1
        self._due = None

    def __len__(self) -> int:
        return len(self._owed)

    def _make_room(self, keep_max: int) -> None:
        alike = [name for name, owed in self._owed.items() if owed.keep_max == keep_max]
        for name in alike[: max(0, len(alike) + 1 - keep_max)]:
            del self._owed[name]

    def _try(self, owed: Owed) -> None:
        self._send(owed.payload)
        pause_s = min(PAUSE_FIRST_S * 2 ** min(owed.tries, 10), PAUSE_MAX_S)
        owed.tries += 1
        owed.next_at = self._env.now + pause_s * self._rng.uniform(1.0, 1.25)

    def _arm(self) -> None:
        due = min((owed.next_at for owed in self._owed.values()), default=None)
        if due == self._due:
            return
        self._due = due
        self._round += 1
        if due is not None:
            this_round = self._round
            later(self._env, max(0.0, due - self._env.now), lambda: self._wake(this_round))

    def _wake(self, this_round: int) -> None:
        if this_round != self._round:
            return
        now, self._due = max(self._due or 0.0, self._env.now), None
        for owed in self._owed.values():
            if owed.next_at <= now:
                self._try(owed)
        self._arm()
