"""One attempt carried out at one meter: sessions over the power line until the end is known.

What does not act may be tried again at every level: frames by the link layer, an APDU whose frames
were not acknowledged, a whole session that got no answer.  What acts leaves once.  Without an
answer to it the meter is read, and the reading decides; without a reading its effect is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import simpy

from devices.channel.counters import LinkCounters
from devices.channel.transfer import Fate, Transfer
from devices.concentrator.client import Client, close
from devices.concentrator.flash import Attempt, Counters
from devices.concentrator.power_line import ANSWER_AFTER_S, PowerLine, longest_s
from devices.concentrator.read_back import concluded, procedure_for, reading_for
from devices.concentrator.table import Entry
from protocols.concentrator.messages import ACTING, Frame, Status
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.session import Exchange, MayAct, Phase, Session

FRAMES_TOLD_MAX = 1000  # in one result; an errand without losses takes some thirty
ACTING_OCTETS_MAX = 128  # of a message that acts; a ciphered SET of a threshold has some 60

Waits = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a concentrator tries, and how long it waits.  Times in seconds."""

    response_timeout_s: float = 10.0
    sessions_max: int = 3  # tries to get an answer, before anything that acts was sent
    looks_max: int = 3  # tries to read back, after something that acts was sent
    resends_max: int = 1  # of an APDU that does not act and was not acknowledged
    pause_s: float = 2.0  # between sessions


@dataclass(slots=True)
class Record:
    """What an errand leaves for `explain`."""

    link: LinkCounters = field(default_factory=LinkCounters)
    frames: list[Frame] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    no_route: bool = False

    def add(self, carried: Transfer) -> None:
        """Take in a message that was carried."""
        self.link.add(carried)
        self.frames += carried.frames[: FRAMES_TOLD_MAX - len(self.frames)]
        self.no_route = any(frame.fate == Fate.NO_ROUTE for frame in carried.frames)


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
        self.record = Record()

    @property
    def margin_s(self) -> float:
        """How long a message that acts may be on its way."""
        return longest_s(self._entry.leg.link, ACTING_OCTETS_MAX)

    def run(self) -> Generator[simpy.Event, Any, Outcome]:
        """Carry the attempt out; how it ended."""
        procedure = partial(procedure_for, self._attempt)
        outcome = yield from self._try(
            procedure, self._patience.sessions_max, self._may_act, self._given_up
        )
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

    def _try(
        self,
        procedure: Callable[[], Procedure],
        tries_max: int,
        may_act: MayAct,
        given_up: Callable[[], Status | None],
    ) -> Generator[simpy.Event, Any, Outcome]:
        """Sessions, until one gets an answer or has sent something that acts."""
        outcome = Outcome(Status.NO_ANSWER)
        for left in reversed(range(tries_max)):
            if (status := given_up()) is not None:
                return Outcome(status)
            outcome = yield from self._hold(procedure(), may_act)
            if outcome.acted:
                return outcome
            if outcome.status is not Status.NO_ANSWER:
                return outcome
            if self.record.no_route:
                return Outcome(Status.UNREACHABLE)
            if left:
                yield self._env.timeout(self._patience.pause_s)
        return outcome

    def _hold(self, procedure: Procedure, may_act: MayAct) -> Generator[simpy.Event, Any, Outcome]:
        """One session."""
        session = self._client.open(
            self._entry,
            self._counters,
            procedure,
            engine=self._engine,
            challenge=lambda: self._challenges.randbytes(16),
            may_act=may_act,
        )
        yield from self._converse(session)
        self.record.exchanges += session.exchanges
        close(session, self._counters)
        return session.result

    def _converse(self, session: Session) -> Waits:
        speak: Callable[[float], bytes | None] = session.start
        while True:
            # The line is taken before the session speaks: between "may this act now?" and the
            # frame's leaving, no time passes.
            with self._line.medium.request() as turn:
                yield turn
                acted = session.acted
                octets = speak(self._env.now)
                answers: list[bytes] = []
                if octets:
                    resends = self._patience.resends_max
                    if session.acted and not acted:
                        assert len(octets) <= ACTING_OCTETS_MAX, "it could arrive too late"
                        resends = 0
                    answers = yield from self._send(session, octets, resends)
            if session.done:
                return
            heard = yield from self._listen(answers)
            if heard:
                speak = partial(_receive, session, heard)
            elif session.phase is Phase.RELEASING:
                # What was asked for is known; nobody waits for a farewell.
                session.lost(self._env.now)
                return
            else:
                due = session.next_deadline()
                assert due is not None, "the session waits for an answer that nobody times"
                yield self._env.timeout(max(0.0, due - self._env.now))
                speak = partial(_at_deadline, session, due)

    def _send(
        self, session: Session, octets: bytes, resends: int
    ) -> Generator[simpy.Event, Any, list[bytes]]:
        """One message down; what the meter answers."""
        for left in reversed(range(1 + resends)):
            carried, answers = yield from self._line.down(self._entry.leg, octets)
            self.record.add(carried)
            if carried.acknowledged or answers:
                return answers
            if self.record.no_route or not left:
                break
        session.lost(self._env.now, "the link layer got no acknowledgement")
        return []

    def _listen(self, answers: list[bytes]) -> Generator[simpy.Event, Any, bytes]:
        heard = b""
        for octets in answers:
            yield self._env.timeout(ANSWER_AFTER_S)
            carried = yield from self._line.up(self._entry.leg, octets)
            self.record.add(carried)
            heard += carried.received or b""
        return heard


def _receive(session: Session, heard: bytes, now: float) -> bytes | None:
    return session.receive(heard, now)


def _at_deadline(session: Session, due: float, now: float) -> bytes | None:
    return session.handle_deadline(max(due, now))
