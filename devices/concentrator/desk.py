"""What a concentrator writes down and what it tells, in one place, so that the two agree.

Every message has an id that no other of this device has, also after a reboot.  How an attempt ended
is remembered first and told then, in the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

import simpy

from devices.concentrator import report
from devices.concentrator.flash import Attempt, Flash
from devices.concentrator.journal import Journal
from devices.concentrator.outbox import LOGS_MAX, PUSHES_MAX, Outbox
from devices.concentrator.own_clock import OwnClock
from protocols.concentrator.messages import (
    Accepted,
    Execute,
    FaultEntry,
    FaultLog,
    MeterPushed,
    Result,
    Status,
    Upward,
    encode,
)

Log = Callable[..., None]
"""`log(kind, **fields)`: the world's own record, which no head-end reads."""


class Desk:
    """Journal and outbox of one run, from boot to the next loss of power.

    `send` hands a message to the uplink, or to nobody while there is no session.
    """

    def __init__(
        self,
        env: simpy.Environment,
        name: str,
        flash: Flash,
        clock: OwnClock,
        rng: Random,
        *,
        attempts_max: int,
        send: Callable[[bytes], None],
        log: Log,
    ) -> None:
        self._env = env
        self._name = name
        self._flash = flash
        self._clock = clock
        self._send = send
        self._log = log
        self.journal = Journal(flash, attempts_max=attempts_max)
        self.outbox = Outbox(env, flash, rng, send=send)

    def now(self) -> datetime:
        """What the own clock shows."""
        return self._clock.read(self._env.now)

    def new_id(self) -> str:
        """An id for a message."""
        self._flash.messages += 1
        return f"{self._start()}.{self._flash.messages}"

    def is_of_this_boot(self, message_id: str) -> bool:
        """Whether a message of that id was made since the last boot."""
        return message_id.startswith(f"{self._start()}.")

    def _start(self) -> str:
        """What no other start of a device of this name is called."""
        return f"{self._name}.{self._flash.run}{self._flash.boot}"

    # How attempts go.

    def note(self, kind: str, attempt: Attempt, **fields: object) -> None:
        """A line in the world's record."""
        order, number = attempt.key
        self._log(
            kind,
            concentrator=self._name,
            order=order,
            attempt=number,
            meter=attempt.meter,
            action=attempt.action.value,
            **fields,
        )

    def accept(self, attempt: Attempt) -> None:
        """Tell that an attempt is stored."""
        order, number = attempt.key
        self.tell(Accepted(id=self.new_id(), at=self.now(), order=order, attempt=number))

    def begin_acting(self, attempt: Attempt) -> None:
        """Write down that a frame that acts is about to leave."""
        self.journal.begin_acting(attempt)
        self.note("acting", attempt)

    def end(self, attempt: Attempt, result: Result, *, detail: str = "") -> None:
        """Write down how an attempt ended, and tell it until the receipt."""
        payload = encode(result)
        self.journal.end(attempt, result.id, payload, self.now())
        self.note("ended", attempt, status=result.status.value, acted=result.acted, detail=detail)
        self.outbox.owe(result.id, payload)

    def end_without_errand(self, attempt: Attempt, status: Status, *, acted: bool = False) -> None:
        """An attempt ended without word from the meter."""
        result = report.without_errand(
            attempt, status, acted=acted, message_id=self.new_id(), at=self.now()
        )
        self.end(attempt, result)

    def end_as_before(self, attempt: Attempt, done: Result) -> None:
        """An earlier attempt had carried the order out."""
        self.end(attempt, report.as_before(attempt, done, message_id=self.new_id()))

    def repeat(self, attempt: Attempt) -> None:
        """Tell again how an attempt ended, until the receipt."""
        self.outbox.owe(attempt.result_id, attempt.result)

    # Other messages.

    def refuse_busy(self, command: Execute) -> None:
        """There is no room for a command; nothing is remembered of it."""
        self._log("busy", concentrator=self._name, order=command.order, attempt=command.attempt)
        self.tell(
            Result(
                id=self.new_id(),
                at=self.now(),
                order=command.order,
                attempt=command.attempt,
                meter=command.meter,
                action=command.action,
                status=Status.BUSY,
                acted=False,
            )
        )

    def owe_fault_log(self, entries: tuple[FaultEntry, ...], *, at_once: bool = True) -> None:
        """Tell a fault log until the receipt; with `at_once` False from the next resumption on."""
        message = FaultLog(id=self.new_id(), at=self.now(), entries=entries)
        self.outbox.owe(message.id, encode(message), keep_max=LOGS_MAX, at_once=at_once)

    def owe_push(self, message: MeterPushed) -> None:
        """Tell what a meter said unasked, until the receipt."""
        self.outbox.owe(message.id, encode(message), keep_max=PUSHES_MAX)

    def receipted(self, message_id: str) -> None:
        """The head-end has stored a message."""
        self.outbox.receipted(message_id)
        self.journal.receipted(message_id)

    def tell(self, message: Upward) -> None:
        """Send once: the head-end asks again for what it misses."""
        self._send(encode(message))
