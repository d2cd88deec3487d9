"""A requester's end of the bus: each question has exactly one answer, whatever happens in between.

A state machine without I/O.  A question is sent again, unchanged, while no reply comes; when the
time is over the answer is a Reply FAILED (4.1) made here.  A reply that comes twice is dropped, a
further one (a page, or the outcome of what was acknowledged) is given as `Followed`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.effects import (
    Act,
    Answered,
    DeadLetter,
    Effect,
    Followed,
    Hop,
    Send,
    Why,
)
from protocols.cim.bus.ledger import CONTENT_TYPE
from protocols.cim.bus.letter import Letter
from protocols.cim.bus.router import NAME as ROUTER
from protocols.cim.bus.topics import Topics
from protocols.cim.envelope import Kind
from protocols.cim.errors import NotAMessage, ReplyError
from protocols.mqtt import Packet, Properties

SEND_AGAIN_S: Final = 5.0
FURTHER_MAX: Final = 1000  # further messages of one question
ANSWERED_MAX: Final = 1000  # questions remembered, to tell what follows from what is nobody's
TIMED_OUT: Final = ReplyError(
    "4.1", "TIEMPO_AGOTADO: el bus no trajo respuesta; no se sabe si se ejecutó la petición"
)
UNREADABLE: Final = ReplyError("5.3", "RESPUESTA_ILEGIBLE: la respuesta no se entiende")


class KeyInUse(ValueError):
    """A question under this key is open, with another content."""


@dataclass(slots=True, eq=False)
class _Question:
    key: str
    letter: Letter
    responder: str
    packet: Packet
    until: datetime
    send_again_at: datetime
    answered: bool = False
    said: set[str] = field(default_factory=set)


class Requester:
    """The system called `name` on the bus, where it asks."""

    def __init__(
        self,
        name: str,
        *,
        topics: Topics | None = None,
        router: str = ROUTER,
        send_again_s: float = SEND_AGAIN_S,
        letter_bounds: xml.Bounds = xml.BOUNDS,
    ) -> None:
        self.name = name
        self.topics = topics or Topics()
        self._router = router
        self._send_again = timedelta(seconds=send_again_s)
        self._letter_bounds = letter_bounds
        self._open: dict[str, _Question] = {}
        self._answered: OrderedDict[str, _Question] = OrderedDict()
        self._effects: list[Effect] = []
        self.filters = (self.topics.to_requester(name),)

    @property
    def open_count(self) -> int:
        """How many questions wait for their answer."""
        return len(self._open)

    def ask(
        self,
        key: str,
        letter: Letter,
        *,
        timeout_s: float,
        now: datetime,
        destination: str | None = None,
        directly: bool = False,
    ) -> list[Effect]:
        """Send a question under a key that tells it from others, such as Source and MessageID.

        Through the router, which finds the destination where none is named; or `directly` to the
        destination's queue.  The same question under the key of an open one joins it.  Raises
        `KeyInUse` for another one, and `ValueError` for a destination that is no name.
        """
        if (open_ := self._open.get(key)) is not None:
            if open_.letter.print != letter.print:
                raise KeyInUse(key)
            return []
        if directly and destination is None:
            raise ValueError("a direct question names its destination")
        responder = destination if directly and destination is not None else self._router
        topic = (
            self.topics.requests(responder, self.name)
            if directly
            else self.topics.route(self.name, destination)
        )
        properties = Properties(
            response_topic=self.topics.replies(self.name, responder),
            correlation=key.encode(),
            content_type=CONTENT_TYPE,
        )
        question = _Question(
            key=key,
            letter=letter,
            responder=responder,
            packet=Packet(topic, letter.octets, properties),
            until=now + timedelta(seconds=timeout_s),
            send_again_at=now + self._send_again,
        )
        self._answered.pop(key, None)
        self._open[key] = question
        self._send(question, Act.ASKED, now)
        return self._take_effects()

    def receive(self, packet: Packet, *, now: datetime) -> list[Effect]:
        """Take a packet.  One on another's topic is passed over."""
        come = self.topics.read_reply(packet.topic)
        if come is not None and come[0] == self.name:
            self._reply(packet, come[1], now)
        return self._take_effects()

    def next_deadline(self) -> datetime | None:
        """When `handle_deadline` has something to do."""
        return min(
            (min(question.until, question.send_again_at) for question in self._open.values()),
            default=None,
        )

    def handle_deadline(self, *, now: datetime) -> list[Effect]:
        """Send again what is not answered, and answer what has had its time."""
        for question in list(self._open.values()):
            if question.until <= now:
                self._answer_here(question, TIMED_OUT, now)
            elif question.send_again_at <= now:
                question.send_again_at = now + self._send_again
                self._send(question, Act.ASKED_AGAIN, now)
        return self._take_effects()

    def _send(self, question: _Question, act: Act, now: datetime) -> None:
        left_s = max(1, math.ceil((question.until - now).total_seconds()))
        before = question.packet.properties
        properties = Properties(
            before.response_topic, before.correlation, left_s, before.content_type, before.user
        )
        packet = Packet(question.packet.topic, question.packet.payload, properties)
        self._note(act, question, question.letter, self.name, question.responder, now)
        # Worth trying only until the same is sent again.
        self._effects.append(Send(packet, min(question.until, question.send_again_at)))

    def _reply(self, packet: Packet, responder: str, now: datetime) -> None:
        try:
            letter: Letter | None = letters.read(packet.payload, self._letter_bounds)
        except NotAMessage:
            letter = None
        question = self._asked(packet, letter)
        if question is None or question.responder != responder:
            self._lay_aside(packet, Why.NOT_AWAITED, responder, letter, now)
            return
        if letter is None or letter.kind not in (Kind.RESPONSE, Kind.FAULT):
            self._lay_aside(packet, Why.UNREADABLE, responder, letter, now)
            if not question.answered:
                self._answer_here(question, UNREADABLE, now)
            return
        if letter.print in question.said:
            self._note(Act.DROPPED, question, letter, responder, self.name, now, "repeated")
            return
        if len(question.said) > FURTHER_MAX:
            self._lay_aside(packet, Why.NOT_AWAITED, responder, letter, now)
            return
        question.said.add(letter.print)
        self._note(Act.RECEIVED, question, letter, responder, self.name, now)
        if question.answered:
            self._effects.append(Followed(question.key, letter))
        else:
            self._close(question)
            self._effects.append(Answered(question.key, letter))

    def _asked(self, packet: Packet, letter: Letter | None) -> _Question | None:
        correlation = packet.properties.correlation
        if correlation is not None:
            key = correlation.decode(errors="replace")
            return self._open.get(key) or self._answered.get(key)
        wanted = None if letter is None else letter.correlation_id
        if wanted is None:
            return None
        for questions in (self._open, self._answered):
            found = [one for one in questions.values() if wanted in one.letter.answers_to]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _answer_here(self, question: _Question, error: ReplyError, now: datetime) -> None:
        octets = letters.refusal(question.letter, error, by=self.name, at=now)
        letter = letters.read(octets)
        self._close(question)
        self._note(
            Act.REFUSED, question, letter, self.name, self.name, now, error.details or error.code
        )
        self._effects.append(Answered(question.key, letter, made_here=True))

    def _close(self, question: _Question) -> None:
        question.answered = True
        del self._open[question.key]
        self._answered[question.key] = question
        while len(self._answered) > ANSWERED_MAX:
            self._answered.popitem(last=False)

    def _lay_aside(
        self, packet: Packet, why: Why, responder: str, letter: Letter | None, now: datetime
    ) -> None:
        self._effects.append(
            DeadLetter(
                at=now,
                node=self.name,
                why=why,
                details=f"from {responder}",
                packet=packet,
                message_id=None if letter is None else letter.message_id,
                source=None if letter is None else letter.source,
            )
        )

    def _note(
        self,
        act: Act,
        question: _Question,
        letter: Letter,
        came_from: str,
        goes_to: str,
        now: datetime,
        why: str = "",
    ) -> None:
        asked = question.letter
        self._effects.append(
            Hop(
                at=now,
                node=self.name,
                act=act,
                about=asked.message_id or asked.correlation_id or asked.print,
                message_id=letter.message_id,
                came_from=came_from,
                goes_to=goes_to,
                print=letters.octets_print(letter.octets),
                octets=len(letter.octets),
                why=why,
            )
        )

    def _take_effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
