"""One attempt carried out at one meter: sessions over the power line until the end is known.

What does not act may be tried again at every level: frames by the link layer, an APDU whose frames
were not acknowledged, a whole session that got no answer.  What acts leaves once.  Without an
answer to it the meter is read, and the reading decides; without a reading its effect is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

import simpy

from devices.concentrator.client import Client, close
from devices.concentrator.conversing import ACTING_OCTETS_MAX, Conversing, Record
from devices.concentrator.flash import Attempt, Counters, Stage
from devices.concentrator.power_line import PowerLine, longest_down_s
from devices.concentrator.read_back import concluded, procedure_for, reading_for
from devices.concentrator.table import Entry
from protocols.concentrator.messages import ACTING, REPEATABLE, Status
from protocols.dlms.key_change import Begin
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.session import MayAct


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a concentrator tries, and how long it waits.  Times in seconds."""

    response_timeout_s: float = 10.0
    sessions_max: int = 3  # tries to get an answer, before anything that acts was sent
    looks_max: int = 3  # tries to read back, after something that acts was sent
    resends_max: int = 1  # of an APDU that does not act and was not acknowledged
    pause_s: float = 2.0  # between sessions


class Errand:
    """See the module.  `may_act` has the last word before something that acts is sent; `given_up`
    ends the tries early."""

    def __init__(
        self,
        line: PowerLine,
        client: Client,
        entry: Entry,
        attempt: Attempt,
        counters: Counters,
        *,
        engine: str,
        patience: Patience,
        challenges: Random,
        may_act: MayAct,
        given_up: Callable[[], Status | None],
        own_time: Callable[[], datetime],
    ) -> None:
        self._line = line
        self._env = line.env
        self._client = client
        self._entry = entry
        self._attempt = attempt
        self._counters = counters
        self._engine = engine
        self._patience = patience
        self._challenges = challenges
        self._may_act = may_act
        self._given_up = given_up
        self._own_time = own_time
        self.record = Record()

    @property
    def margin_s(self) -> float:
        """How long a message that acts may be on its way."""
        return longest_down_s(self._entry.leg, ACTING_OCTETS_MAX)

    def run(self) -> Generator[simpy.Event, Any, Outcome]:
        """Carry the attempt out; how it ended."""
        procedure = partial(procedure_for, self._attempt, self._own_time)
        outcome = yield from self._try(
            procedure, self._patience.sessions_max, self._may_act, self._given_up
        )
        if self._attempt.action in REPEATABLE:
            return outcome  # the next attempt looks, before it writes
        if outcome.acted and outcome.status in (Status.UNKNOWN, Status.NO_ANSWER):
            assert self._attempt.action in ACTING
            yield self._env.timeout(self._patience.pause_s)
            reading = yield from self._try(
                partial(reading_for, self._attempt),
                self._patience.looks_max,
                lambda now: False,
                lambda: None,
            )
            outcome = concluded(self._attempt, outcome, reading)
        return outcome

    def sessions(
        self, entry: Entry, counters: Counters, begin: Begin, *, acts: bool = True
    ) -> Generator[simpy.Event, Any, Outcome]:
        """As many tries of another procedure as of the attempt itself, by keys that may be others.

        What acted and got no answer ends UNKNOWN; once it has acted nothing gives it up.
        """
        acted = self._attempt.stage is Stage.ACTING
        outcome = yield from self._try(
            begin,
            self._patience.looks_max if acted else self._patience.sessions_max,
            self._may_act if acts else lambda now: False,
            (lambda: None) if acted else self._given_up,
            (entry, counters),
        )
        if outcome.acted and outcome.status in (Status.NO_ANSWER, Status.UNREACHABLE):
            return replace(outcome, status=Status.UNKNOWN)
        return outcome

    def _try(
        self,
        procedure: Callable[[], Procedure],
        tries_max: int,
        may_act: MayAct,
        given_up: Callable[[], Status | None],
        by: tuple[Entry, Counters] | None = None,
    ) -> Generator[simpy.Event, Any, Outcome]:
        """Sessions, until one gets an answer or has sent something that acts."""
        outcome = Outcome(Status.NO_ANSWER)
        for left in reversed(range(tries_max)):
            if (status := given_up()) is not None:
                return Outcome(status)
            outcome = yield from self._hold(procedure(), may_act, by or self._own)
            if outcome.acted:
                return outcome
            if outcome.status is not Status.NO_ANSWER:
                return outcome
            if self.record.no_route:
                return Outcome(Status.UNREACHABLE)
            if left:
                yield self._env.timeout(self._patience.pause_s)
        return outcome

    @property
    def _own(self) -> tuple[Entry, Counters]:
        return self._entry, self._counters

    def _hold(
        self, procedure: Procedure, may_act: MayAct, by: tuple[Entry, Counters]
    ) -> Generator[simpy.Event, Any, Outcome]:
        """One session."""
        entry, counters = by
        session = self._client.open(
            entry,
            counters,
            procedure,
            engine=self._engine,
            challenge=lambda: self._challenges.randbytes(16),
            may_act=may_act,
        )
        conversing = Conversing(
            self._line, self._entry.leg, self.record, self._patience.resends_max
        )
        yield from conversing.hold(session)
        close(session, counters)
        return session.result
