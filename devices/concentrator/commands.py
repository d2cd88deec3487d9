"""Commands at a concentrator: stored, refused, repeated, withdrawn, found again after a reboot.

What each means is decided in `intake`; here it is done with the desk and the execution.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime, timedelta

import simpy

from devices.concentrator.desk import Desk
from devices.concentrator.execution import Execution
from devices.concentrator.flash import Attempt, Key, Stage
from devices.concentrator.intake import (
    Begin,
    Busy,
    DoneBefore,
    EndNow,
    Repeat,
    Stop,
    Underway,
    on_execute,
    on_withdraw,
)
from devices.concentrator.own_clock import OwnClock
from protocols.concentrator.messages import Execute, MeterImage, Status, Withdraw


class Commands:
    """Those of one boot.  `busy` tells of the fault in which it takes no more work, `has_room`
    whether there is room for an image."""

    def __init__(
        self,
        env: simpy.Environment,
        desk: Desk,
        execution: Execution,
        clock: OwnClock,
        table: Container[str],
        *,
        queue_max: int,
        busy: Callable[[], bool],
        has_room: Callable[[MeterImage | None], bool],
    ) -> None:
        self._env = env
        self._desk = desk
        self._execution = execution
        self._clock = clock
        self._table = table
        self._queue_max = queue_max
        self._busy = busy
        self._has_room = has_room
        self._found: list[Attempt] = []  # in flash after a reboot, waiting for the time

    @property
    def waiting(self) -> bool:
        """Whether something found in flash waits for the head-end's time."""
        return bool(self._found)

    def find_unfinished(self) -> None:
        """After a reboot: end what cannot go on, and keep the rest until the time is known."""
        for attempt in list(self._desk.journal.unfinished()):
            if attempt.stage is Stage.ACTING:
                self._desk.end_without_errand(attempt, Status.UNKNOWN, acted=True)
            elif attempt.withdrawn:
                self._desk.end_without_errand(attempt, Status.CANCELLED)
            else:
                self._found.append(attempt)

    def go_on(self, head_end_time: datetime | None, uptime_s: float) -> None:
        """Begin what was found in flash after a reboot, now that the head-end has told the time.

        A clock may lose time while the power is away, and then a command would look fresh that is
        stale.  The receipt of a message of this boot was written after that boot; so by now the
        head-end's time is at most what it says and the uptime on top.  The fault log that tells of
        the reboot makes sure that there is such a receipt.
        """
        now = self._env.now
        found, self._found = self._found, []
        for attempt in found:
            if head_end_time is not None:
                latest = head_end_time + timedelta(seconds=uptime_s)
                attempt.behind_s = max(attempt.behind_s, self._clock.behind_s(latest, now))
            self._execution.add(attempt)

    def execute(self, command: Execute) -> bool:
        """Whether the command, or its answer, is stored now."""
        desk = self._desk
        now = self._env.now
        behind_s = self._clock.behind_s(command.at, now)
        room = not self._busy() and len(self._execution) + len(self._found) < self._queue_max
        decision = on_execute(
            command,
            desk.journal,
            in_table=command.meter in self._table,
            expired=self._clock.left_s(command.not_after, behind_s, now) <= 0,
            room=room and desk.journal.has_room(desk.now()) and self._has_room(command.firmware),
        )
        match decision:
            case Begin():
                attempt = desk.journal.store(command, behind_s=behind_s)
                desk.note("stored", attempt)
                desk.accept(attempt)
                self._execution.add(attempt)
            case Underway(attempt):
                desk.accept(attempt)
            case Repeat(attempt):
                desk.repeat(attempt)
            case DoneBefore(done):
                desk.end_as_before(desk.journal.store(command), done)
            case EndNow(status):
                desk.end_without_errand(desk.journal.store(command), status)
            case Busy():
                desk.refuse_busy(command)
                return False
        return True

    def withdraw(self, command: Withdraw) -> bool:
        """Whether the withdrawal is stored now."""
        desk = self._desk
        known = desk.journal.find(Key(command.order, command.attempt))
        decision = on_withdraw(
            command,
            desk.journal,
            begun=known is not None and not self._waits(known),
            room=desk.journal.has_room(desk.now(), withdrawal=True),
        )
        match decision:
            case Repeat(attempt):
                desk.repeat(attempt)
            case Stop(attempt):
                attempt.withdrawn = True  # the execution sees it
                desk.note("withdrawn", attempt)
            case DoneBefore(done):
                desk.end_as_before(known or self._never_begun(command), done)
            case EndNow(status):
                attempt = known or self._never_begun(command)
                self._execution.remove(attempt)
                self._found = [other for other in self._found if other is not attempt]
                desk.end_without_errand(attempt, status)
            case Busy():
                return False  # no room to remember it: the head-end asks again
        return True

    def _waits(self, attempt: Attempt) -> bool:
        return attempt in self._found or self._execution.waits(attempt)

    def _never_begun(self, command: Withdraw) -> Attempt:
        """The memory of a command that may still be on its way, and will not be begun."""
        return self._desk.journal.store(
            Execute(
                id=command.id,
                order=command.order,
                attempt=command.attempt,
                meter=command.meter,
                action=command.action,
                not_after=self._desk.now(),
            )
        )
