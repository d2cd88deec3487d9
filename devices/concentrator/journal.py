"""Which attempts a concentrator knows, and how each ended: the memory behind its idempotency.

The memory is bounded.  An attempt is forgotten only when it has ended, the head-end has receipted
its result, and it is so long past its `not_after` that a late repeat of the command would be stale.
When nothing can be forgotten, new commands find the concentrator busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from devices.concentrator.flash import Attempt, Flash, Key, Stage
from protocols.concentrator.messages import ACTING, Action, Execute, Result, Status

ATTEMPTS_MAX = 4096
WITHDRAWALS_MAX = 256  # room kept beyond it, so that a withdrawal always finds some
KEPT = timedelta(hours=72)
"""After its end: as long as the head-end looks for effects.  An image's effect is looked for by
other attempts, of which it takes hundreds: they are forgotten where room is wanted."""

_read = msgspec.json.Decoder(Result)


class Journal:
    """The attempts in flash, with an index of the orders."""

    def __init__(self, flash: Flash, *, attempts_max: int = ATTEMPTS_MAX) -> None:
        self._attempts = flash.attempts
        self._attempts_max = attempts_max
        self._of_order: dict[str, list[Key]] = {}
        for key in self._attempts:
            self._of_order.setdefault(key.order, []).append(key)
        self._of_result = {a.result_id: a for a in self._attempts.values() if a.result_id}

    def find(self, key: Key) -> Attempt | None:
        """What is known of an attempt."""
        return self._attempts.get(key)

    def unfinished(self) -> Iterator[Attempt]:
        """In the order in which they were stored."""
        return (a for a in self._attempts.values() if a.stage is not Stage.ENDED)

    def newest(self, order: str) -> int:
        """The highest attempt known of an order; 0 when there is none."""
        return max((key.attempt for key in self._of_order.get(order, ())), default=0)

    def done(self, order: str) -> Result | None:
        """The result of the attempt that carried the order out: an acting one that ended DONE.

        A reading that ended DONE shows only what was at its time, so it is never used again.
        """
        for key in self._of_order.get(order, ()):
            attempt = self._attempts[key]
            if attempt.stage is Stage.ENDED and attempt.action in ACTING:
                result = _read.decode(attempt.result)
                if result.status is Status.DONE:
                    return result
        return None

    def has_room(self, now: datetime, *, withdrawal: bool = False) -> bool:
        """Whether another attempt can be stored, after forgetting what may be forgotten."""
        room = self._attempts_max + (WITHDRAWALS_MAX if withdrawal else 0)
        if len(self._attempts) >= room:
            self._forget(now)
        return len(self._attempts) < room

    def store(self, command: Execute, *, behind_s: float = 0.0) -> Attempt:
        """Remember a command, and by how much the own clock is behind as far as it shows."""
        attempt = Attempt(
            key=Key(command.order, command.attempt),
            meter=command.meter,
            action=command.action,
            amount=command.amount,
            unit=command.unit,
            objects=command.objects,
            clock=command.clock,
            tariff=command.tariff,
            since=command.since,
            firmware=command.firmware,
            keys=command.keys,
            not_after=command.not_after,
            behind_s=behind_s,
        )
        self._attempts[attempt.key] = attempt
        self._of_order.setdefault(command.order, []).append(attempt.key)
        return attempt

    def begin_acting(self, attempt: Attempt) -> None:
        """A frame that acts is about to leave."""
        attempt.stage = Stage.ACTING

    def end(self, attempt: Attempt, result_id: str, result: bytes, now: datetime) -> None:
        """Remember how an attempt ended.  Raises ValueError when it has ended already."""
        if attempt.stage is Stage.ENDED:
            raise ValueError(f"{attempt.key} has ended already")
        attempt.stage = Stage.ENDED
        attempt.result_id, attempt.result = result_id, result
        over = max(attempt.not_after, now)
        attempt.keep_until = over if attempt.action is Action.UPDATE_FIRMWARE else over + KEPT
        self._of_result[result_id] = attempt

    def receipted(self, result_id: str) -> None:
        """The head-end has stored a result."""
        if (attempt := self._of_result.get(result_id)) is not None:
            attempt.receipted = True

    def _forget(self, now: datetime) -> None:
        over = [
            attempt
            for attempt in self._attempts.values()
            if attempt.receipted and attempt.keep_until is not None and attempt.keep_until <= now
        ]
        for attempt in over:
            del self._attempts[attempt.key], self._of_result[attempt.result_id]
            keys = self._of_order[attempt.key.order]
            keys.remove(attempt.key)
            if not keys:
                del self._of_order[attempt.key.order]
