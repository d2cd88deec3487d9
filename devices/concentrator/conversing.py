"""One DLMS session carried over the line to one meter, message by message.

The line is taken for each message anew, the urgent first, so that a long profile never keeps an
order waiting for more than one message.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any

import simpy

from devices.channel.counters import LinkCounters
from devices.channel.course import Transfer
from devices.concentrator.power_line import PowerLine, answer_after_s
from devices.concentrator.turns import URGENT
from devices.network.ways import Leg
from protocols.concentrator.messages import Frame
from protocols.dlms.session import Exchange, Phase, Session

FRAMES_TOLD_MAX = 1000  # in one result; an errand without losses takes some thirty
ACTING_OCTETS_MAX = 128  # of a message that acts; a ciphered SET of a threshold has some 60

Waits = Generator[simpy.Event, Any, None]


@dataclass(slots=True)
class Record:
    """What a conversation leaves for `explain`."""

    link: LinkCounters = field(default_factory=LinkCounters)
    carried: list[Transfer] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    no_route: bool = False
    _frames: int = 0

    def add(self, carried: Transfer) -> None:
        """Take in a message that was carried."""
        self.link.add(carried)
        if self._frames < FRAMES_TOLD_MAX:
            self._frames += len(carried.noted)
            self.carried.append(carried)
        self.no_route = carried.no_route

    @property
    def frames(self) -> list[Frame]:
        """All frames, as many as are told."""
        told = chain.from_iterable(carried.frames for carried in self.carried)
        return list(islice(told, FRAMES_TOLD_MAX))


@dataclass(slots=True)
class Conversing:
    """See the module.  `make_way` ends the session early: somebody more urgent wants the meter.
    `repeatable`: what acts in this session does no more when it comes twice, as a block of an image
    and may be long and sent again."""

    line: PowerLine
    leg: Leg
    record: Record
    resends_max: int
    priority: int = URGENT
    make_way: Callable[[], bool] = lambda: False
    repeatable: bool = False

    def hold(self, session: Session) -> Waits:
        """Carry a session from its first message to its end."""
        env = self.line.env
        speak: Callable[[float], bytes | None] = session.start
        while True:
            # The line is taken before the session speaks: between "may this act now?" and the
            # frame's leaving, no time passes.
            with self.line.medium.request(priority=self.priority) as turn:
                yield turn
                yield from self.line.cleared()
                acted = session.acted
                octets = speak(env.now)
                answers: list[bytes] = []
                if octets:
                    resends = self.resends_max
                    if session.acted and not acted and not self.repeatable:
                        assert len(octets) <= ACTING_OCTETS_MAX, "it could arrive too late"
                        resends = 0
                    answers = yield from self._send(session, octets, resends)
            if session.done:
                break
            heard = yield from self._listen(answers)
            if self.make_way():
                session.lost(env.now, "an order comes first")
                break
            if heard:
                speak = partial(_receive, session, heard)
            elif session.phase is Phase.RELEASING:
                # What was asked for is known; nobody waits for a farewell.
                session.lost(env.now)
                break
            else:
                due = session.next_deadline()
                assert due is not None, "the session waits for an answer that nobody times"
                yield env.timeout(max(0.0, due - env.now))
                speak = partial(_at_deadline, session, due)
        self.record.exchanges += session.exchanges

    def _send(
        self, session: Session, octets: bytes, resends: int
    ) -> Generator[simpy.Event, Any, list[bytes]]:
        """One message down; what the meter answers."""
        for left in reversed(range(1 + resends)):
            carried, answers = yield from self.line.down(self.leg, octets)
            self.record.add(carried)
            if carried.acknowledged or answers:
                return answers
            if self.record.no_route or not left:
                break
        session.lost(self.line.env.now, "the link layer got no acknowledgement")
        return []

    def _listen(self, answers: list[bytes]) -> Generator[simpy.Event, Any, bytes]:
        heard = b""
        for octets in answers:
            yield self.line.env.timeout(answer_after_s(self.leg))
            carried = yield from self.line.up(self.leg, octets, self.priority)
            self.record.add(carried)
            heard += carried.received or b""
        return heard


def _receive(session: Session, heard: bytes, now: float) -> bytes | None:
    return session.receive(heard, now)


def _at_deadline(session: Session, due: float, now: float) -> bytes | None:
    return session.handle_deadline(max(due, now))
