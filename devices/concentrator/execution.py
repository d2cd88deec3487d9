"""The attempts that wait and those under way: one errand a meter, a few meters at once.

Attempts for one meter are carried out one after the other, in the order of arrival.  Of all this
nothing survives a loss of power but what the desk has written down.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import simpy
from msgspec.structs import replace

from devices.concentrator import report
from devices.concentrator.client import Client
from devices.concentrator.desk import Desk
from devices.concentrator.errand import Errand, Patience
from devices.concentrator.flash import Attempt, Counters, Flash
from devices.concentrator.intake import done_before
from devices.concentrator.own_clock import OwnClock
from devices.concentrator.power_line import PowerLine
from devices.concentrator.rekeying import Rekeying
from devices.concentrator.table import EnginePolicy, Entry
from devices.concentrator.turns import URGENT, Turns
from protocols.concentrator.messages import Action, Status


class Execution:
    """See the module."""

    def __init__(
        self,
        line: PowerLine,
        desk: Desk,
        flash: Flash,
        clock: OwnClock,
        table: dict[str, Entry],
        client: Client,
        *,
        keys: Rekeying,
        turns: Turns,
        engines: EnginePolicy,
        patience: Patience,
        errands_max: int,
        challenges: Random,
        bring: Callable[[Attempt], None],
    ) -> None:
        self._line = line
        self._env = line.env
        self._desk = desk
        self._flash = flash
        self._clock = clock
        self._table = table
        self._client = client
        self._keys = keys
        self._turns = turns
        self._engines = engines
        self._patience = patience
        self._errands_max = errands_max
        self._challenges = challenges
        self._bring = bring  # takes the attempts at firmware, which go on for days
        self._waiting: list[Attempt] = []
        self._errands: dict[str, simpy.Process] = {}  # by meter

    def __len__(self) -> int:
        return len(self._waiting) + len(self._errands)

    def add(self, attempt: Attempt) -> None:
        """Carry an attempt out when it is its turn; whether it still may be is looked at then."""
        now = self._env.now
        left_s = self._clock.left_s(attempt.not_after, attempt.behind_s, now)
        attempt.expires_uptime = self._clock.uptime(now) + left_s
        if attempt.action is Action.UPDATE_FIRMWARE:
            self._bring(attempt)
            return
        self._waiting.append(attempt)
        self._begin()

    def waits(self, attempt: Attempt) -> bool:
        """Whether its errand has not begun."""
        return attempt in self._waiting

    def remove(self, attempt: Attempt) -> None:
        """Do not begin it."""
        if attempt in self._waiting:
            self._waiting.remove(attempt)

    def halt(self) -> None:
        """The power is gone."""
        for process in self._errands.values():
            process.interrupt("no power")
        self._errands = {}
        self._waiting = []

    def _begin(self) -> None:
        for attempt in list(self._waiting):
            if len(self._errands) >= self._errands_max:
                return
            if attempt.meter not in self._errands:
                self._waiting.remove(attempt)
                self._errands[attempt.meter] = self._env.process(self._work(attempt))

    def _work(self, attempt: Attempt) -> Generator[simpy.Event, Any, None]:
        try:
            yield self._env.timeout(0)  # the command is receipted before anything else happens
            with self._turns.of(attempt.meter).request(priority=URGENT) as turn:
                yield turn  # whoever collects there makes way
                yield from self._carry_out(attempt)
        except simpy.Interrupt:
            return
        del self._errands[attempt.meter]
        self._begin()

    def _carry_out(self, attempt: Attempt) -> Generator[simpy.Event, Any, None]:
        entry = self._table.get(attempt.meter)
        done = done_before(self._desk.journal, attempt.key.order, attempt.meter, attempt.action)
        if done is not None:
            self._desk.end_as_before(attempt, done)
        elif (status := self.given_up(attempt)) is not None:
            self._desk.end_without_errand(attempt, status)
        elif entry is None:
            self._desk.end_without_errand(attempt, Status.NOT_IN_TABLE)
        else:
            yield from self._go(attempt, entry)

    def _go(self, attempt: Attempt, entry: Entry) -> Generator[simpy.Event, Any, None]:
        engine = self._engines(*attempt.key)
        errand = Errand(
            self._line,
            self._client,
            entry,
            attempt,
            self._flash.counters.setdefault(attempt.meter, Counters()),
            engine=engine,
            patience=self._patience,
            challenges=self._challenges,
            may_act=lambda now: self._may_act(attempt, errand.margin_s, now),
            given_up=lambda: self.given_up(attempt),
            own_time=self._desk.now,
        )
        told = None
        if attempt.action is Action.CHANGE_KEYS:
            outcome, told = yield from self._keys.change(attempt, entry, errand.sessions)
        else:
            yield from self._keys.settle(entry, partial(errand.sessions, acts=False))
            outcome = yield from errand.run()
        result = report.ended(
            attempt,
            outcome,
            message_id=self._desk.new_id(),
            at=self._desk.now(),
            ahead=timedelta(seconds=self._clock.error_s(self._env.now)),
            now=self._env.now,
            entry=entry,
            record=errand.record,
            engine=engine,
        )
        if told is not None:
            result = replace(result, keys=told)
        self._desk.end(attempt, result, detail=outcome.detail)

    def _left_s(self, attempt: Attempt, now: float) -> float:
        """How long the attempt may still be carried out, by clock and by uptime."""
        assert attempt.expires_uptime is not None
        return min(
            self._clock.left_s(attempt.not_after, attempt.behind_s, now),
            attempt.expires_uptime - self._clock.uptime(now),
        )

    def given_up(self, attempt: Attempt, margin_s: float = 0.0) -> Status | None:
        """Why nothing more should be tried, before anything that acts was sent.  `margin_s`: how
        long what is tried may be on its way."""
        if attempt.withdrawn:
            return Status.CANCELLED
        if self._left_s(attempt, self._env.now) <= margin_s:
            return Status.STALE
        return None

    def _may_act(self, attempt: Attempt, margin_s: float, now: float) -> bool | Status:
        """The last word before something that acts is sent, and the note of it in flash.

        `margin_s` is the longest time that it may be on its way: nothing acts after `not_after`.
        """
        if attempt.withdrawn:
            return Status.CANCELLED
        if self._left_s(attempt, now) <= margin_s:
            return Status.STALE
        self._desk.begin_acting(attempt)
        return True
