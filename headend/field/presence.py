"""Which concentrators are there: what their status topics tell, and what was heard of them of late.

A status tells only what the broker knows.  Before a command that acts, a concentrator that was not
heard of late is therefore knocked at: asked something harmless, and waited for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from headend.config import FieldPolicy
from headend.field.broker import Broker, BrokerUnavailable
from headend.ports import Chance, Clock, Connectivity
from protocols.concentrator import messages, topics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A concentrator's session as its status topic tells."""

    online: bool
    since: datetime
    boot: int  # the device's start that it belongs to
    word: str  # the message that told
    said: messages.Online | None = None  # of one that is on line


@dataclass(slots=True, eq=False)
class _Knock:
    """The question whether a concentrator is there, shared by all who want to know."""

    answered: asyncio.Event = field(default_factory=asyncio.Event)
    again_at: float = 0.0  # loop's time


@dataclass(slots=True)
class Presence:
    """Every concentrator's session and last word."""

    broker: Broker
    clock: Clock
    chance: Chance
    policy: FieldPolicy
    _sessions: dict[str, Session] = field(default_factory=dict)
    _heard: dict[str, float] = field(default_factory=dict)  # loop's time of its last word
    _knocking: dict[str, _Knock] = field(default_factory=dict)

    def present(self) -> list[tuple[str, messages.Online]]:
        """The concentrators that are on line, and by which word."""
        return [(name, s.said) for name, s in self._sessions.items() if s.said is not None]

    def session(self, concentrator: str) -> Session | None:
        """Its session as last told; None where nothing was."""
        return self._sessions.get(concentrator)

    def connectivity(self, concentrator: str) -> Connectivity:
        """See `ports.Field`."""
        session = self._sessions.get(concentrator)
        return Connectivity(session.online, session.since) if session else Connectivity(None)

    def came(self, concentrator: str, word: messages.Online) -> None:
        """It says that it is on line."""
        self._sessions[concentrator] = Session(True, word.at, word.boot, word.id, word)
        # The broker may have kept this word for weeks: only its own date tells that it is fresh.
        if abs((self.clock.now() - word.at).total_seconds()) <= self.policy.knock_after_s:
            self.note_heard(concentrator)

    def went(self, concentrator: str, will: messages.Offline) -> datetime:
        """The broker says that it is gone; since when."""
        now = self.clock.now()
        self._sessions[concentrator] = Session(False, now, will.boot, will.id)
        return now

    async def is_there(self, concentrator: str) -> bool:
        """Whether there is a word from the concentrator of late, asking for one where not."""
        loop = asyncio.get_running_loop()
        heard = self._heard.get(concentrator)
        if heard is not None and loop.time() - heard <= self.policy.knock_after_s:
            return True
        if self.connectivity(concentrator).online is False:
            return False
        knock = self._knocking.setdefault(concentrator, _Knock())
        until = loop.time() + self.policy.ack_timeout_s
        while not knock.answered.is_set() and loop.time() < until:
            if knock.again_at <= loop.time():  # otherwise another command's question is under way
                knock.again_at = loop.time() + self.policy.ack_timeout_s / 2
                await self._knock(concentrator)
            try:
                async with asyncio.timeout_at(min(until, knock.again_at)):
                    await knock.answered.wait()
            except TimeoutError:
                pass
        return knock.answered.is_set()

    async def _knock(self, concentrator: str) -> None:
        now = self.clock.now()
        question = messages.ReadFaultLog(id=self.chance.uuid(), at=now, since=now)
        try:
            await self.broker.publish(topics.down(concentrator), messages.encode(question))
        except BrokerUnavailable as error:
            log.info("not knocked", concentrator=concentrator, why=str(error))

    def note_heard(self, concentrator: str) -> None:
        self._heard[concentrator] = asyncio.get_running_loop().time()
        if (knock := self._knocking.pop(concentrator, None)) is not None:
            knock.answered.set()
